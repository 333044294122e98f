"""Labels and predictions of any number of classes, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.probabilities.calibration import checked_probabilities


@dataclasses.dataclass(frozen=True)
class ClassPredictions:
    """Rows that have been predicted and whose labels are known.

    Args:
        labels: int [rows], places in classes.
        probabilities: float [rows, classes], of each class.
        classes: what they are called, in order.
        weights: [rows], not negative, one at least above 0; None: all 1.

    Raises:
        SamplingError: the lengths differ, there is no row, or a value is out of range.
    """

    labels: Any
    probabilities: Any
    classes: Sequence[str]
    weights: Any = None

    def __post_init__(self) -> None:
        labels = np.ravel(self.labels).astype(np.int64)
        probabilities = checked_probabilities("probabilities", self.probabilities)
        expected = len(labels), len(self.classes)
        if probabilities.shape != expected:
            raise SamplingError(
                f"the probabilities have the shape {probabilities.shape}, expected {expected}: a "
                "row for each label, a column for each class; pass those of the same rows"
            )
        weights = np.ones(len(labels)) if self.weights is None else np.ravel(self.weights)
        weights = weights.astype(np.float64)
        if len(weights) != len(labels) or not (weights >= 0).all() or not weights.sum() > 0:
            raise SamplingError(
                f"found {len(weights):,} weights with the sum {weights.sum():g} for "
                f"{len(labels):,} rows, expected one for each row, not negative, and one above 0; "
                "fix them"
            )
        if not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise SamplingError(
                f"found labels from {labels.min()} to {labels.max()}, expected 0 to "
                f"{len(self.classes) - 1}, places of the classes; fix them"
            )
        for name, value in (
            ("labels", labels),
            ("probabilities", probabilities),
            ("weights", weights),
            ("classes", tuple(self.classes)),
        ):
            object.__setattr__(self, name, value)

    @property
    def predicted(self) -> np.ndarray:
        """int64 [rows]: the likeliest class."""
        found: np.ndarray = self.probabilities.argmax(axis=1)
        return found

    @property
    def base_rates(self) -> np.ndarray:
        """float64 [classes]: the share of each class."""
        found = np.bincount(self.labels, self.weights, len(self.classes))
        return found / found.sum()

    def with_probabilities(self, probabilities: np.ndarray) -> ClassPredictions:
        """The same rows, predicted otherwise."""
        return dataclasses.replace(self, probabilities=probabilities)
