"""The sections of a report: what is said of a picture, and the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampling.report import measures
from sampling.report.measures import Decisions
from sampling.report.page import Section, Table
from sampling.report.rows import Predictions

_MEASURES = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
    "mean_prediction": "mean prediction",
    "base_rate": "base rate",
}


def reliability(measured: Mapping[str, Mapping[str, float]]) -> Section:
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


def threshold(predictions: Predictions, chosen: Decisions, costs: tuple[float, float]) -> Section:
    false_positive, false_negative = costs
    best = measures.cheapest(predictions, costs)
    text = (
        f"A false positive costs {false_positive:g}, a false negative {false_negative:g}: true "
        f"probabilities are best decided at {false_positive / sum(costs):.4g}. Cheapest "
        "is what would have cost least on these very rows; the top tenth are the rows with the "
        "highest predictions."
    )
    columns = {"chosen": chosen, "cheapest": best, "top tenth": measures.top(predictions, costs)}
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


def roc(baseline_log_loss: float | None) -> Section:
    text = (
        "The area is the chance that a positive is rated above a negative; correcting for a prior "
        "changes no order and no area."
    )
    if baseline_log_loss is not None:
        text += (
            " The logistic regression is on the same features; its log loss is "
            f"{baseline_log_loss:.4g}."
        )
    return Section("ROC", text, "roc.png")


def precision_recall() -> Section:
    text = (
        "What there is to gain by another threshold: further right finds more, further up is right "
        "more often."
    )
    return Section("Precision and recall", text, "precision_recall.png")


def importance(features: int) -> Section:
    text = (
        "How much the log loss rises where the values of a feature are permuted among the rows, "
        f"with 95 % intervals. The model learns from {features} features."
    )
    return Section("Importance of features", text, "importance.png")


def surest_wrong(
    rows: Sequence[Mapping[str, Any]],
    text: str = "Negatives with the highest predictions, and positives with the lowest.",
) -> Section:
    heads = list(rows[0])
    table = Table(heads, [[_value(row[head]) for head in heads] for row in rows])
    return Section("Surest, and wrong", text, None, [table])


def evaluations(measured: Mapping[str, Mapping[str, float | None]]) -> Section:
    names = dict.fromkeys(name for figures in measured.values() for name in figures)
    rows = [
        [name, *(_figure(figures.get(name)) for figures in measured.values())] for name in names
    ]
    text = "The same model on other files. What it was chosen or calibrated by flatters it."
    return Section("Evaluations", text, None, [Table(["", *measured], rows)])


def scores() -> Section:
    text = (
        "What positives and negatives are given; the further the two are apart, the better they "
        "are told."
    )
    return Section("Scores", text, "scores.png")


def lift(lifts: np.ndarray) -> Section:
    text = (
        f"The first tenth of the rows has {lifts[0]:.1f} times the base rate and "
        f"{lifts[0] / lifts.sum():.0%} of all positives, the first three "
        f"{lifts[:3].sum() / lifts.sum():.0%}."
    )
    return Section("Lift by decile", text, "lift.png")


def segments(names: list[str], bins: measures.Bins, title: str) -> Section:
    rows = [
        [name, f"{bins.rows[i]:,}", _percent(bins.predicted[i]), _percent(bins.observed[i])]
        for i, name in enumerate(names)
    ]
    text = "Predictions can be true on the whole and wrong for a group; in these they should agree."
    table = Table([title, "rows", "predicted", "observed"], rows)
    return Section(f"Calibration by {title}", text, "segments.png", [table])


def sampling(usage: Mapping[str, Any], by_class: bool = False) -> Section:
    """Args: by_class: whether the table has a line for each class, of which there may be many."""
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
    if by_class:
        names = usage.get("classes") or roles
        lines = zip(*(line[1:] for line in table.rows), strict=True)
        heads = ["", *(line[0] for line in table.rows)]
        table = Table(heads, [[name, *line] for name, line in zip(names, lines, strict=True)])
    rows, effective = usage["rows"], usage["effective_rows"]
    facts = [
        ["rows handed to the training", f"{rows:,}"],
        ["of equal weight would be worth as much", f"{effective:,.0f} ({effective / rows:.1%})"],
    ]
    if usage.get("rows_per_second"):
        facts.append(["rows a second", f"{usage['rows_per_second']:,.0f}"])
    text = (
        "Rows of unequal weight tell less than as many of equal weight: (sum of weights)² / sum of "
        "squares (Kish)."
    )
    picture = "sampling.png" if usage.get("shares") else None
    if picture:
        text = f"The classes' shares in the files, in what was trained on, and by weight. {text}"
    return Section("Sampling", text, picture, [table, Table(["", ""], facts)])


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.3g} %"
