"""The mode evaluate of the job of many classes, and what its training evaluates with."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from sampling.probabilities.doubts import doubts_of_classes
from sampling.probabilities.temperature import softmax
from sampling.report.classes import measures
from sampling.report.classes.measures import ClassFigures
from sampling.report.classes.rows import ClassPredictions
from trainer.classes import inputs, metrics, model, reporting
from trainer.classes.parameters import ClassesParameters
from trainer.classification import checkpoints, collected, importance, job
from trainer.classification.importance import Rises
from trainer.job_dir import contents, evaluations
from trainer.training.hooks import StepProgress

_PRINTED = 30  # classes


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """Rows that a checkpoint predicted.

    Args:
        step: of the checkpoint.
        rows: their labels and predictions.
        baseline: [rows, classes], probabilities of a logistic regression; None: there is none.
        ids: columns that name a row, [rows].
    """

    step: int
    rows: ClassPredictions
    baseline: np.ndarray | None
    ids: dict[str, np.ndarray]


def evaluate(parameters: ClassesParameters) -> None:
    """Measures the model of the last checkpoint, or the best."""
    usage = contents.read_json_if_any(parameters.flags.job_dir, contents.USAGE)
    found = evaluated(parameters, model.estimator(parameters), inputs.test(parameters))
    said = write(parameters, found)
    if parameters.flags.report:
        rises = importance.remembered(parameters.flags.job_dir, found.step)
        write_report(parameters, found, usage, rises)
    job.warn(said)


def evaluated(parameters: ClassesParameters, estimator: Any, test_input: Any) -> Evaluated:
    """What the checkpoint that counts says of some rows."""
    flags, schema = parameters.flags, parameters.schema
    ids = {name: metrics.id_name(name) for name in schema.features_to_forward}
    kept = (collected.LABELS, collected.LOGITS, collected.WEIGHTS)
    rows = collected.CollectedRows([*kept, collected.BASELINE, *ids.values()])
    result = estimator.evaluate(
        test_input,
        hooks=[StepProgress("evaluating", test_input.steps_per_epoch), rows],
        checkpoint_path=checkpoints.chosen(flags),
        name=reporting.summaries_name(flags),
    )
    labels, logits, weights = map(rows.all, kept)
    baseline = rows.all_if_any(collected.BASELINE)
    return Evaluated(
        int(result["global_step"]),
        ClassPredictions(labels, softmax(metrics.of_classes(logits)), schema.classes, weights),
        None if baseline is None else softmax(metrics.of_classes(baseline)),
        {name: rows.all(key) for name, key in ids.items()},
    )


def write(parameters: ClassesParameters, found: Evaluated) -> list[str]:
    """Tables, and evaluation.json in the job_dir.

    Returns:
        What speaks against the model, in sentences.
    """
    flags, rows = parameters.flags, found.rows
    evidence = measures.evidence(rows, found.baseline)
    measured: dict[str, Any] = {"rows": len(rows.labels), **measures.overall(rows)}
    measured["constant_log_loss"] = evidence.constant_log_loss
    if evidence.baseline_log_loss is not None:
        measured["baseline_log_loss"] = evidence.baseline_log_loss
    by_class = measures.by_class(rows)
    print("", contents.table({"step": found.step, **measured}), "", sep="\n")
    print(_table(by_class, rows.classes), "", sep="\n")
    said = doubts_of_classes(evidence)
    about = {
        "by_class": _by_name(by_class, rows.classes),
        "confusion": measures.confusion(rows).tolist(),
        "warnings": said,
        "test_dir": flags.test_dir,
        "corrected": parameters.correction is not None,
        "calibrated": parameters.calibration is not None,
    }
    written = {"step": found.step, **measured, **about}
    path = contents.write_json(flags.job_dir, contents.EVALUATION, written)
    evaluations.remember(flags.job_dir, found.step, flags.test_dir, measured)
    print(f"evaluation: {path}", flush=True)
    return said


def write_report(
    parameters: ClassesParameters, found: Evaluated, usage: Any, rises: Rises | None
) -> None:
    """The page of what was evaluated, beside what the same model came to on other files.

    Args:
        usage: what is known of the sampling.
        rises: how much each feature matters, if that was measured.
    """
    known = evaluations.of_step(parameters.flags.job_dir, found.step)
    reporting.write(parameters, found, usage, known, rises)


def _by_name(found: ClassFigures, classes: Any) -> dict[str, dict[str, Any]]:
    figures = {name: values.tolist() for name, values in found._asdict().items()}
    return {
        class_: {name: values[place] for name, values in figures.items()}
        for place, class_ in enumerate(classes)
    }


def _table(found: ClassFigures, classes: Any) -> str:
    """A line for each class, aligned; rare ones of very many are left out."""
    order = np.argsort(-found.rows, kind="stable")
    shown = np.sort(order[:_PRINTED])
    heads = ["class", *(name.replace("_", " ") for name in found._fields)]
    lines = [
        [classes[place], f"{found.rows[place]:,}", *(_figure(v[place]) for v in found[1:])]
        for place in shown
    ]
    widths = [max(len(line[column]) for line in [heads, *lines]) for column in range(len(heads))]
    texts = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in [heads, *lines]
    ]
    more = len(classes) - len(shown)
    return "\n".join([*texts, *([f"{more:,} more in {contents.EVALUATION}"] if more else [])])


def _figure(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4g}"
