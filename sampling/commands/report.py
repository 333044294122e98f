"""`tf-sampling report`: a page with pictures on how true and how good predictions are."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from sampling import files
from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import exact_names, names, number
from sampling.errors import SamplingError

IF_STOPPED = "the same command begins anew"
PARAMETERS, USAGE = "parameters.json", "sampling.json"  # what a job says of its training
_ENVIRONMENT = ("true_ratio", "sample_ratio", "positive_weight", "negative_weight")
FLAGS = {
    "what is read": (
        Flag(
            "predictions",
            None,
            str,
            "globs of CSV, Parquet or JSON-lines files",
            positional=True,
        ),
        common.LABEL._replace(required=True, help="column of the labels"),
        Flag("labels", None, names, "the files that were predicted, if predictions lack columns"),
        Flag(
            "classes",
            [],
            exact_names,
            "what labels are called, the negative class first (no,yes); unless given: as the "
            "job_dir says, or 0,1",
        ),
        Flag("probability", "probability", str, "its column"),
        common.WEIGHT_COLUMN,
        Flag("segment", None, str, "column of groups in which calibration is looked at, too"),
    ),
    "how the model was trained": (
        common.JOB_DIR._replace(
            help=f"{common.JOB_DIR.help}, how it sampled and corrected, too; in place of the ratios"
        ),
        Flag("true_ratio", None, number(0), "negatives for each positive in the files"),
        Flag("sample_ratio", None, number(0), "the same in the training's epochs"),
        Flag("positive_weight", None, number(0), "of a row in training; unless given: 1"),
        Flag("negative_weight", None, number(0), "of a row in training; unless given: 1"),
        Flag(
            "corrected",
            None,
            None,
            "whether predictions are corrected already; unless given: as the job_dir says, or no",
        ),
    ),
    "what is shown": (
        *common.DECIDING,
        Flag("title", None, str, "the page's heading; unless given: the label's name"),
        common.OUTPUT._replace(default="output/report", required=False),
        common.OVERWRITE,
    ),
}


def run(flags: argparse.Namespace) -> None:
    from sampling.probabilities.calibration import cost_threshold
    from sampling.report import folder, rows

    costs = flags.cost_false_positive, flags.cost_false_negative
    trained = _of_job(flags.job_dir, flags.corrected) if flags.job_dir else _of_flags(flags)
    known = trained.pop("classes", [])
    classes = flags.classes or known
    predictions = rows.read(
        flags.predictions,
        flags.label,
        labels=flags.labels,
        probability=flags.probability,
        weight=flags.weight_column,
        segment=flags.segment,
        classes=classes,
    )
    path = folder.write(
        predictions,
        flags.output,
        flags.overwrite,
        title=flags.title or flags.label,
        threshold=cost_threshold(*costs) if flags.threshold is None else flags.threshold,
        costs=costs,
        classes=classes,
        **trained,
    )
    print(path)


def _of_flags(flags: argparse.Namespace) -> dict[str, Any]:
    from sampling.probabilities.calibration import Environment

    given = {name: getattr(flags, name) for name in _ENVIRONMENT}
    given = {name: value for name, value in given.items() if value is not None}
    if given and flags.true_ratio is None:
        raise SamplingError(
            f"--{next(iter(given))} is given without --true_ratio, expected the ratio in the files "
            "too; pass it"
        )
    prior = Environment(**given).prior if given else None
    return {"prior": prior, "corrected": bool(flags.corrected)}


def _of_job(job: str, corrected: bool | None) -> dict[str, Any]:
    from sampling.probabilities.calibration import Prior

    parameters = _read_json(os.path.join(job, PARAMETERS))
    try:
        stored, flags = parameters.get("prior"), parameters["flags"]
        prior = Prior(tuple(stored["files"]), tuple(stored["stream"])) if stored else None
        is_corrected = flags.get("correct") == "auto"
        classes = parameters.get("classes", [])
    except (AttributeError, KeyError, TypeError):
        raise SamplingError(
            f"{os.path.join(job, PARAMETERS)} is not as a training writes it; train again"
        ) from None
    usage = None
    if files.exists(path := os.path.join(job, USAGE)):
        usage = _read_json(path)
    if corrected is None:
        corrected = prior is not None and prior.needs_correction and is_corrected
    return {"prior": prior, "corrected": corrected, "usage": usage, "classes": classes}


def _read_json(path: str) -> Any:
    text = files.read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SamplingError(f"{path} is not JSON ({error}); train again") from None
