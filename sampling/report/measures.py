"""The arithmetic of a report, on labels, probabilities and weights.

Areas and losses are scikit-learn's. Bins are of equal mass: a rare class has nearly all of its
predictions in the first of ten bins of equal width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sampling.probabilities.doubts import Measured
from sampling.report.rows import Predictions

BINS = 15
_SEGMENTS = 12  # more are put together
_EPSILON = 1e-15


class Bins(NamedTuple):
    """Groups of rows; arrays [bins].

    Attributes:
        rows: how many.
        mass: their weights' sum.
        predicted: their mean probability.
        observed: the share of positives.
        low, high: where that share lies with 95 % (Wilson's interval).
    """

    rows: np.ndarray
    mass: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Decisions(NamedTuple):
    """What deciding at a threshold comes to; masses, not rows, where rows have weights."""

    threshold: float
    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float
    cost: float

    @property
    def precision(self) -> float:
        called = self.true_positives + self.false_positives
        return self.true_positives / called if called else float("nan")

    @property
    def recall(self) -> float:
        return self.true_positives / (self.true_positives + self.false_negatives)


def reliability(predictions: Predictions, bins: int = BINS) -> Bins:
    """Rows in bins of equal mass by their probability; equal probabilities stay together."""
    order = np.argsort(predictions.probabilities, kind="stable")
    p, mass = predictions.probabilities[order], predictions.weights[order].cumsum()
    edges = p[np.searchsorted(mass, mass[-1] * np.arange(1, bins) / bins).clip(0, len(p) - 1)]
    numbers = np.searchsorted(edges, predictions.probabilities, side="left")
    return _binned(predictions, numbers, bins)


def calibration_error(predictions: Predictions, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of predicted and observed share over the bins,
    weighted by mass (Naeini, Cooper and Hauskrecht 2015, here with bins of equal mass)."""
    found = reliability(predictions, bins)
    return float(np.average(abs(found.predicted - found.observed), weights=found.mass))


def losses(predictions: Predictions) -> dict[str, float]:
    """What depends on the probabilities' values: log loss, Brier score, ECE, means."""
    from sklearn import metrics

    labels, weights = predictions.labels, predictions.weights
    p = predictions.probabilities
    clipped = np.clip(p, _EPSILON, 1 - _EPSILON)
    return {
        "log_loss": float(metrics.log_loss(labels, clipped, sample_weight=weights)),
        "brier": float(metrics.brier_score_loss(labels, p, sample_weight=weights)),
        "ece": calibration_error(predictions),
        "mean_prediction": float(np.average(p, weights=weights)),
        "base_rate": predictions.base_rate,
    }


def areas(predictions: Predictions) -> dict[str, float]:
    """What depends on their order alone: the areas under ROC and under precision and recall."""
    from sklearn import metrics

    labels, p, weights = predictions.labels, predictions.probabilities, predictions.weights
    return {
        "auc": float(metrics.roc_auc_score(labels, p, sample_weight=weights)),
        "auc_pr": float(metrics.average_precision_score(labels, p, sample_weight=weights)),
    }


def decide(
    predictions: Predictions, threshold: float, costs: tuple[float, float] = (1, 1)
) -> Decisions:
    """What comes of calling rows positive from the threshold on.

    Args:
        costs: of a false positive and of a false negative.
    """
    called, positive = predictions.probabilities >= threshold, predictions.labels == 1

    def mass(rows: np.ndarray) -> float:
        return float(predictions.weights[rows].sum())

    false = mass(called & ~positive), mass(~called & positive)
    cost = costs[0] * false[0] + costs[1] * false[1]
    return Decisions(
        threshold, mass(called & positive), *false, mass(~called & ~positive), float(cost)
    )


def cheapest(predictions: Predictions, costs: tuple[float, float]) -> Decisions:
    """The decisions at the threshold that would have cost the least on these rows."""
    p, mass, positives = _from_the_top(predictions)
    total = positives[-1]
    cost = costs[0] * (mass - positives) + costs[1] * (total - positives)
    best = int(np.argmin(cost))
    if costs[1] * total <= cost[best]:  # calling no row is cheaper still
        return decide(predictions, float(np.nextafter(p[0], 2)), costs)
    return decide(predictions, float(p[best]), costs)


def top(predictions: Predictions, costs: tuple[float, float], share: float = 0.1) -> Decisions:
    """The decisions that call this share of the rows positive, those of the highest predictions,
    and all that are predicted like the last of them."""
    p, mass, _ = _from_the_top(predictions)
    return decide(predictions, float(p[np.searchsorted(mass, share * mass[-1])]), costs)


def evidence(predictions: Predictions, baseline: np.ndarray | None = None) -> Measured:
    """What speaks for and against the model.

    Args:
        baseline: [rows], probabilities of a logistic regression on the same features.
    """
    weights, p = predictions.weights, predictions.probabilities
    found, mass = losses(predictions), weights.sum()
    measured = {
        "auc": areas(predictions)["auc"],
        **{name: found[name] for name in ("log_loss", "mean_prediction", "base_rate")},
        "mean_error": float(np.sqrt((weights**2 * p * (1 - p)).sum()) / mass),
    }
    if baseline is not None:
        own, other = (_row_losses(predictions.labels, each) for each in (p, baseline))
        measured["baseline_log_loss"] = float(np.average(other, weights=weights))
        squares = weights**2 * (own - other) ** 2
        measured["baseline_error"] = float(np.sqrt(squares.sum()) / mass)
    return Measured(**measured)


def _row_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    return -np.log(np.maximum(right, _EPSILON))


def lift(predictions: Predictions, parts: int = 10) -> np.ndarray:
    """[parts]: the share of positives in each tenth of the rows, from the highest predictions down,
    as a multiple of the base rate. Rows with equal predictions share theirs evenly."""
    _, mass, positives = _from_the_top(predictions)
    ends = np.linspace(0, mass[-1], parts + 1)
    found = np.interp(ends, np.append(0, mass), np.append(0, positives))
    return np.diff(found) / positives[-1] * parts


def by_segment(predictions: Predictions) -> tuple[list[str], Bins]:
    """Names and bins of the segments, the largest first; small ones together as the last.

    Numbers of many values are put in ten groups of equal size, from small to large.
    """
    values = np.asarray(predictions.segments)
    if values.dtype.kind in "iufb" and len(np.unique(values)) > _SEGMENTS:
        names, numbers = _ranges(values.astype(np.float64))
    else:
        found, numbers = np.unique([_text(value) for value in values.tolist()], return_inverse=True)
        names, numbers = _largest(found.tolist(), numbers, predictions.weights)
    mass = np.bincount(numbers, predictions.weights, len(names))
    kept = [name for name, of_name in zip(names, mass, strict=True) if of_name > 0]
    return kept, _binned(predictions, numbers, len(names))


def _ranges(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    edges = np.unique(np.nanquantile(values, np.arange(1, 10) / 10))
    bounds = [f"{edge:,.4g}" for edge in edges]
    names = [f"≤ {bounds[0]}", *map("{} – {}".format, bounds, bounds[1:]), f"> {bounds[-1]}"]
    numbers = np.searchsorted(edges, values, side="left")
    return [*names, "(empty)"], np.where(np.isnan(values), len(names), numbers)


def _largest(
    names: list[str], numbers: np.ndarray, weights: np.ndarray
) -> tuple[list[str], np.ndarray]:
    order = np.argsort(-np.bincount(numbers, weights, len(names)), kind="stable")
    others = len(names) - _SEGMENTS
    kept = [names[number] for number in order[:_SEGMENTS]]
    place = np.argsort(order).clip(0, _SEGMENTS)
    return [*kept, f"{others:,} others"] if others > 0 else kept, place[numbers]


def _text(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text or "(empty)"


def _from_the_top(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(each probability once, descending; mass of the rows from it on; of their positives)."""
    order = np.argsort(-predictions.probabilities, kind="stable")
    p, weights = predictions.probabilities[order], predictions.weights[order]
    last = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    positives = (weights * predictions.labels[order]).cumsum()
    return p[last], weights.cumsum()[last], positives[last]


def _binned(predictions: Predictions, numbers: np.ndarray, bins: int) -> Bins:
    """Without those that have no mass."""
    weights, size = predictions.weights, bins

    def total(values: Any) -> np.ndarray:
        return np.bincount(numbers, values, size)

    rows, mass, squares = np.bincount(numbers, minlength=size), total(weights), total(weights**2)
    kept = mass > 0
    predicted = total(weights * predictions.probabilities)[kept] / mass[kept]
    observed = total(weights * predictions.labels)[kept] / mass[kept]
    # so many rows of equal weight would scatter as these do
    effective = mass[kept] ** 2 / squares[kept]
    return Bins(rows[kept], mass[kept], predicted, observed, *_wilson(observed, effective))


def _wilson(share: np.ndarray, rows: np.ndarray, z: float = 1.96) -> Iterator[np.ndarray]:
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    yield np.clip(centre - half, 0, 1)
    yield np.clip(centre + half, 0, 1)
