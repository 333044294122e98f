"""A page on predictions whose labels are known: are they true, where to decide, what it costs.

    python -m sampling.report output/job/predictions.jsonl --labels='dev/*.csv' --label=bought \\
        --job=output/job --segment=city --cost_false_negative=20 --output=output/report

Needs scikit-learn and matplotlib: install tf-sampling[report].
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

from sampling import files
from sampling.errors import SamplingError
from sampling.probabilities.calibration import Environment, Prior, cost_threshold
from sampling.report import rows
from sampling.report.rows import Predictions

_ENVIRONMENT = ("true_ratio", "sample_ratio", "positive_weight", "negative_weight")
PARAMETERS, USAGE = "parameters.json", "sampling.json"  # what a job says of its training


def require() -> Any:
    """`sampling.report.build`.

    Raises:
        ImportError: scikit-learn or matplotlib is missing.
    """
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"there is no {error.name}, which reports are made with; install tf-sampling[report]"
        ) from None
    from sampling.report import build

    return build


def write(predictions: Predictions, output: str, overwrite: bool = False, **options: Any) -> str:
    """Writes `report.html`, which has all in it, and its pictures as PNGs to a folder.

    Args:
        predictions: the rows.
        output: the folder.
        overwrite: whether to replace files of an earlier report in it.
        options: see `sampling.report.build.Options`.

    Returns:
        The page's path.

    Raises:
        ImportError: scikit-learn or matplotlib is missing.
        SamplingError: an option is out of range, or a report is there already.
    """
    build = require()
    if not overwrite:
        files.check_new(os.path.join(output, build.PAGE))
    files.replace_all(output, build.build(predictions, build.Options(**options)), overwrite)
    return os.path.join(output, build.PAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sampling.report",
        description="Writes a page with pictures on how true and how good predictions are.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("predictions", nargs="+", help="globs of CSV, Parquet or JSON-lines files")
    add("--label", required=True, help="column of the labels, 0 or 1")
    add("--labels", nargs="+", help="the files that were predicted, if predictions lack columns")
    add("--probability", default="probability", help="its column (default: probability)")
    add("--weight", help="column of the rows' weights, if any")
    add("--segment", help="column of groups in which calibration is looked at, too")
    add("--job", help="job_dir of the training, which says how it sampled and corrected")
    add("--true_ratio", type=float, help="without --job: negatives for each positive in the files")
    add("--sample_ratio", type=float, help="the same in the training's epochs (default: the same)")
    add("--positive_weight", type=float, help="of a row in training (default: 1)")
    add("--negative_weight", type=float, help="of a row in training (default: 1)")
    add(
        "--corrected",
        action=argparse.BooleanOptionalAction,
        help="whether predictions are corrected already (default: as --job says, or no)",
    )
    add("--threshold", type=float, help="from where on to call positive (default: by the costs)")
    add("--cost_false_positive", type=float, default=1.0, help="(default: 1)")
    add("--cost_false_negative", type=float, default=1.0, help="(default: 1)")
    add("--title", help="the page's heading (default: the label's name)")
    add("--output", default="output/report", help="folder (default: output/report)")
    add("--overwrite", action="store_true", help="replace a report that was written before")
    try:
        with files.cleaning_up():
            print(_run(parser.parse_args(arguments)))
    except (ImportError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")


def _run(flags: argparse.Namespace) -> str:
    costs = flags.cost_false_positive, flags.cost_false_negative
    predictions = rows.read(
        flags.predictions,
        flags.label,
        labels=flags.labels,
        probability=flags.probability,
        weight=flags.weight,
        segment=flags.segment,
    )
    return write(
        predictions,
        flags.output,
        flags.overwrite,
        title=flags.title or flags.label,
        threshold=cost_threshold(*costs) if flags.threshold is None else flags.threshold,
        costs=costs,
        **(_of_job(flags.job, flags.corrected) if flags.job else _of_flags(flags)),
    )


def _of_flags(flags: argparse.Namespace) -> dict[str, Any]:
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
    parameters = _json(os.path.join(job, PARAMETERS))
    stored = parameters.get("prior")
    prior = Prior(stored["files"], stored["stream"]) if stored else None
    corrects = prior is not None and prior.needs_correction
    usage_path = os.path.join(job, USAGE)
    usage = _json(usage_path) if files.exists(usage_path) else None
    if corrected is None:
        corrected = corrects and parameters["flags"].get("correct") == "auto"
    return {"prior": prior, "corrected": corrected, "usage": usage}


def _json(path: str) -> Any:
    text = files.read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SamplingError(
            f"{path} is no JSON ({error}); name the job_dir of a training"
        ) from None
