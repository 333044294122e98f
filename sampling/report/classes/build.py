"""A report on many classes out of its parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.probabilities.calibration import Prior
from sampling.probabilities.doubts import doubts_of_classes
from sampling.report import page, sections
from sampling.report import pictures as of_two
from sampling.report.build import PAGE
from sampling.report.classes import measures, pictures
from sampling.report.classes.measures import ClassFigures
from sampling.report.classes.rows import ClassPredictions
from sampling.report.page import Section, Table
from sampling.report.rows import Predictions


@dataclasses.dataclass(frozen=True)
class ClassOptions:
    """What a report is about, besides the rows.

    Args:
        title: the page's heading.
        prior: of what the model was trained on; None: unknown.
        corrected: whether the predictions have been corrected for that prior.
        usage: what `input_fn.usage()` tells of the training, to report on the sampling.
        baseline: [rows, classes], probabilities of a logistic regression on the same rows.
        surest_wrong: rows that the model is surest of, and wrong; ids, classes and probabilities.
        importance: of features, see `sampling.report.build.Options`.
        evaluations: of other files by the same model: figures by name, by what they are called.
    """

    title: str = "Predictions"
    prior: Prior | None = None
    corrected: bool = False
    usage: Mapping[str, Any] | None = None
    baseline: Any = None
    surest_wrong: Sequence[Mapping[str, Any]] = ()
    importance: Mapping[str, tuple[float, float]] | None = None
    evaluations: Mapping[str, Mapping[str, float | None]] | None = None


def build(predictions: ClassPredictions, options: ClassOptions | None = None) -> dict[str, bytes]:
    """The report's files by name: `report.html`, which has all in it, and its pictures as PNGs.

    Raises:
        ImportError: scikit-learn, matplotlib or Jinja2 is missing.
    """
    options = options or ClassOptions()
    found, each = measures.overall(predictions), measures.by_class(predictions)
    evidence = measures.evidence(predictions, options.baseline)
    matrix = measures.confusion(predictions)
    drawn = {"confusion.png": pictures.confusion(matrix, predictions.classes)}
    shown = [_confusion(), _classes(each, predictions.classes)]
    if versions := _reliable(predictions):
        drawn["reliability.png"] = of_two.reliability(versions)
        shown.append(_reliability(found["ece"]))
    if options.importance:
        drawn["importance.png"] = of_two.importance(options.importance)
        shown.append(sections.importance(len(options.importance)))
    if options.surest_wrong:
        text = "Rows whose wrong class is predicted with the highest probabilities."
        shown.append(sections.surest_wrong(options.surest_wrong, text))
    if options.evaluations and len(options.evaluations) > 1:
        shown.insert(0, sections.evaluations(options.evaluations))
    if options.usage and options.usage["rows"]:
        shown.append(sections.sampling({**options.usage, "shares": None}, by_class=True))
    cards = {
        "rows": f"{len(predictions.labels):,}",
        "classes": f"{len(predictions.classes):,}",
        "log loss": f"{evidence.log_loss:.4g}",
        "log loss of the base rates": f"{evidence.constant_log_loss:.4g}",
        "accuracy": f"{found['accuracy']:.2%}",
        "macro recall": f"{found['macro_recall']:.2%}",
    }
    if evidence.baseline_log_loss is not None:
        cards["log loss of a logistic regression"] = f"{evidence.baseline_log_loss:.4g}"
    lead, warnings = _lead(options), doubts_of_classes(evidence)
    return {PAGE: page.render(options.title, lead, warnings, cards, shown, drawn).encode(), **drawn}


def _lead(options: ClassOptions) -> str:
    prior = options.prior
    if prior is None:
        return "It is not known what prior the model was trained in; nothing is corrected."
    if not prior.needs_correction:
        return "Sample and weights left the shares of the classes as they are in the files."
    is_not = "" if options.corrected else "not "
    return f"Trained in other shares of the classes than the files have, {is_not}corrected."


def _confusion() -> Section:
    text = "The share of the rows of a class (down) that is predicted as each (across)."
    return Section("Confusion", text, "confusion.png")


def _classes(each: ClassFigures, classes: Sequence[str]) -> Section:
    heads = ["class", "rows", "base rate", "mean prediction", "precision", "recall", "AUC"]
    rows = [
        [
            name,
            f"{each.rows[place]:,}",
            *(f"{values[place]:.4g}" for values in (each.base_rate, each.mean_prediction)),
            *(_share(values[place]) for values in (each.precision, each.recall)),
            "–" if np.isnan(each.auc[place]) else f"{each.auc[place]:.4f}",
        ]
        for place, name in enumerate(classes)
    ]
    text = (
        "Each class against all others. A rare class is seldom the likeliest one of a row; the AUC "
        "does not depend on how rare it is."
    )
    return Section("Classes", text, None, [Table(heads, rows)])


def _reliability(ece: float) -> Section:
    text = (
        "Does what is given 3 % come true 3 times in 100? Every class of every row, and the "
        "predicted class. Bins of equal mass, with 95 % intervals; on the dashed line predictions "
        f"are true. The calibration error (ECE) is {ece:.4g}."
    )
    return Section("Reliability", text, "reliability.png")


def _reliable(predictions: ClassPredictions) -> dict[str, Predictions]:
    """What reliability is looked at by; not what is always, or never, true."""
    is_right = predictions.predicted == predictions.labels
    confidence = predictions.probabilities.max(axis=1)
    versions = {
        "every class": measures.pairs(predictions),
        "predicted class": (is_right, confidence, predictions.weights),
    }
    found = {}
    for name, (labels, p, weights) in versions.items():
        try:
            found[name] = Predictions(np.asarray(labels, np.int64), p, weights)
        except SamplingError:
            continue
    return found


def _share(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.3g} %"
