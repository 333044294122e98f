"""A report out of its parts: which pictures and tables there are, and what is said of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from sampling import checks
from sampling.calibration import Prior
from sampling.reports import measures, page, pictures
from sampling.reports.measures import Decisions
from sampling.reports.page import Section, Table
from sampling.reports.rows import Predictions

PAGE = "report.html"
_MEASURES = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
    "mean_prediction": "mean prediction",
    "base_rate": "base rate",
}


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

    Raises:
        ValueError: one is out of range, or predictions are said to be corrected where there was
            nothing to correct.
    """

    title: str = "Predictions"
    threshold: float = 0.5
    costs: tuple[float, float] = (1.0, 1.0)
    prior: Prior | None = None
    corrected: bool = False
    usage: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not checks.positive_number("threshold", self.threshold) < 1:
            raise ValueError(f"threshold is {self.threshold}, expected one below 1; mend it")
        for name, cost in zip(("false positive", "false negative"), self.costs, strict=True):
            checks.positive_number(f"cost of a {name}", cost)
        if self.corrected and not self.corrects:
            raise ValueError(
                "the predictions are said to be corrected, and the prior of the training is that "
                "of the files or unknown, which leaves nothing to correct; mend one of the two"
            )

    @property
    def corrects(self) -> bool:
        return self.prior is not None and self.prior.needs_correction


def build(predictions: Predictions, options: Options | None = None) -> dict[str, bytes]:
    """The report's files by name: `report.html`, which has all in it, and its pictures as PNGs.

    Raises:
        ImportError: scikit-learn or matplotlib is missing.
    """
    options = options or Options()
    versions = _versions(predictions, options)
    measured = {name: measures.losses(of) for name, of in versions.items()}
    own = measured["corrected" if options.corrected else list(versions)[-1]]
    area = measures.areas(predictions)
    chosen = measures.decide(predictions, options.threshold, options.costs)
    drawn = {
        "reliability.png": pictures.reliability(versions),
        "roc.png": pictures.roc(predictions, chosen, area["auc"]),
        "precision_recall.png": pictures.precision_recall(predictions, chosen, area["auc_pr"]),
        "lift.png": pictures.lift(lifts := measures.lift(predictions)),
        "scores.png": pictures.scores(predictions, options.threshold),
    }
    sections = [
        _reliability(measured, options),
        _threshold(predictions, chosen, options),
        _curve(
            "ROC",
            "roc.png",
            "The area is the chance that a positive is rated above a "
            "negative; correcting for a prior changes no order and no area.",
        ),
        _curve(
            "Precision and recall",
            "precision_recall.png",
            "What there is to gain by another "
            "threshold: further right finds more, further up is right more often.",
        ),
        _lift(lifts),
        _curve(
            "Scores",
            "scores.png",
            "What positives and negatives are given; the further the "
            "two are apart, the better they are told.",
        ),
    ]
    if predictions.segments is not None:
        names, bins = measures.by_segment(predictions)
        drawn["segments.png"] = pictures.segments(names, bins, predictions.segment)
        sections.insert(1, _segments(names, bins, predictions.segment))
    if options.usage and options.usage["rows"]:
        if shares := options.usage.get("shares"):
            drawn["sampling.png"] = pictures.sampling(shares, options.usage["classes"])
        sections.append(_sampling(options.usage))
    text = page.render(
        options.title, _lead(options), _cards(predictions, area, own), sections, drawn
    )
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


def _reliability(measured: Mapping[str, Mapping[str, float]], options: Options) -> Section:
    text = (
        f"Do rows that are given 3 % turn out positive 3 times in 100? {measures.BINS} bins of "
        "equal mass, with 95 % intervals; on the dashed line predictions are true."
    )
    versions = list(measured)[::-1]  # before, then after
    rows = [
        [shown, *(f"{measured[version][key]:.5g}" for version in versions)]
        for key, shown in _MEASURES.items()
    ]
    return Section("Reliability", text, "reliability.png", [Table(["", *versions], rows)])


def _threshold(predictions: Predictions, chosen: Decisions, options: Options) -> Section:
    false_positive, false_negative = options.costs
    best = measures.cheapest(predictions, options.costs)
    text = (
        f"A false positive costs {false_positive:g}, a false negative {false_negative:g}: true "
        f"probabilities are best decided at {false_positive / sum(options.costs):.4g}. Cheapest "
        "is what would have cost least on these very rows."
    )
    columns = {"chosen": chosen, "cheapest": best}
    rows = [
        ["threshold", *(f"{of.threshold:.4g}" for of in columns.values())],
        ["true positives", *(f"{of.true_positives:,.6g}" for of in columns.values())],
        ["false positives", *(f"{of.false_positives:,.6g}" for of in columns.values())],
        ["false negatives", *(f"{of.false_negatives:,.6g}" for of in columns.values())],
        ["precision", *(_percent(of.precision) for of in columns.values())],
        ["recall", *(_percent(of.recall) for of in columns.values())],
        ["cost", *(f"{of.cost:,.6g}" for of in columns.values())],
    ]
    return Section("Threshold, and what it costs", text, None, [Table(["", *columns], rows)])


def _curve(title: str, picture: str, text: str) -> Section:
    return Section(title, text, picture)


def _lift(lifts: np.ndarray) -> Section:
    text = (
        f"The first tenth of the rows has {lifts[0]:.1f} times the base rate and "
        f"{lifts[0] / lifts.sum():.0%} of all positives, the first three "
        f"{lifts[:3].sum() / lifts.sum():.0%}."
    )
    return Section("Lift by decile", text, "lift.png")


def _segments(names: list[str], bins: measures.Bins, title: str) -> Section:
    rows = [
        [name, f"{bins.rows[i]:,}", _percent(bins.predicted[i]), _percent(bins.observed[i])]
        for i, name in enumerate(names)
    ]
    text = "Predictions can be true on the whole and wrong for a group; in these they should agree."
    table = Table([title, "rows", "predicted", "observed"], rows)
    return Section(f"Calibration by {title}", text, "segments.png", [table])


def _sampling(usage: Mapping[str, Any]) -> Section:
    roles = list(usage["rows_in_files"])
    heads = ["", *(role.removesuffix("_dir") for role in roles)]

    def row(name: str, key: str) -> list[str]:
        return [name, *(f"{usage[key][role]:,}" for role in roles)]

    table = Table(
        heads,
        [
            row("rows in the files", "rows_in_files"),
            row("rows read", "rows_read"),
            row("rows trained on", "rows_used"),
            ["seen at least once", *(_percent(usage["coverage"][role]) for role in roles)],
            row("bytes in the files", "bytes_in_files"),
            row("bytes read", "bytes_read"),
        ],
    )
    rows, effective = usage["rows"], usage["effective_rows"]
    facts = [
        ["rows handed to the training", f"{rows:,}"],
        ["of equal weight would be worth as much", f"{effective:,.0f} ({effective / rows:.1%})"],
    ]
    if usage.get("rows_per_second"):
        facts.append(["rows a second", f"{usage['rows_per_second']:,.0f}"])
    text = (
        "The classes' shares in the files, in what was trained on, and by weight. Rows of unequal "
        "weight tell less than as many of equal weight: (sum of weights)² / sum of squares (Kish)."
    )
    picture = "sampling.png" if usage.get("shares") else None
    return Section("Sampling", text, picture, [table, Table(["", ""], facts)])


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.3g} %"
