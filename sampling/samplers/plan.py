"""`Plan`: which rows make up an epoch and what each is worth; all else follows from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, epoch_rows


@dataclasses.dataclass(frozen=True)
class MadeUp:
    """Rows that no file has, made in memory for the rows of the leading class.

    Args:
        name: of the class that they are.
        per_row: how many for each row of the leading class.
        population: how many different ones there are.
        checksum: of all that they depend on, apart from the seed and their place.
        replaces_leading: whether the leading rows come only as a part of the rows made up.
        no_prior: why shares of the classes say nothing about probabilities; "" if they do.
    """

    name: str
    per_row: Fraction
    population: int
    checksum: int
    replaces_leading: bool = False
    no_prior: str = ""


@dataclasses.dataclass(frozen=True)
class ByRate:
    """Every row as often as its rate says, see `Sampler.rates`.

    Args:
        overall_rate: what the rates are scaled to on average; None: they are taken as they are.
        inverse_weights: whether a row weighs the inverse of its rate.
    """

    overall_rate: float | None = None
    inverse_weights: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What one epoch of all workers together is made of.

        Plan({"positive": 100, "negative": 300})             # so many rows of each class
        Plan.per("positive", {"negative": 2.5})              # 2.5 negatives for each positive
        Plan.per("files")                                    # every row once

    The second form needs no counting. An epoch is one pass over the leading class, and the first n
    rows of it come with floor(per x n + 1/2) rows of another class. Rows of a class that are not
    all used in an epoch come on in the next one: each is used once before any is used again.

    Args:
        rows: of each class in an epoch; a class with 0 is left out. None: see `per`.
        weights: of a row of each class, apart from its own; 1 where a class is not named.
        shares: of each class in a batch; they add up to 1. None: batches are mixed at random.
        batch_size: of batches that have exactly those shares, except for an epoch's last rows.
        remark: said to the user, as a warning, when the plan is made.

    Rows by rate, and rows made up, belong to a plan of one class: see `by_rate` and `made_up`.

    Raises:
        SamplingError: a number of rows is negative, a weight is negative or no float32, a share of
            a batch is no whole number of rows, or what is said of other classes would be left out.
    """

    rows: Mapping[str, int] | None = None
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    leading: str | None = None
    per_leading: Mapping[str, Fraction] = dataclasses.field(default_factory=dict)
    made_up: MadeUp | None = None
    by_rate: ByRate | None = None
    shares: tuple[Fraction, ...] | None = None
    batch_size: int | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        if (self.rows is None) == (self.leading is None):
            raise SamplingError(
                "the plan has both rows and a leading class, or neither, expected one of them; "
                "write Plan({class: rows}) or Plan.per(class, {class: number})"
            )
        if self._is_of_one_class and (self.rows is not None or self.per_leading):
            raise SamplingError(
                "the plan has rows by rate, or rows made up, beside other classes, expected its "
                "leading class alone; write Plan.per(class, by_rate=...) or (class, made_up=...)"
            )
        if self.made_up is not None and self.weights:
            raise SamplingError(
                f"the plan has weights {dict(self.weights)!r} beside rows made up, expected none; "
                "give weights to the parts that make_up returns"
            )
        for name, rows in (self.rows or {}).items():
            checks.whole_number(f"the number of rows of {name!r}", rows, 0)
        if self.rows is not None and not any(self.rows.values()):
            raise SamplingError(f"the plan is {dict(self.rows)!r}, expected a class with some rows")
        for name, weight in self.weights.items():
            checks.weight(f"the weight of {name}", weight)
        if self.shares is not None and self.batch_size is not None:
            of_batch = epoch_rows.rows_of_batch(self.batch_size, self.shares)
            object.__setattr__(self, "of_batch", of_batch)

    of_batch: tuple[int, ...] | None = dataclasses.field(default=None, init=False)

    @classmethod
    def per(
        cls, leading: str, others: Mapping[str, float | Fraction] | None = None, **options: Any
    ) -> Plan:
        """Every row of one class once, and so many rows of others for each of them.

        Args:
            leading: the class whose pass is an epoch.
            others: by class, how many rows for each row of the leading one.
            options: see `Plan`.
        """
        per_leading = {name: apportionment.fraction(each) for name, each in (others or {}).items()}
        for name, each in per_leading.items():
            if each < 0:
                raise SamplingError(f"{name} has {each} rows for each, expected 0 or more")
        return cls(leading=leading, per_leading=per_leading, **options)

    @property
    def _is_of_one_class(self) -> bool:
        return self.by_rate is not None or self.made_up is not None

    def check_classes(self, known: Collection[str], sampler: str) -> None:
        """Raises SamplingError if the plan does not fit the classes of files.

        Args:
            known: their names.
            sampler: whose plan it is.
        """
        named = {*(self.rows or {}), *self.per_leading} | ({self.leading} - {None})
        for name in sorted(named - set(known), key=str):
            raise SamplingError(
                f"{sampler}.plan names the class {name!r}, expected "
                f"{', '.join(map(repr, known))}; name classes as the files are named"
            )
        if self._is_of_one_class and len(known) > 1:
            raise SamplingError(
                f"{sampler}.plan has rows by rate, or rows made up, and there are files of "
                f"{', '.join(map(repr, known))}, expected one class of files; pass one glob"
            )

    def weight(self, name: str) -> float:
        """Of a row of a class, apart from its own."""
        return float(self.weights.get(name, 1.0))

    def rows_of_classes(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Rows of each class in an epoch, where the files have so many (rows by class)."""
        if self.rows is not None:
            return {name: int(self.rows.get(name, 0)) for name in sizes}
        assert self.leading is not None
        count = sizes[self.leading]
        found = {name: self.with_first(name, count) for name in sizes}
        if self.made_up is not None:
            found[self.made_up.name] = portion(self.made_up.per_row, count)
            if self.made_up.replaces_leading:
                found[self.leading] = 0
        return found

    def with_first(self, name: str, count: int) -> int:
        """How many rows of a class go with the first `count` rows of the leading one."""
        return count if name == self.leading else portion(self.per_leading.get(name, 0), count)

    def leading_at_a_time(self, rows: int) -> int:
        """About how many rows of the leading class make a chunk of `rows` rows."""
        made = self.made_up
        if made is None:
            return max(1, round(rows / (1 + float(sum(self.per_leading.values())))))
        of_each = made.per_row + (0 if made.replaces_leading else 1)
        unit = 1
        if self.of_batch is not None and made.replaces_leading:
            unit = sum(self.of_batch) * made.per_row.denominator
        elif self.of_batch is not None:
            unit = self.of_batch[0]
        return max(1, math.floor(rows / of_each / unit)) * unit

    def fingerprint(self) -> str:
        """What decides on the rows and their order, in words: the same, or no restoring."""
        if self.rows is not None:
            text = ", ".join(f"{rows} of {name}" for name, rows in self.rows.items())
        else:
            others = [f"{each} of {name}" for name, each in self.per_leading.items()]
            if self.made_up is not None:
                others.append(f"{self.made_up.per_row} made up ({self.made_up.checksum})")
            text = f"every row of {self.leading}" + "".join(f", with {each}" for each in others)
        if self.by_rate is not None:
            text += f", by rate {self.by_rate.overall_rate or ''}".rstrip()
        return text + (f", {self.of_batch} in a batch" if self.of_batch else "")


def among_first(plan: Plan, own: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """Rows of each class among the first `rows` rows of an epoch.

    Args:
        own: rows of each class in this worker's epoch.
    """
    if plan.of_batch is None or plan.batch_size is None:
        return tuple(apportionment.apportion(np.array([rows]), own)[0].tolist())
    batches = -(-rows // plan.batch_size)
    if batches * plan.batch_size >= sum(own):
        return own
    return tuple(min(batches * each, rows) for each, rows in zip(plan.of_batch, own, strict=True))


def portion(per: Fraction | int, count: int) -> int:
    """floor(per x count + 1/2)"""
    return (2 * count * per.numerator + per.denominator) // (2 * per.denominator)
