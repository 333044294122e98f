"""Flags that every job has, and what is said of flags that do not fit."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sampling.command_line import common
from sampling.command_line.flag import Flag, as_given
from sampling.command_line.values import names, whole
from sampling.errors import SamplingError
from sampling.formats.csv.options import CsvOptions

if TYPE_CHECKING:  # flags are explained before anything of a schema is needed
    from sampling.schema import Schema

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

EXPORT_DIR = Flag(
    "export_dir",
    None,
    str,
    "an export (JOB_DIR/export/1700000000) to predict with, in place of the checkpoint",
)

DATA_DIR = Flag(
    "data_dir",
    None,
    str,
    "folder of `tf-sampling split`, in place of the files, schema and label",
)

TESTED = (
    Flag("test_dir", None, names, "files to evaluate or to predict, in every mode"),
    Flag(
        "dev_dir",
        None,
        names,
        "files to validate on while training, so that test_dir decides on nothing; unless "
        "given: test_dir",
    ),
)

CORRECT = Flag(
    "correct",
    "auto",
    str,
    "auto: where sample and weights differ from the files, the model is evaluated, "
    "predicts and is exported with probabilities corrected to the files' ratio, and its "
    "signatures have the output prior_correction; no: it puts out what it learned",
    choices=("auto", "no"),
)

DECAY = Flag(
    "decay",
    "cosine",
    str,
    "how the learning rate falls to 0 over the steps of all num_epochs, so that the last "
    "ones change little; ftrl's rate, of which its weights are a function, stays",
    choices=("cosine", "linear", "none"),
)

CHECKPOINTS = (
    Flag(
        "checkpoint_steps",
        None,
        whole(1),
        "steps between checkpoints; unless given: those of an epoch, from 500 to 10,000",
    ),
    Flag("eval_secs", 60, whole(0), "least seconds between evaluations while training"),
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


def refuse_other_columns(
    flags: argparse.Namespace, schema: Schema, trained: Iterable[Mapping[str, Any]]
) -> None:
    """Raises SamplingError if the model in the job_dir was trained with other columns, given as a
    schema's JSON."""
    if _columns(json.loads(schema.to_json())) != _columns(trained):
        raise SamplingError(
            f"{flags.schema} has other columns than the model in {flags.job_dir} was trained "
            "with; leave --schema out, or name another --job-dir"
        )


def _columns(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of a schema's JSON, what a model is of: not whether they may be blank, nor other names."""
    return [
        {**{key: entry[key] for key in entry if key not in ("mode", "alias")}, "list": is_list}
        for entry in entries
        for is_list in [entry["mode"] == "REPEATED"]
    ]
