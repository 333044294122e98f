"""All that a model was made with: flags, schema, scales. Kept in the job directory as JSON."""

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
from sampling.probabilities.calibration import Prior, cost_threshold
from sampling.probabilities.platt import Calibration
from trainer.classification import job
from trainer.job_dir import contents, restart
from trainer.propensity import data_dir
from trainer.propensity.model import warm_start
from trainer.propensity.model.features import Scale
from trainer.propensity.options import DEFAULTS, FLAGS
from trainer.training.every_job import (
    refuse_missing,
    refuse_other_columns,
    refuse_other_model,
    written,
)
from trainer.wide_deep.baseline import Baseline

_NEEDED = {
    "train": ("schema", "label", "positive_dir", "negative_dir", "test_dir"),
    "evaluate": ("test_dir",),
    "predict": ("test_dir",),
}
_TAKEN = ("probability", "class")  # what predictions are called


class Parameters(NamedTuple):
    """What a job was asked for, and what it has found out so far.

    Attributes:
        flags, schema: as given, and the schema they lead to.
        scales: of its columns, if they were measured.
        input_schema: as files are read and requests are answered.
        trained_steps: by the checkpoints that are there.
        prior: that the model was trained in, if known.
        columns: what a wide and deep model knows of its columns.
        calibration: of the checkpoint of `calibrated_step`.
        baseline: what the model is compared with.
    """

    flags: argparse.Namespace
    schema: Schema
    input_schema: Schema
    scales: dict[str, Scale] | None
    trained_steps: int
    prior: Prior | None = None
    columns: Columns | None = None
    calibration: Calibration | None = None
    calibrated_step: int = 0
    baseline: Baseline | None = None

    @classmethod
    def resolve(cls, given: Mapping[str, Any]) -> Parameters:
        """The flags that were given; for the others what the job_dir says, or the defaults.

        Raises:
            SamplingError: a flag is missing, or is another than what the model was trained with.
        """
        given = data_dir.expand(given)
        job_dir, (stored, steps) = given["job_dir"], job.begun(given)
        other = None
        if stored is None and given.get("warm_start_dir"):
            other = warm_start.stored(given["warm_start_dir"])
        known = other if stored is None else stored
        whose = given.get("warm_start_dir") if stored is None else job_dir
        path = f"{whose}/{contents.PARAMETERS}"
        with contents.undamaged(path) if known is not None else contextlib.nullcontext():
            flags = _flags(given, stored, other)
            _check_given(flags)
            schema = _schema(flags, stored if "schema" not in given else None)
            _check_segment(flags, schema)
            if stored is not None:
                _check_same_model(flags, schema, stored)
            elif other is not None:
                warm_start.check(flags, schema, other)
            return cls(
                flags,
                schema,
                readable(schema) if flags.model == "wide_deep" else schema,
                _scales(known) if known is not None else None,
                steps,
                _prior(stored),
                Columns.from_dict(known["columns"]) if known and known["columns"] else None,
                *_calibration(stored),
                _baseline(stored),
            )

    @property
    def start(self) -> Prior | None:
        """What the model begins at; None: at 0.5."""
        return self.prior if self.flags.initial_output == "prior" else None

    @property
    def correction(self) -> Prior | None:
        """What the model corrects its outputs for; None: nothing."""
        prior = self.prior if self.flags.correct == "auto" else None
        return prior if prior is not None and prior.needs_correction else None

    @property
    def costs(self) -> tuple[float, float]:
        """Of a false positive and of a false negative."""
        return self.flags.cost_false_positive, self.flags.cost_false_negative

    @property
    def threshold(self) -> float:
        """The probability from which a row is of class 1."""
        return self.flags.threshold or cost_threshold(*self.costs)

    def with_scales(self, measure: Callable[[], dict[str, Scale]]) -> Parameters:
        """Measured only where they are not known: a model goes on with those it began with."""
        return self if self.scales is not None else self._replace(scales=measure())

    def write(self) -> None:
        scales = {name: scale._asdict() for name, scale in (self.scales or {}).items()}
        value = {
            "flags": restart.without(vars(self.flags)),
            "schema": json.loads(self.schema.to_json()),
            "classes": list(self.schema.classes),
            "scales": scales,
            "prior": dataclasses.asdict(self.prior) if self.prior else None,
            "columns": self.columns.to_dict() if self.columns else None,
            "calibration": dataclasses.asdict(self.calibration) if self.calibration else None,
            "calibrated_step": self.calibrated_step,
            "baseline": dataclasses.asdict(self.baseline) if self.baseline else None,
        }
        contents.write_json(self.flags.job_dir, contents.PARAMETERS, value)


def _flags(
    given: Mapping[str, Any], stored: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> argparse.Namespace:
    """Of the model that is gone on with, or in part those of another that is started from."""
    shape = {name: other["flags"][name] for name in warm_start.SAME} if other else {}
    kept = {} if stored is None else stored["flags"]
    known = {**defaults(FLAGS), **shape, **kept, **given}
    usual = {**defaults(FLAGS), **DEFAULTS[known["model"]]}
    values = {**usual, **shape, **written(kept, given), **given}
    values["best_metric"] = job.best_metric(values)
    return argparse.Namespace(**values)


def _scales(stored: Mapping[str, Any]) -> dict[str, Scale]:
    return {name: Scale(**scale) for name, scale in stored["scales"].items()}


def _prior(stored: Mapping[str, Any] | None) -> Prior | None:
    prior = stored.get("prior") if stored else None
    return Prior(tuple(prior["files"]), tuple(prior["stream"])) if prior else None


def _calibration(stored: Mapping[str, Any] | None) -> tuple[Calibration | None, int]:
    found = stored["calibration"] if stored else None
    return (Calibration(**found), stored["calibrated_step"]) if stored and found else (None, 0)


def _baseline(stored: Mapping[str, Any] | None) -> Baseline | None:
    found = stored["baseline"] if stored else None
    return Baseline.from_dict(found) if found else None


def _schema(flags: argparse.Namespace, stored: Mapping[str, Any] | None) -> Schema:
    """Of the file given, or as it was when the model was trained."""
    source = json.dumps(stored["schema"]) if stored else flags.schema
    classes = stored.get("classes", ()) if stored else ()
    return Schema.from_json(source, flags.label, flags.weight_column, flags.forward, classes)


def _check_given(flags: argparse.Namespace) -> None:
    refuse_missing(flags, _NEEDED[flags.mode])
    job.check_given(flags)
    taken = [name for name in _TAKEN if name in flags.forward]
    if taken:
        raise SamplingError(
            f"--forward names {taken[0]!r}, which is what predictions are called; rename the column"
        )


def _check_segment(flags: argparse.Namespace, schema: Schema) -> None:
    names = [field.name for field in schema.features]
    if flags.segment is not None and flags.segment not in names:
        raise SamplingError(
            f"--segment is {flags.segment!r}, expected a feature ({', '.join(names)}); name one"
        )


def _check_same_model(flags: argparse.Namespace, schema: Schema, stored: Mapping[str, Any]) -> None:
    refuse_other_model(vars(flags), stored["flags"], of_model(FLAGS))
    refuse_other_columns(flags, schema, stored["schema"])
