"""All that a model was made with: flags, schema, constants. Kept in the job directory as JSON."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sampling import Schema
from sampling.command_line.flag import defaults, of_model
from sampling.errors import SamplingError
from sampling.features.columns import Columns, readable
from sampling.probabilities.calibration import Prior
from sampling.probabilities.temperature import ClassCalibration
from trainer.classes import data_dir
from trainer.classes.options import AUTO, FLAGS
from trainer.classification import job
from trainer.job_dir import contents, restart
from trainer.training.every_job import (
    refuse_missing,
    refuse_other_columns,
    refuse_other_model,
    written,
)
from trainer.wide_deep.baseline import Baseline

_NEEDED = {
    "train": ("schema", "label", "test_dir"),
    "evaluate": ("test_dir",),
    "predict": ("test_dir",),
}
CLASS, PROBABILITY = "class", "probability_"  # what predictions are called; a class's name follows


class ClassesParameters(NamedTuple):
    """What a job was asked for, and what it has found out so far.

    Attributes:
        flags, schema: as given, and the schema they lead to, whose classes are named.
        input_schema: as files are read and requests are answered.
        trained_steps: by the checkpoints that are there.
        prior: that the model was trained in.
        columns: what the model knows of its columns.
        calibration: of the checkpoint of `calibrated_step`.
        baseline: what the model is compared with.
    """

    flags: argparse.Namespace
    schema: Schema
    input_schema: Schema
    trained_steps: int = 0
    prior: Prior | None = None
    columns: Columns | None = None
    calibration: ClassCalibration | None = None
    calibrated_step: int = 0
    baseline: Baseline | None = None

    @classmethod
    def resolve(cls, given: Mapping[str, Any]) -> ClassesParameters:
        """The flags that were given; for the others what the job_dir says, or the defaults.

        Raises:
            SamplingError: a flag is missing, or is another than what the model was trained with.
        """
        given = data_dir.expand(given)
        job_dir, (stored, steps) = given["job_dir"], job.begun(given)
        path = f"{job_dir}/{contents.PARAMETERS}"
        with contents.undamaged(path) if stored is not None else contextlib.nullcontext():
            flags = _flags(given, stored)
            _check_given(flags)
            schema = _schema(flags, stored, "schema" in given)
            _check_names(flags, schema)
            if stored is None:
                return cls(flags, schema, readable(schema), steps)
            _check_same_model(flags, schema, stored)
            return cls(flags, schema, readable(schema), steps, **_known(stored))

    @property
    def correction(self) -> Prior | None:
        """What the model corrects its outputs for; None: nothing."""
        prior = self.prior if self.flags.correct == AUTO else None
        return prior if prior is not None and prior.needs_correction else None

    def write(self) -> None:
        known = {name: getattr(self, name) for name in _KNOWN}
        value = {
            "flags": restart.without(vars(self.flags)),
            "schema": json.loads(self.schema.to_json()),
            "classes": list(self.schema.classes),
            **{name: dataclasses.asdict(each) if each else None for name, each in known.items()},
            "calibrated_step": self.calibrated_step,
        }
        contents.write_json(self.flags.job_dir, contents.PARAMETERS, value)


def _calibration(said: Mapping[str, Any]) -> ClassCalibration:
    with_tuples: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in said.items()
    }
    return ClassCalibration(**with_tuples)


_KNOWN: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "prior": lambda said: Prior(tuple(said["files"]), tuple(said["stream"])),
    "columns": Columns.from_dict,
    "calibration": _calibration,
    "baseline": Baseline.from_dict,
}


def _known(stored: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: make(stored[name]) for name, make in _KNOWN.items() if stored[name]}
    return {**found, "calibrated_step": stored["calibrated_step"]}


def _flags(given: Mapping[str, Any], stored: Mapping[str, Any] | None) -> argparse.Namespace:
    kept = stored["flags"] if stored else {}
    values = {**defaults(FLAGS), **written(kept, given), **given}
    values["best_metric"] = job.best_metric(values)
    return argparse.Namespace(**values)


def _schema(flags: argparse.Namespace, stored: Mapping[str, Any] | None, is_given: bool) -> Schema:
    """Of the file given, or as it was when the model was trained; with names for its classes."""
    classes = flags.classes or (stored["classes"] if stored else ())
    source = flags.schema if is_given or not stored else json.dumps(stored["schema"])
    schema = Schema.from_json(source, flags.label, flags.weight_column, flags.forward, classes)
    if not schema.classes:
        schema = dataclasses.replace(schema, classes=data_dir.found_classes(flags, schema))
    return schema


def _check_given(flags: argparse.Namespace) -> None:
    refuse_missing(flags, _NEEDED[flags.mode])
    if flags.mode == "train" and not (flags.class_dir or flags.train_dir):
        raise SamplingError(
            "--class_dir and --train_dir are missing, one of which --mode=train needs; pass one, "
            "or --data_dir"
        )
    job.check_given(flags)


def _check_names(flags: argparse.Namespace, schema: Schema) -> None:
    own = {CLASS, *(PROBABILITY + name for name in schema.classes)}
    for name in schema.features_to_forward:
        if name in own:
            raise SamplingError(
                f"the column {name!r} is forwarded, which is what predictions are called; rename it"
            )


def _check_same_model(flags: argparse.Namespace, schema: Schema, stored: Mapping[str, Any]) -> None:
    refuse_other_model(vars(flags), stored["flags"], of_model(FLAGS))
    refuse_other_columns(flags, schema, stored["schema"])
    if list(schema.classes) != stored["classes"]:
        raise SamplingError(
            f"the classes are {', '.join(schema.classes)}, and the model in {flags.job_dir} was "
            f"trained with {', '.join(stored['classes'])}; leave --classes and --schema out, or "
            "name another --job-dir"
        )
