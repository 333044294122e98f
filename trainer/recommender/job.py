"""What the recommender job does in each mode; its flags are in recommender.py."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from sampling import Field, Schema
from sampling.command_line.flag import defaults, of_model
from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.input_fn.cluster import Task
from trainer.distributed import member
from trainer.job_dir import contents, restart, trained
from trainer.recommender import data_dir, inputs, usual
from trainer.recommender.evaluate import evaluate
from trainer.recommender.options import FLAGS
from trainer.recommender.predict import predict
from trainer.recommender.train import RecommenderTraining
from trainer.training import quiet
from trainer.training.every_job import (
    refuse_missing,
    refuse_other_mode,
    refuse_other_model,
    written,
)

_OBSERVED = "(observed)"  # the label where there is none
_NEEDED = {
    "train": ("schema", "user_key", "item_key", "train_dir", "test_dir"),
    "evaluate": ("test_dir",),
    "predict": ("test_dir",),
}


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says; see `trainer.propensity.job.run`."""
    quiet.quieten_tensorflow()
    install()
    task = member.enter() if given.mode == "train" else Task()
    modes: dict[str, Callable[[argparse.Namespace, Schema], None]] = {
        "train": lambda flags, schema: RecommenderTraining(flags, schema, task).run(),
        "evaluate": evaluate,
        "predict": predict,
    }
    with quiet.plain_errors(given.job_dir):
        flags = resolved(vars(given))
        modes[flags.mode](flags, schema_of(flags))


def schema_of(flags: argparse.Namespace) -> Schema:
    schema = Schema.from_json(
        flags.schema, flags.label, flags.weight_column, flags.forward or inputs.keys(flags)
    )
    if schema.label_field is None:
        return _with_label(flags, schema)
    if schema.label_field.is_string:
        raise SamplingError(
            f"--label={schema.label} is of type {schema.label_field.type}, expected a number: how "
            "often or how well; name another column"
        )
    return schema


def _with_label(flags: argparse.Namespace, schema: Schema) -> Schema:
    """With a label that no file has: pairs of the files are observed, all others are not."""
    if flags.model == "linear":
        raise SamplingError(
            "--label is missing, which --model=linear predicts; pass it, or name another model"
        )
    if _OBSERVED not in schema.names:  # the schema in a job_dir has it
        schema = dataclasses.replace(schema, fields=(*schema.fields, Field(_OBSERVED, int)))
    return dataclasses.replace(schema, label=_OBSERVED)


def resolved(asked: Mapping[str, Any]) -> argparse.Namespace:
    """The flags that were given; for the others what the job_dir says, or the defaults.

    The schema of a trained model is in its job_dir: `schema` is then the text itself.
    """
    given = data_dir.expand(asked)
    stored: dict[str, Any] = {}
    is_begun = not restart.is_asked(given) and trained.checkpoint(given["job_dir"])
    if given["mode"] != "train" or is_begun:
        stored = _stored(given["job_dir"])
    values = {**defaults(FLAGS), **written(stored, given), **given}
    if stored:
        refuse_other_model(values, stored, of_model(FLAGS))
    if values["mode"] == "predict":
        values["top"] = given.get("top")  # the model's own says how it was measured
        values["exclude"] = given.get("exclude", [])  # the model's own are known already
    flags = argparse.Namespace(**usual.filled(values))
    for name in ("output", "users"):
        refuse_other_mode(flags, name, "predict")
    if flags.mode != "predict" or not flags.top:
        refuse_missing(flags, _NEEDED[flags.mode])
    elif asked.get("test_dir"):
        raise SamplingError(
            "--top asks for lists of users and --test_dir for predictions of pairs, expected one "
            "of them; name the users by --users, or leave --top out"
        )
    if flags.users and not flags.top:
        raise SamplingError("--users goes with --top, which asks for lists; pass it")
    return flags


def _stored(job_dir: str) -> dict[str, Any]:
    if not tf.io.gfile.exists(os.path.join(job_dir, contents.PARAMETERS)):
        raise SamplingError(
            f"found no trained model in {job_dir}, expected one; fix --job-dir, or run "
            "--mode=train first"
        )
    parameters = contents.read_json(job_dir, contents.PARAMETERS)
    with contents.undamaged(f"{job_dir}/{contents.PARAMETERS}"):
        flags = {name: parameters["flags"][name] for name in defaults(FLAGS) if name != "restart"}
        return {**flags, "schema": json.dumps(parameters["schema"])}
