"""A report out of its parts: which pictures and sections there are, and what comes first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.probabilities.calibration import Prior, checked_probabilities
from sampling.probabilities.doubts import doubts
from sampling.report import measures, page, pictures, sections
from sampling.report.rows import Predictions

PAGE = "report.html"


@dataclasses.dataclass(frozen=True)
class Options:
    """What a report is about, besides the rows.

    Args:
        title: the page's heading.
        threshold: the probability from which a row is called positive; above 0, below 1.
        costs: of a false positive and of a false negative, both above 0.
        prior: of what the model was trained on; None: unknown, and nothing is corrected.
        corrected: whether the predictions have been corrected for that prior.
        usage: what `input_fn.usage()` tells of the training, to report on the sampling.
        classes: what the negative and the positive class are called; none: 0 and 1.
        baseline: [rows], probabilities of a logistic regression on the same rows; None: unknown.
        importance: of features: how much the log loss rises where a feature is permuted, and the
            standard error of that.
        surest_wrong: rows that the model is surest of, and wrong; ids, label and probability by
            name.
        evaluations: of other files by the same model: figures by name, by what they are called.

    Raises:
        SamplingError: one is out of range, there are not two classes, or predictions are said to be
            corrected where there was nothing to correct.
    """

    title: str = "Predictions"
    threshold: float = 0.5
    costs: tuple[float, float] = (1.0, 1.0)
    prior: Prior | None = None
    corrected: bool = False
    usage: Mapping[str, Any] | None = None
    classes: Sequence[str] = ()
    baseline: Any = None
    importance: Mapping[str, tuple[float, float]] | None = None
    surest_wrong: Sequence[Mapping[str, Any]] = ()
    evaluations: Mapping[str, Mapping[str, float | None]] | None = None

    def __post_init__(self) -> None:
        if len(self.classes) not in (0, 2):
            raise SamplingError(
                f"classes are {', '.join(map(repr, self.classes))}, expected two, the negative one "
                "first, such as no,yes; fix them"
            )
        if not checks.positive_number("threshold", self.threshold) < 1:
            raise SamplingError(f"threshold is {self.threshold}, expected one below 1; fix it")
        for name, cost in zip(("false positive", "false negative"), self.costs, strict=True):
            checks.positive_number(f"cost of a {name}", cost)
        if self.corrected and not self.corrects:
            raise SamplingError(
                "the predictions are said to be corrected, and the prior of the training is that "
                "of the files or unknown, which leaves nothing to correct; fix one of the two"
            )

    @property
    def corrects(self) -> bool:
        return self.prior is not None and self.prior.needs_correction


def build(predictions: Predictions, options: Options | None = None) -> dict[str, bytes]:
    """The report's files by name: `report.html`, which has all in it, and its pictures as PNGs.

    Raises:
        ImportError: scikit-learn, matplotlib or Jinja2 is missing.
    """
    options = options or Options()
    versions = _versions(predictions, options)
    measured = {name: measures.losses(of) for name, of in versions.items()}
    own = measured["corrected" if options.corrected else list(versions)[-1]]
    area = measures.areas(predictions)
    baseline = _baseline(predictions, options)
    evidence = measures.evidence(predictions, None if baseline is None else baseline.probabilities)
    chosen = measures.decide(predictions, options.threshold, options.costs)
    drawn = {
        "reliability.png": pictures.reliability(versions),
        "roc.png": pictures.roc(predictions, chosen, area["auc"], baseline),
        "precision_recall.png": pictures.precision_recall(
            predictions, chosen, area["auc_pr"], baseline
        ),
        "lift.png": pictures.lift(lifts := measures.lift(predictions)),
        "scores.png": pictures.scores(predictions, options.threshold, options.classes),
    }
    shown = [
        sections.reliability(measured),
        sections.threshold(predictions, chosen, options.costs),
        sections.roc(evidence.baseline_log_loss),
        sections.precision_recall(),
        sections.lift(lifts),
        sections.scores(),
    ]
    if predictions.segments is not None:
        names, bins = measures.by_segment(predictions)
        drawn["segments.png"] = pictures.segments(names, bins, predictions.segment)
        shown.insert(1, sections.segments(names, bins, predictions.segment))
    if options.importance:
        drawn["importance.png"] = pictures.importance(options.importance)
        shown.append(sections.importance(len(options.importance)))
    if options.surest_wrong:
        shown.append(sections.surest_wrong(options.surest_wrong))
    if options.evaluations and len(options.evaluations) > 1:
        shown.insert(0, sections.evaluations(options.evaluations))
    if options.usage and options.usage["rows"]:
        if shares := options.usage.get("shares"):
            drawn["sampling.png"] = pictures.sampling(shares, options.usage["classes"])
        shown.append(sections.sampling(options.usage))
    cards = _cards(predictions, area, own)
    lead = " ".join([*_named(options.classes), _lead(options)])
    text = page.render(options.title, lead, doubts(evidence), cards, shown, drawn)
    return {PAGE: text.encode(), **drawn}


def _versions(predictions: Predictions, options: Options) -> dict[str, Predictions]:
    """The predictions as they are, and those before or after a correction, by name."""
    if options.prior is None or not options.corrects:
        return {"predictions": predictions}
    p = predictions.probabilities
    other = options.prior.uncorrect(p) if options.corrected else options.prior.correct(p)
    converted = predictions.with_probabilities(other)
    if options.corrected:
        return {"corrected": predictions, "before": converted}
    return {"corrected": converted, "as predicted": predictions}


def _named(classes: Sequence[str]) -> list[str]:
    """What stands for positive and negative."""
    return [f"Positive is {classes[1].strip()}, negative {classes[0].strip()}."] if classes else []


def _baseline(predictions: Predictions, options: Options) -> Predictions | None:
    if options.baseline is None:
        return None
    found: np.ndarray = checked_probabilities("baseline", options.baseline)
    if len(found) != len(predictions.labels):
        raise SamplingError(
            f"there are {len(found):,} predictions of the baseline and "
            f"{len(predictions.labels):,} rows, expected one for each; pass those of the same rows"
        )
    return predictions.with_probabilities(found)


def _lead(options: Options) -> str:
    prior = options.prior
    if prior is None:
        return "It is not known what prior the model was trained in; nothing is corrected."
    learned, true = f"{prior.stream[1]:.4g}", f"{prior.files[1]:.4g}"
    if not options.corrects:
        return f"Sample and weights left the prior at {true}; nothing is to be corrected."
    if options.corrected:
        return f"Trained in a prior of {learned}, corrected to the files' {true}."
    return f"Trained in a prior of {learned}, not corrected; the files have {true}."


def _cards(
    predictions: Predictions, area: Mapping[str, float], own: Mapping[str, float]
) -> dict[str, str]:
    return {
        "rows": f"{len(predictions.labels):,}",
        "AUC": f"{area['auc']:.4f}",
        "log loss": f"{own['log_loss']:.4g}",
        "Brier score": f"{own['brier']:.4g}",
        "calibration error": f"{own['ece']:.4g}",
        "mean prediction / base rate": f"{own['mean_prediction'] / own['base_rate']:.3f}",
    }
