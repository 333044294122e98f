"""The arithmetic of a report on many classes; of classes that no row has, figures are NaN."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sampling.probabilities.doubts import MeasuredClasses
from sampling.report.classes.rows import ClassPredictions

_EPSILON = 1e-15
_BINS = 15
_POOLED = 2_000_000  # pairs of a row and a class that calibration is looked at by


class ClassFigures(NamedTuple):
    """Figures of each class against all others; arrays [classes].

    Attributes:
        rows: of the class.
        base_rate, mean_prediction: of the class, by weight.
        precision: the share of the rows predicted so that are of the class; NaN where none is.
        recall: the share of the class that is predicted so.
        auc: the chance that a row of the class has a higher probability of it than another row.
    """

    rows: np.ndarray
    base_rate: np.ndarray
    mean_prediction: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    auc: np.ndarray


def overall(predictions: ClassPredictions) -> dict[str, float]:
    """Log loss, accuracy, top 2 accuracy of more than two classes, macro recall, Brier score, ECE.

    Macro recall is the mean of the classes that have rows. The Brier score is the sum over classes,
    ECE that of all pairs of a row and a class.
    """
    p, weights, labels = predictions.probabilities, predictions.weights, predictions.labels
    found = {
        "log_loss": float(np.average(_row_losses(predictions), weights=weights)),
        "accuracy": float(np.average(predictions.predicted == labels, weights=weights)),
    }
    if len(predictions.classes) > 2:
        own = p[np.arange(len(p)), labels]
        above = (p > own[:, np.newaxis]).sum(axis=1)
        found["top_2_accuracy"] = float(np.average(above < 2, weights=weights))
    squares = (p**2).sum(axis=1) - 2 * p[np.arange(len(p)), labels] + 1
    recalls = _recalls(confusion(predictions))
    found["macro_recall"] = float(np.nanmean(recalls))
    found["brier"] = float(np.average(squares, weights=weights))
    found["ece"] = calibration_error(*pairs(predictions))
    return found


def by_class(predictions: ClassPredictions) -> ClassFigures:
    """The figures of each class."""
    weights, p, matrix = predictions.weights, predictions.probabilities, confusion(predictions)
    mass = matrix.sum(axis=0)
    with np.errstate(invalid="ignore"):
        precision = np.where(mass > 0, np.diag(matrix) / mass, np.nan)
    is_class = predictions.labels[:, np.newaxis] == np.arange(len(predictions.classes))
    return ClassFigures(
        rows=np.bincount(predictions.labels, minlength=len(predictions.classes)),
        base_rate=predictions.base_rates,
        mean_prediction=np.average(p, axis=0, weights=weights),
        precision=precision,
        recall=_recalls(matrix),
        auc=np.array([_auc(p[:, k], is_class[:, k], weights) for k in range(p.shape[1])]),
    )


def confusion(predictions: ClassPredictions) -> np.ndarray:
    """float64 [classes, classes]: the mass of rows of a class (down) predicted as each (across)."""
    classes = len(predictions.classes)
    cells = predictions.labels * classes + predictions.predicted
    mass = np.bincount(cells, predictions.weights, classes**2)
    return mass.reshape(classes, classes)


def evidence(predictions: ClassPredictions, baseline: np.ndarray | None = None) -> MeasuredClasses:
    """What speaks for and against the model.

    Args:
        baseline: [rows, classes], probabilities of a logistic regression on the same features.
    """
    weights, p = predictions.weights, predictions.probabilities
    mass, rates = weights.sum(), predictions.base_rates
    present = rates[rates > 0]
    other, error = None, 0.0
    losses = _row_losses(predictions)
    if baseline is not None:
        theirs = _row_losses(predictions.with_probabilities(baseline))
        other = float(np.average(theirs, weights=weights))
        error = float(np.sqrt((weights**2 * (losses - theirs) ** 2).sum()) / mass)
    return MeasuredClasses(
        classes=tuple(predictions.classes),
        log_loss=float(np.average(losses, weights=weights)),
        constant_log_loss=float(-(present * np.log(present)).sum()),
        mean_predictions=tuple(np.average(p, axis=0, weights=weights).tolist()),
        base_rates=tuple(rates.tolist()),
        mean_errors=tuple((np.sqrt(weights**2 @ (p * (1 - p))) / mass).tolist()),
        share_of_a_row=float((weights**2).sum() / mass**2),
        baseline_log_loss=other,
        baseline_error=error,
    )


def pairs(predictions: ClassPredictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of a row and a class; of very many rows, evenly chosen ones.

    Returns:
        [pairs] each: whether the row is of the class, int64; its probability of the class; its
        weight.
    """
    classes = len(predictions.classes)
    step = -(-len(predictions.labels) * classes // _POOLED)
    p, labels = predictions.probabilities[::step], predictions.labels[::step]
    is_class = labels[:, np.newaxis] == np.arange(classes)
    weights = np.repeat(predictions.weights[::step], classes)
    return is_class.ravel().astype(np.int64), p.ravel(), weights


def calibration_error(labels: np.ndarray, p: np.ndarray, weights: np.ndarray) -> float:
    """Expected calibration error in bins of equal mass, of pairs."""
    order = np.argsort(p, kind="stable")
    mass = weights[order].cumsum()
    numbers = np.minimum((_BINS * (mass - weights[order] / 2) / mass[-1]).astype(int), _BINS - 1)
    distance = np.bincount(numbers, (weights * (p - labels))[order], _BINS)
    return float(np.abs(distance).sum() / mass[-1])


def _recalls(matrix: np.ndarray) -> np.ndarray:
    mass = matrix.sum(axis=1)
    with np.errstate(invalid="ignore"):
        recalls: np.ndarray = np.where(mass > 0, np.diag(matrix) / mass, np.nan)
    return recalls


def _row_losses(predictions: ClassPredictions) -> np.ndarray:
    own = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    losses: np.ndarray = -np.log(np.maximum(own, _EPSILON))
    return losses


def _auc(p: np.ndarray, is_class: np.ndarray, weights: np.ndarray) -> float:
    """The weighted share of pairs in order, equal ones counted half."""
    values, places = np.unique(p, return_inverse=True)
    positives = np.bincount(places, weights * is_class, len(values))
    negatives = np.bincount(places, weights * ~is_class, len(values))
    total = positives.sum() * negatives.sum()
    if not total > 0:
        return float("nan")
    below = negatives.cumsum() - negatives / 2
    return float((positives * below).sum() / total)
