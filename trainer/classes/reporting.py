"""The report of an evaluation of many classes: a page, its pictures, and these in TensorBoard."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sampling import InputFnStratified, files
from sampling.input_fn.description import Description
from sampling.report import folder
from sampling.samplers.stratified import name_of
from trainer.classes.parameters import ClassesParameters
from trainer.classification import tensorboard
from trainer.classification.importance import Rises

if TYPE_CHECKING:
    from trainer.classes.evaluate import Evaluated

REPORT = "report"
_WRONG = 12  # rows


def summaries_name(flags: argparse.Namespace) -> str | None:
    """What evaluations are called apart from those while training, if there are such."""
    return "test" if flags.dev_dir else None


def write(
    parameters: ClassesParameters,
    found: Evaluated,
    usage: Any,
    evaluations: Mapping[str, Any],
    rises: Rises | None,
) -> None:
    """Writes the page, if it can be drawn."""
    try:
        folder.require()
    except ImportError as error:
        print(f"no report: {error}", file=sys.stderr)
        return
    from sampling.report.classes import build

    options = build.ClassOptions(
        title=_title(parameters),
        prior=parameters.prior,
        corrected=parameters.correction is not None,
        usage=usage,
        baseline=found.baseline,
        surest_wrong=_surest_wrong(found),
        evaluations=evaluations,
        importance=rises,
    )
    drawn, flags = build.build(found.rows, options), parameters.flags
    directory = os.path.join(flags.job_dir, REPORT)
    files.replace_all(directory, drawn)
    name = summaries_name(flags)
    summaries = f"{flags.job_dir}/eval_{name}" if name else f"{flags.job_dir}/eval"
    tensorboard.summarize(summaries, found.step, {}, drawn)
    print(f"report: {os.path.join(directory, build.PAGE)}", flush=True)


def described(input_fn: InputFnStratified, parameters: ClassesParameters) -> Description:
    """What is read and what comes of it, with the classes by name, and what outputs are."""
    names = {name_of(place): name for place, name in enumerate(parameters.schema.classes)}
    named = {
        key: {names.get(name, name): each for name, each in value.items()}
        if isinstance(value, Mapping)
        else value
        for key, value in input_fn.describe().items()
    }
    return Description(named, outputs=said_of_outputs(parameters))


def said_of_outputs(parameters: ClassesParameters) -> str:
    """What the model's outputs are probabilities of."""
    prior = parameters.prior
    if prior is None or not prior.needs_correction:
        return "probabilities of the files, as sample and weights left their prior"
    if parameters.correction:
        return "corrected, from the prior in training to the files'"
    return "not corrected: of the prior in training, not of the files'"


def _title(parameters: ClassesParameters) -> str:
    flags = parameters.flags
    return (
        f"Classes: {flags.label}, in {', '.join(flags.test_dir)}, {datetime.date.today():%Y-%m-%d}"
    )


def _surest_wrong(found: Evaluated) -> list[dict[str, Any]]:
    """The rows whose wrong class is predicted with the highest probabilities."""
    rows = found.rows
    predicted, confidence = rows.predicted, rows.probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != rows.labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:_WRONG]
    return [
        {
            **{name: _text(values[row]) for name, values in found.ids.items()},
            "class": rows.classes[rows.labels[row]],
            "predicted": rows.classes[predicted[row]],
            "probability": float(confidence[row]),
            "of its class": float(rows.probabilities[row, rows.labels[row]]),
        }
        for row in surest
    ]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
