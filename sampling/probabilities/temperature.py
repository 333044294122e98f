"""One temperature, and a bias for each class, for the logits of any number of classes.

    calibration = fit(logits, labels)
    probabilities = softmax(calibration(logits))

Logits are divided by the temperature, then the biases are added: Guo et al. (2017), On Calibration
of Modern Neural Networks, ICML; with biases Alexandari, Kundaje and Shrikumar (2020), Maximum
Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation, ICML.

Few rows say little. So the temperature's inverse and the biases are drawn towards 1 and 0 as by a
normal prior, and classes of few rows share one bias.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError

ENOUGH = 50  # rows of a class that has a bias of its own
_DEVIATION = 0.25  # of the prior
_STEPS, _CLOSE = 50, 1e-10


@dataclasses.dataclass(frozen=True)
class ClassCalibration:
    """A function of logits [..., classes]: logits / temperature + biases.

    Args:
        temperature: above 0; above 1 where a model is too sure of itself.
        biases: of each class.
        temperature_error, bias_errors: standard errors.
        rows: that they were fitted on.

    Raises:
        SamplingError: the temperature is not above 0.
    """

    temperature: float
    biases: tuple[float, ...]
    temperature_error: float = 0.0
    bias_errors: tuple[float, ...] = ()
    rows: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise SamplingError(
                f"the temperature is {self.temperature:.4g}, expected one above 0; the model ranks "
                "classes the wrong way round, train it longer, or look for labels that are "
                "exchanged"
            )

    def __call__(self, logits: Any) -> np.ndarray:
        """float64, of the shape of logits."""
        return np.asarray(logits, np.float64) / self.temperature + np.array(self.biases)

    @property
    def constants(self) -> np.ndarray:
        """float64 [1 + logits]: what a head's logits are multiplied with, and what is added then.

        Heads have one logit for two classes, the second one's less the first one's.
        """
        biases = np.array(self.biases)
        added = biases[1:] - biases[:1] if len(biases) == 2 else biases
        return np.append(1 / self.temperature, added)

    def told(self, names: Sequence[str], most: int = 8) -> str:
        """In words, with the biases of the first classes by name."""
        pairs = list(zip(names, self.biases, self.bias_errors, strict=True))
        parts = [f"{name} {bias:+.3f} ± {error:.3f}" for name, bias, error in pairs[:most]]
        more = [f"{len(pairs) - most} more"] if len(pairs) > most else []
        return (
            f"temperature {self.temperature:.3f} ± {self.temperature_error:.3f}, "
            f"biases {', '.join(parts + more)}"
        )


def softmax(logits: Any) -> np.ndarray:
    """Probabilities of the last axis, float64."""
    values = np.asarray(logits, np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def fit(logits: Any, labels: Any, weights: Any = None, enough: int = ENOUGH) -> ClassCalibration:
    """The temperature and the biases that make rows likeliest, by Newton's method.

    Args:
        logits: float [rows, classes], of a model that has not seen the rows.
        labels: int [rows], from 0.
        weights: float [rows], the rows' own; None: 1.
        enough: rows of a class that has a bias of its own; the others share one.

    Raises:
        SamplingError: fewer than two classes have enough rows, a logit is no number, a label is no
            class, or the temperature would not be above 0.
    """
    logits, labels = np.asarray(logits, np.float64), np.ravel(labels).astype(np.int64)
    weights = np.ones(len(labels)) if weights is None else np.ravel(weights).astype(np.float64)
    if not np.isfinite(logits).all():
        raise SamplingError("found a logit that is no finite number, expected numbers; train anew")
    kept = weights > 0
    logits, labels, weights = logits[kept], labels[kept], weights[kept]
    groups = _groups(labels, logits.shape[1], enough)
    weights = weights / weights.mean()
    # Centred, so that the temperature and the biases do not depend on each other much, and a class
    # of few rows stays as likely as the model has it, whatever the temperature.
    logits = logits - logits.mean(axis=1, keepdims=True)
    centre = np.average(logits, axis=0, weights=weights)
    found, covariance = _likeliest(logits - centre, centre, labels, weights, groups)
    slope, shifts = found[0], groups @ found[1:]
    to_origin = np.column_stack([-centre, groups])
    variances = np.einsum("ki,ij,kj->k", to_origin, covariance, to_origin)
    return ClassCalibration(
        temperature=float(1 / slope) if slope else 0.0,
        biases=tuple((centre * (1 - slope) + shifts).tolist()),
        temperature_error=float(covariance[0, 0] ** 0.5 / slope**2),
        bias_errors=tuple(np.sqrt(variances).tolist()),
        rows=len(labels),
    )


def _groups(labels: np.ndarray, classes: int, enough: int) -> np.ndarray:
    """float64 [classes, biases]: which bias is whose."""
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise SamplingError(
            f"found the label {labels.max() if labels.min() >= 0 else labels.min()}, expected one "
            f"from 0 to {classes - 1}, a place of a logit; fix it"
        )
    own = np.bincount(labels, minlength=classes) >= enough
    if own.sum() < 2:
        raise SamplingError(
            f"found {enough} rows or more of {own.sum()} of {classes} classes, expected two "
            "classes of so many; pass more rows"
        )
    columns = np.where(own, np.cumsum(own) - 1, own.sum())
    return np.eye(int(columns.max()) + 1)[columns]


def _likeliest(
    logits: np.ndarray,
    centre: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The slope and the shift of each group, and their covariance.

    Args:
        logits: float64 [rows, classes], less the centre.
    """
    start = np.append(1.0, np.zeros(groups.shape[1]))
    found, precision = start.copy(), np.eye(len(start)) / _DEVIATION**2
    right = weights @ logits[np.arange(len(labels)), labels]
    of_groups = np.bincount(labels, weights, len(groups)) @ groups
    for _ in range(_STEPS):
        p = softmax(centre + found[0] * logits + groups @ found[1:])
        mean = (p * logits).sum(axis=1, keepdims=True)
        in_groups, spread = p @ groups, (p * (logits - mean)) @ groups
        gradient = np.append(right - weights @ mean[:, 0], of_groups - weights @ in_groups)
        gradient -= precision @ (found - start)
        hessian = precision.copy()
        hessian[0, 0] += weights @ (p * (logits - mean) ** 2).sum(axis=1)
        hessian[0, 1:] += weights @ spread
        hessian[1:, 0] += weights @ spread
        weighted = in_groups * weights[:, np.newaxis]
        hessian[1:, 1:] += np.diag(weights @ in_groups) - in_groups.T @ weighted
        step = np.linalg.solve(hessian, gradient)
        found = found + np.clip(step, -1, 1)
        if np.abs(step).max() < _CLOSE:
            break
    return found, np.linalg.inv(hessian)
