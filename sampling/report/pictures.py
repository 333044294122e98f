"""The pictures of a report, drawn by matplotlib without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from sampling.report import measures
from sampling.report.measures import Bins, Decisions
from sampling.report.rows import Predictions

BLUE, ORANGE, GREY = "#1f5fa8", "#c8641b", "#8b919a"  # told apart by all eyes
STYLE: dict[Any, Any] = {
    "font.size": 12,
    "legend.fontsize": 11,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#5a6069",
    "axes.grid": True,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
_SIZE, _DPI = (5.6, 4.0), 140
_FEATURES = 15  # that are shown
_PLACES = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.999)


@rc_context(STYLE)
def reliability(versions: Mapping[str, Predictions]) -> bytes:
    """Predicted against observed share in bins of equal mass, and how many rows there are."""
    figure, (top, below) = new_figure(2, {"height_ratios": (3, 1)}, sharex=True)
    bins = {name: measures.reliability(of) for name, of in versions.items()}
    values = np.concatenate([[*of.predicted, *of.observed] for of in bins.values()])
    top.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    for (name, of), color in zip(bins.items(), (BLUE, ORANGE), strict=False):
        errors = np.clip([of.observed - of.low, of.high - of.observed], 0, None)
        top.errorbar(of.predicted, of.observed, errors, fmt="o-", ms=4, color=color, label=name)
    _share_axes(top, values)
    top.set_ylabel("observed share")
    top.legend(loc="upper left")
    _counts(below, next(iter(bins.values())))
    below.set_xlabel("mean prediction of the bin")
    return as_png(figure)


@rc_context(STYLE)
def roc(
    predictions: Predictions, chosen: Decisions, area: float, baseline: Predictions | None = None
) -> bytes:
    """True positives against false positives, with the chosen threshold, beside a baseline."""
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(
        predictions.labels, predictions.probabilities, sample_weight=predictions.weights
    )
    figure, axes = new_figure()
    axes.plot(false, true, color=BLUE, label=f"AUC {area:.4g}")
    if baseline is not None:
        false, true, _ = metrics.roc_curve(
            baseline.labels, baseline.probabilities, sample_weight=baseline.weights
        )
        label = f"logistic regression {measures.areas(baseline)['auc']:.4g}"
        axes.plot(false, true, color=GREY, linewidth=1.4, label=label)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="at random")
    negatives = chosen.false_positives + chosen.true_negatives
    at = chosen.false_positives / negatives, chosen.recall
    axes.plot(*at, "o", color=ORANGE, label=f"at the threshold {chosen.threshold:.3g}")
    _percent(axes, "both")
    axes.set_xlabel("false positives, of all negatives")
    axes.set_ylabel("true positives, of all positives")
    axes.legend(loc="lower right")
    return as_png(figure)


@rc_context(STYLE)
def precision_recall(
    predictions: Predictions, chosen: Decisions, area: float, baseline: Predictions | None = None
) -> bytes:
    """Precision against recall, with the chosen threshold and the base rate, beside a baseline."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(
        predictions.labels, predictions.probabilities, sample_weight=predictions.weights
    )
    figure, axes = new_figure()
    axes.step(recall, precision, color=BLUE, where="post", label=f"area {area:.4g}")
    if baseline is not None:
        precision, recall, _ = metrics.precision_recall_curve(
            baseline.labels, baseline.probabilities, sample_weight=baseline.weights
        )
        label = f"logistic regression {measures.areas(baseline)['auc_pr']:.4g}"
        axes.step(recall, precision, color=GREY, linewidth=1.4, where="post", label=label)
    base = predictions.base_rate
    axes.axhline(base, color=GREY, linewidth=1, linestyle="--", label="at random")
    if np.isfinite(chosen.precision):
        label = f"at the threshold {chosen.threshold:.3g}"
        axes.plot(chosen.recall, chosen.precision, "o", color=ORANGE, label=label)
    axes.set_ylim(0, 1.03)
    _percent(axes, "both")
    axes.set_xlabel("recall: positives that are found")
    axes.set_ylabel("precision: found ones that are positive")
    axes.legend(loc="upper right")
    return as_png(figure)


@rc_context(STYLE)
def importance(rises: Mapping[str, tuple[float, float]]) -> bytes:
    """What the log loss rises by, feature by feature, the most important first."""
    most = sorted(rises.items(), key=lambda item: -item[1][0])[:_FEATURES][::-1]
    figure, axes = new_figure()
    values, errors = np.array([rise for _, rise in most]).T
    names = [plain(shortened(name, 24)) for name, _ in most]
    axes.barh(range(len(most)), values, xerr=1.96 * errors, color=BLUE, ecolor=GREY)
    axes.set_yticks(range(len(most)), names, fontsize=9)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("rise of the log loss")
    return as_png(figure)


@rc_context(STYLE)
def lift(values: np.ndarray) -> bytes:
    """How often positives occur in each tenth, as a multiple of the base rate."""
    figure, axes = new_figure()
    tenths = np.arange(1, len(values) + 1)
    bars = axes.bar(tenths, values, color=BLUE)
    axes.bar_label(bars, [f"{value:.2g}" for value in values], fontsize=9, padding=2)
    axes.axhline(1, color=GREY, linewidth=1, linestyle="--")
    axes.grid(axis="x", visible=False)
    axes.set_xticks(tenths)
    axes.set_xlabel("tenth of the rows, the highest predictions first")
    axes.set_ylabel("share of positives / base rate")
    return as_png(figure)


