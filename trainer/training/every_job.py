"""Flags that both jobs have."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from sampling.errors import SamplingError
from sampling.flags.flag import Flag, as_given, delimiter, names, null_values, whole

MODES = ("train", "evaluate", "predict")
FORMATS = ("csv", "csv.gz", "parquet", "tfrecord", "tfrecord.gz")

JOB = (
    Flag("mode", None, str, "what to do", choices=MODES),
    Flag(
        "job_dir",
        None,
        str,
        "directory of the model and all that is said of it; evaluate and predict take the "
        "flags that are not given from its parameters.json, and so does a training that goes "
        "on from its checkpoint",
    ),
    Flag(
        "restart",
        False,
        None,
        "whether to train from the beginning where the job_dir holds a model, which is moved to "
        "replaced-1, replaced-2, ... in it; else training goes on from the last checkpoint",
    ),
)

DATA = (
    Flag("schema_path", None, str, "JSON file of the columns, as bq show --schema prints it"),
    Flag("label", None, str, "name of the column to be learned", of_model=True),
    Flag(
        "weight_column",
        None,
        str,
        "name of the column with each row's own weight, if any",
        of_model=True,
    ),
    Flag(
        "forward",
        [],
        names,
        "names (a,b) of features that identify a row: they come along to the predictions and "
        "are not learned from",
        of_model=True,
    ),
    Flag("header", True, None, "whether the first line of each file names its columns"),
    Flag("delimiter", ",", delimiter, "the character between fields"),
    Flag(
        "null_values",
        [""],
        null_values,
        "spellings (NA,NULL) of an empty field, besides the empty one",
    ),
    Flag("newlines_in_values", False, None, "whether quoted fields may hold newlines"),
    Flag("file_format", None, str, "of all files; unless given: by their names", choices=FORMATS),
)

PATIENCE = Flag(
    "patience",
    None,
    whole(1),
    "early stopping: epochs without a better best_metric after which the training ends; unless "
    "given: num_epochs decides alone",
)

READING = (
    Flag("batch_size", 128, whole(1), "rows of a training batch"),
    Flag("num_epochs", 10, whole(1), "epochs to train for"),
    Flag("pool_rows", 131_072, whole(1), "about how many rows of a class are permuted at a time"),
    Flag("seed", 0, whole(0), "the same seed, files and flags give the same model"),
)


def file_options(flags: argparse.Namespace) -> dict[str, Any]:
    """How files are written, as every input function takes it."""
    names = ("header", "delimiter", "null_values", "newlines_in_values", "file_format")
    return {name: getattr(flags, name) for name in names}


def refuse_missing(flags: argparse.Namespace, needed: Iterable[str]) -> None:
    """Raises SamplingError if one of these has no value, which the mode needs."""
    for name in needed:
        if not getattr(flags, name):
            raise SamplingError(f"--{name} is missing, which --mode={flags.mode} needs; pass it")


def refuse_other_model(
    found: Mapping[str, Any], trained: Mapping[str, Any], names: Iterable[str]
) -> None:
    """Raises SamplingError if one of these flags is not as the model in the job_dir was trained."""
    for name in names:
        if found[name] != trained[name]:
            raise SamplingError(
                f"--{name} is {as_given(found[name])}, and the model in {found['job_dir']} was "
                f"trained with {as_given(trained[name])}; leave the flag out, or name another "
                "--job-dir"
            )
