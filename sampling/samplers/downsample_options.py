"""How many negatives go with the positives, and what each is worth: arguments, and arithmetic."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any, NamedTuple

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, epochs


class Plan(NamedTuple):
    """What an epoch is made of.

    Args:
        multiplier: negatives for each positive, unless all are taken.
        positives, negatives: rows in the files; None: not counted, as they need not be.
        takes_all: all negatives, each once: as asked for, or since there are not enough.
        rows: positives and negatives of an epoch, unless the positives of the files decide on it.
        positive_weight, negative_weight: of a row, apart from its own.
    """

    multiplier: Any
    positives: int | None
    negatives: int | None
    takes_all: bool
    rows: tuple[int, int] | None = None
    positive_weight: float = 1.0
    negative_weight: float = 1.0

    @property
    def ratio(self) -> float:
        """Negatives for each positive."""
        if not self.takes_all:
            return float(self.multiplier)
        assert self.positives and self.negatives
        return self.negatives / self.positives

    def wanted(self, positives: int) -> int:
        """How many negatives go with the first so many positives of an epoch."""
        if not self.takes_all:
            return wanted(self.multiplier, positives)
        assert self.positives and self.negatives
        return (2 * self.negatives * positives + self.positives) // (2 * self.positives)

    def rows_in_an_epoch(self, positives: int) -> tuple[int, int]:
        """Positives and negatives, where the files have so many positives."""
        return self.rows or (positives, self.wanted(positives))

    def weighted_ratio(self, positives: int) -> float:
        """The weight of all negatives in an epoch for that of all positives."""
        taken, sampled = self.rows_in_an_epoch(positives)
        return sampled * self.negative_weight / (taken * self.positive_weight)


@dataclasses.dataclass(frozen=True)
class DownsampleOptions:
    """See `InputFnDownsampleWithWeight`."""

    multiplier: Any
    weight: Any
    positive_weight: Any
    normalize_weights: bool
    epoch: str

    def __post_init__(self) -> None:
        words = {"multiplier": epochs.NATURAL, "weight": "auto", "positive_weight": "balanced"}
        for name, word in words.items():
            object.__setattr__(self, name, _number_or(name, getattr(self, name), word))
        checks.one_of("epoch", self.epoch, epochs.EPOCHS)

    @property
    def needs_all_counts(self) -> bool:
        """Whether rows of both classes decide on an epoch."""
        return self.epoch != epochs.MINORITY or self.multiplier == epochs.NATURAL

    @property
    def needs_positives(self) -> bool:
        """Whether the number of positives decides on weights."""
        is_relative = self.normalize_weights or self.positive_weight == "balanced"
        return self.weight == "auto" or is_relative

    @property
    def needs_negatives(self) -> bool:
        """Whether the number of negatives does."""
        return bool(self.weight == "auto")

    def plan_of_both(self, positives: int, negatives: int) -> Plan:
        """Where rows of both classes decide on an epoch."""
        if self.multiplier == epochs.NATURAL:
            return self.plan(positives, negatives, takes_all=True)
        ratio, sizes = apportionment.fraction(self.multiplier), (positives, negatives)
        shares = [Fraction(1) / (1 + ratio), ratio / (1 + ratio)]
        taken, sampled = epochs.rows_of_classes(self.epoch, sizes, shares)
        plan = Plan(self.multiplier, *sizes, takes_all=False, rows=(taken, sampled))
        return self._weighted(plan)

    def plan(self, positives: int | None, negatives: int | None, takes_all: bool) -> Plan:
        """Where the positives of the files decide on an epoch; see `Plan`."""
        return self._weighted(Plan(self.multiplier, positives, negatives, takes_all))

    def _weighted(self, plan: Plan) -> Plan:
        if not plan.positives:  # not counted, since the weights are numbers
            return plan._replace(
                positive_weight=self.positive_weight, negative_weight=float(self.weight)
            )
        taken, sampled = plan.rows_in_an_epoch(plan.positives)
        negative, own = self.weight, 1.0
        if negative == "auto":
            assert plan.negatives
            negative, own = plan.negatives / max(1, sampled), plan.positives / max(1, taken)
        if self.positive_weight == "balanced":
            positive = negative * sampled / max(1, taken)
        else:
            positive = own * self.positive_weight
        mean = 1.0
        if self.normalize_weights:
            mean = (taken * positive + sampled * negative) / (taken + sampled)
        return plan._replace(positive_weight=positive / mean, negative_weight=negative / mean)


def wanted(multiplier: float, positives: int) -> int:
    """floor(multiplier x positives + 1/2)"""
    return math.floor(multiplier * positives + 0.5)


def _number_or(name: str, value: Any, word: str) -> float | str:
    """A number above 0, or the word."""
    if isinstance(value, str) and value != word:
        raise SamplingError(f"{name} is {value!r}, expected a number above 0, or {word!r}; fix it")
    return word if isinstance(value, str) else checks.positive_number(name, value)