@rc_context(STYLE)
def scores(predictions: Predictions, threshold: float, classes: Sequence[str] = ()) -> bytes:
    """What positives and negatives are given, each class scaled to 1."""
    figure, axes = new_figure()
    logits = _logit(predictions.probabilities)
    low, high = logits.min(), logits.max()
    if high - low < 1:
        low, high = low - 0.5, high + 0.5
    shown = [name.strip() for name in classes] or ["negatives", "positives"]
    for label_, name, color in ((0, shown[0], GREY), (1, shown[1], BLUE)):
        of_class = predictions.labels == label_
        weights = predictions.weights[of_class] / predictions.weights[of_class].sum()
        axes.hist(
            logits[of_class],
            40,
            range=(low, high),
            weights=weights,
            color=color,
            alpha=0.55,
            label=name,
        )
    inside = low <= _logit(threshold) <= high
    if inside:
        label = f"threshold {threshold:.3g}"
        axes.axvline(_logit(threshold), color=ORANGE, linewidth=1.5, label=label)
    places = [p for p in _PLACES if low <= _logit(p) <= high]
    axes.set_xticks(_logit(np.array(places)), [f"{p:g}" for p in places], rotation=45)
    axes.set_xlabel("prediction")
    _percent(axes, "y")
    axes.set_ylabel("share of the class")
    axes.legend()
    return as_png(figure)


@rc_context(STYLE)
def segments(names: Sequence[str], bins: Bins, title: str) -> bytes:
    """Mean prediction beside the observed share with its interval, segment by segment."""
    height = 1.3 + 0.38 * len(names)
    figure, axes = new_figure(size=(_SIZE[0], height))
    places = np.arange(len(names))[::-1]
    errors = np.clip([bins.observed - bins.low, bins.high - bins.observed], 0, None)
    axes.errorbar(
        bins.observed, places, xerr=errors, fmt="o", color=GREY, label="observed, 95 % interval"
    )
    axes.plot(bins.predicted, places, "D", color=BLUE, ms=6, label="mean prediction")
    axes.set_yticks(places, [plain(shortened(name)) for name in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_ylabel(plain(shortened(title)))
    axes.xaxis.set_major_formatter(FuncFormatter(_as_percent))
    axes.locator_params(axis="x", nbins=6)
    figure.legend(loc="outside upper center", ncols=2)
    return as_png(figure)


@rc_context(STYLE)
def sampling(shares: Mapping[str, Sequence[float]], classes: Sequence[str]) -> bytes:
    """The classes' shares, one bar for each of: in the files, in an epoch, weighted."""
    figure, axes = new_figure(size=(_SIZE[0], 1.1 + 0.55 * len(shares)))
    places, left = np.arange(len(shares))[::-1], np.zeros(len(shares))
    for index, (name, color) in enumerate(zip(classes, (GREY, BLUE, ORANGE), strict=False)):
        widths = np.array([of[index] for of in shares.values()])
        axes.barh(places, widths, left=left, color=color, height=0.6, label=name)
        left += widths
    axes.set_yticks(places, list(shares))
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, 1)
    _percent(axes, "x")
    figure.legend(loc="outside upper center", ncols=len(classes))
    return as_png(figure)


def new_figure(
    rows: int = 1,
    grid: Mapping[str, Any] | None = None,
    size: tuple[float, float] = _SIZE,
    **options: Any,
) -> tuple[Figure, Any]:
    figure = Figure(size, _DPI, layout="constrained")
    return figure, figure.subplots(rows, gridspec_kw=dict(grid or {}), **options)


def as_png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _share_axes(axes: Axes, values: np.ndarray) -> None:
    """Logarithmic where all bins have positives and the shares span a range."""
    if values.min() > 0 and values.max() / values.min() > 30:
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = values.min() / 1.6, min(1.0, values.max() * 1.6)
        axes.yaxis.set_major_formatter(FuncFormatter(_as_percent))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
    else:
        high = min(1.0, 1.08 * values.max())
        axes.set_xlim(0, high)
        axes.set_ylim(0, high)
    axes.xaxis.set_major_formatter(FuncFormatter(_as_percent))
    axes.yaxis.set_major_formatter(FuncFormatter(_as_percent))


def _counts(axes: Axes, bins: Bins) -> None:
    axes.stem(bins.predicted, bins.rows, linefmt=GREY, markerfmt="o", basefmt=" ")
    axes.set_ylim(0, 1.25 * bins.rows.max())
    axes.yaxis.set_major_formatter(FuncFormatter(_as_count))
    axes.locator_params(axis="y", nbins=3)
    axes.set_ylabel("rows")


def _percent(axes: Axes, which: str) -> None:
    if which in ("x", "both"):
        axes.xaxis.set_major_formatter(FuncFormatter(_as_percent))
    if which in ("y", "both"):
        axes.yaxis.set_major_formatter(FuncFormatter(_as_percent))


def _as_percent(value: float, _: Any = None) -> str:
    return f"{100 * value:.3g} %"


def _as_count(value: float, _: Any = None) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:.3g}"


def _logit(p: Any) -> Any:
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def shortened(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def plain(text: str) -> str:
    return text.replace("$", r"\$")  # a pair of dollars would be taken for mathematics
