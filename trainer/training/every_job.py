"""Flags that every job has, and what is said of flags that do not fit."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from sampling.command_line import common
from sampling.command_line.flag import Flag, as_given
from sampling.command_line.values import names, whole
from sampling.errors import SamplingError
from sampling.formats.csv.options import CsvOptions

MODES = {
    "train": "trains, evaluates and exports a model",
    "evaluate": "measures a trained model",
    "predict": "predicts with a trained model",
}
MODE = Flag("mode", None, str, "what to do", choices=tuple(MODES))

JOB = (
    common.JOB_DIR._replace(
        help=f"{common.JOB_DIR.help}; evaluate and predict take the flags that are not given from "
        "its parameters.json, and so does a training that goes on from its checkpoint"
    ),
    Flag(
        "restart",
        False,
        None,
        "whether to train from the beginning where the job_dir holds a model, which is moved to "
        "replaced-1, replaced-2, ... in it; else training goes on from the last checkpoint",
    ),
    Flag(
        "output",
        None,
        str,
        "file for predictions, which must not exist; unless given: predictions.jsonl in the "
        "job_dir, in place of the last ones",
    ),
)

DATA = (
    common.SCHEMA,
    common.LABEL,
    common.WEIGHT_COLUMN,
    Flag(
        "forward",
        [],
        names,
        "names (a,b) of features that identify a row: they come along to the predictions and "
        "are not learned from",
        of_model=True,
    ),
    *common.WRITTEN,
)

PATIENCE = Flag(
    "patience",
    None,
    whole(1),
    "early stopping: epochs without a better best_metric after which the training ends; unless "
    "given: num_epochs decides alone",
)

NUM_EPOCHS = Flag("num_epochs", 10, whole(1), "epochs to train for")

READING = (
    Flag("batch_size", 128, whole(1), "rows of a training batch"),
    Flag("pool_rows", 131_072, whole(1), "about how many rows of a class are permuted at a time"),
    common.SEED,
)


def written(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of a trained model, and how files are written: as the schema that is given says, or
    as the model's were, or as is usual."""
    found = CsvOptions.of_schema(given["schema"]) if given.get("schema") else None
    return {**CsvOptions().by_name(), **stored, **(found.by_name() if found else {})}


def refuse_missing(flags: argparse.Namespace, needed: Iterable[str]) -> None:
    """Raises SamplingError, with all their names, if some have no value that the mode needs."""
    missing = [f"--{name}" for name in needed if not getattr(flags, name)]
    if missing:
        named = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        raise SamplingError(f"{named} {are} missing, which --mode={flags.mode} needs; pass {them}")


def refuse_other_mode(flags: argparse.Namespace, name: str, mode: str) -> None:
    """Raises SamplingError if the flag was given, and is not of the mode."""
    if getattr(flags, name) and flags.mode != mode:
        raise SamplingError(f"--{name} goes with --mode={mode}, not {flags.mode}; leave it out")


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
