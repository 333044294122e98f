"""`Downsample`: every positive and a few negatives for each, the negatives upweighted."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, epoch_rows
from sampling.samplers.plan import Plan, portion
from sampling.samplers.sampler import Sampler, Sizes

POSITIVE, NEGATIVE = "positive_dir", "negative_dir"


class Downsample(Sampler):
    """See `InputFnDownsampleWithWeight` for the arguments.

    Raises:
        SamplingError: one is out of range.
    """

    labels: Mapping[str, Any] = {POSITIVE: 1, NEGATIVE: 0}

    def __init__(
        self,
        multiplier: float | str = 1,
        weight: float | str = 1.0,
        positive_weight: float | str = 1.0,
        normalize_weights: bool = False,
        epoch: str = epoch_rows.MINORITY,
    ):
        self.multiplier = _number_or("multiplier", multiplier, epoch_rows.NATURAL)
        self.weight = _number_or("weight", weight, "auto")
        self.positive_weight = _number_or("positive_weight", positive_weight, "balanced")
        self.normalize_weights = bool(normalize_weights)
        self.epoch = checks.one_of("epoch", epoch, epoch_rows.EPOCHS)

    def plan(self, sizes: Sizes) -> Plan:
        """Rows are counted only where their number makes a difference."""
        if self.multiplier == epoch_rows.NATURAL:
            positives, negatives = sizes.counted(POSITIVE), sizes.counted(NEGATIVE)
            return self._led(sizes, Fraction(negatives, positives))
        multiplier = float(self.multiplier)
        if self.epoch != epoch_rows.MINORITY:
            return self._counted(sizes, apportionment.fraction(multiplier))
        if not sizes.surely_more(NEGATIVE, multiplier, POSITIVE):
            positives, negatives = sizes.counted(POSITIVE), sizes.counted(NEGATIVE)
            wanted = portion(apportionment.fraction(multiplier), positives)
            if negatives < wanted:
                return self._led(
                    sizes,
                    Fraction(negatives, positives),
                    f"there are {negatives:,} negatives for {positives:,} positives, fewer than "
                    f"the {wanted:,} that multiplier = {multiplier:g} asks for; each is taken once "
                    f"in an epoch, at a ratio of {negatives / positives:.4g}",
                )
        return self._led(sizes, apportionment.fraction(multiplier))

    def is_of_other_class(self, name: str, labels: np.ndarray) -> np.ndarray | None:
        """Labels of text are no zeros and ones, so they tell nothing."""
        if name not in self.labels or labels.dtype.hasobject:
            return None
        return (labels != 0) != bool(self.labels[name])

    def _led(self, sizes: Sizes, ratio: Fraction, remark: str = "") -> Plan:
        """Every positive once, with `ratio` negatives for each."""
        is_relative = self.normalize_weights or self.positive_weight == "balanced"
        if is_relative or self.weight == "auto":
            taken = sizes[POSITIVE]
            weights = self._weights(sizes, taken, portion(ratio, taken))
        else:  # nothing need be counted
            weights = {POSITIVE: float(self.positive_weight), NEGATIVE: float(self.weight)}
        return Plan.per(POSITIVE, {NEGATIVE: ratio}, weights=weights, remark=remark)

    def _counted(self, sizes: Sizes, ratio: Fraction) -> Plan:
        """So many positives and negatives, at the same ratio."""
        of_classes = sizes.counted(POSITIVE), sizes.counted(NEGATIVE)
        shares = [Fraction(1) / (1 + ratio), ratio / (1 + ratio)]
        taken, sampled = epoch_rows.rows_of_classes(self.epoch, of_classes, shares)
        weights = self._weights(sizes, taken, sampled)
        return Plan({POSITIVE: taken, NEGATIVE: sampled}, weights=weights)

    def _weights(self, sizes: Sizes, taken: int, sampled: int) -> dict[str, float]:
        negative, own = self.weight, 1.0
        if negative == "auto":
            negative, own = sizes[NEGATIVE] / max(1, sampled), sizes[POSITIVE] / max(1, taken)
        if self.positive_weight == "balanced":
            if not sampled:
                raise SamplingError(
                    f"positive_weight is 'balanced' and an epoch has no negative, at multiplier = "
                    f"{self.multiplier:g} and {taken:,} positives, expected some; raise multiplier"
                )
            positive = float(negative) * sampled / max(1, taken)
        else:
            positive = own * float(self.positive_weight)
        mean = 1.0
        if self.normalize_weights:
            mean = (taken * positive + sampled * float(negative)) / (taken + sampled)
        return {POSITIVE: positive / mean, NEGATIVE: float(negative) / mean}


def _number_or(name: str, value: Any, word: str) -> float | str:
    """A number above 0, or the word."""
    if isinstance(value, str) and value != word:
        raise SamplingError(f"{name} is {value!r}, expected a number above 0, or {word!r}; fix it")
    return word if isinstance(value, str) else checks.positive_number(name, value)
