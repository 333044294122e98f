"""Which rows of which class make up an epoch, and what each is worth: arguments, and arithmetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, epochs
from sampling.schema import Schema

_SHOWN = 5  # classes in a sentence that may have to tell of a thousand

Label = Any  # an int, a float or a str, as the schema's label has it


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an epoch is made of; each of them by class.

    Args:
        sizes: rows in the files.
        rows: rows in an epoch.
        shares: what was asked for; they add up to 1.
        weights: of a row, apart from its own.
        short: the classes with fewer rows than asked for, in words.
    """

    sizes: tuple[int, ...]
    rows: tuple[int, ...]
    shares: tuple[Fraction, ...]
    weights: tuple[float, ...]
    short: str = ""


@dataclasses.dataclass(frozen=True)
class ClassOptions:
    """See `InputFnStratified`; arguments by label may be dicts, and are tuples by class after."""

    labels: Sequence[Label]
    shares: Any = None
    epoch: str | int = epochs.MINORITY
    rows: Any = None
    oversample: bool = False
    weight: Any = 1.0
    normalize_weights: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "epoch", epochs.checked(self.epoch))
        if self.rows is not None and (self.shares is not None or self.epoch != epochs.MINORITY):
            raise SamplingError(
                f"rows is {self.rows!r} beside shares or epoch, expected one or the other, since "
                "rows says both; leave one out"
            )
        object.__setattr__(self, "shares", self._checked_shares())
        object.__setattr__(self, "rows", self._checked_rows())
        object.__setattr__(self, "weight", self._checked_weight())

    def plan(self, sizes: Sequence[int]) -> Plan:
        """For classes with so many rows in the files."""
        shares, rows = self.shares, self.rows
        if shares is None:
            shares = _proportions(sizes if rows is None else rows)
        if rows is None:
            rows = epochs.rows_of_classes(self.epoch, sizes, shares)
        short = self._short(rows, sizes)
        if short:
            rows = [min(pair) for pair in zip(rows, sizes, strict=True)]
            shares = _proportions(rows)
        return Plan(tuple(sizes), tuple(rows), shares, self._weights(sizes, rows), short)

    def _short(self, rows: Sequence[int], sizes: Sequence[int]) -> str:
        """Classes that would come more than once where that was not asked for."""
        if self.oversample or self.epoch in (epochs.MAJORITY, epochs.NATURAL):
            return ""
        short = [
            f"{size:,} of class {label!r} for {wanted:,}"
            for label, wanted, size in zip(self.labels, rows, sizes, strict=True)
            if wanted > size
        ]
        more = [f"{len(short) - _SHOWN} more"] if len(short) > _SHOWN else []
        return ", ".join(short[:_SHOWN] + more)

    def _weights(self, sizes: Sequence[int], rows: Sequence[int]) -> tuple[float, ...]:
        weights = self.weight
        if weights == "auto":
            weights = [size / max(1, each) for size, each in zip(sizes, rows, strict=True)]
        elif weights == "balanced":
            present = sum(1 for each in rows if each)
            weights = [sum(rows) / present / max(1, each) for each in rows]
        if self.normalize_weights:
            mean = float(np.dot(rows, weights)) / sum(rows)
            weights = [each / mean for each in weights]
        return tuple(weights)

    def _checked_shares(self) -> tuple[Fraction, ...] | None:
        """None: those of the files, or of the rows that were asked for."""
        if self.rows is not None:
            return None
        if isinstance(self.shares, str):
            checks.one_of("shares", self.shares, [epochs.NATURAL])
            return None
        if self.shares is None:
            return _proportions([1] * len(self.labels))
        values = self._values("shares", self.shares)
        for label, share in zip(self.labels, values, strict=True):
            checks.number(f"the share of class {label!r}", share, at_least=0)
        if abs(sum(values) - 1) > 1e-6:
            raise SamplingError(
                f"shares is {dict(self.shares)!r}, which adds up to {sum(values):.6g}, expected 1; "
                "fix it"
            )
        return _proportions([apportionment.fraction(share) for share in values])

    def _checked_rows(self) -> tuple[int, ...] | None:
        if self.rows is None:
            return None
        if not isinstance(self.rows, Mapping):
            return (checks.whole_number("rows", self.rows, 1),) * len(self.labels)
        values = self._values("rows", self.rows)
        rows = tuple(checks.whole_number("a number of rows", each, 0) for each in values)
        if not any(rows):
            raise SamplingError(f"rows is {self.rows!r}, expected a class with some; fix it")
        return rows

    def _checked_weight(self) -> str | tuple[float, ...]:
        if isinstance(self.weight, str):
            return checks.one_of("weight", self.weight, ["auto", "balanced"])
        if not isinstance(self.weight, Mapping):
            return (checks.positive_number("weight", self.weight),) * len(self.labels)
        values = self._values("weight", self.weight)
        return tuple(checks.positive_number("a class's weight", each) for each in values)

    def _values(self, name: str, by_label: Any) -> list[Any]:
        """The values of a dict, in the order of the classes."""
        known = ", ".join(map(repr, self.labels))
        if not isinstance(by_label, Mapping):
            raise SamplingError(
                f"{name} is {by_label!r}, expected a dict by label ({known}); pass one"
            )
        for label in by_label:
            if label not in self.labels:
                raise SamplingError(
                    f"{name} has the unknown class {label!r}, expected {known}; fix it"
                )
        for label in self.labels:
            if label not in by_label:
                raise SamplingError(
                    f"{name} lacks the class {label!r}, expected each of {known}; add it"
                )
        return [by_label[label] for label in self.labels]


def checked_label(label: Any, schema: Schema) -> Label:
    """A label of the type that the schema says.

    Raises:
        SamplingError: it is of another, or the schema names no label.
    """
    field = schema.label_field
    if field is None:
        raise SamplingError("the schema names no label, expected one to tell classes; pass label=")
    if isinstance(label, bool):
        label = int(label)
    try:
        return dataclasses.replace(field, default=label).default
    except ValueError:
        raise SamplingError(
            f"found the class {label!r}, expected a label of type {field.type}, as the column "
            f"{field.name!r} is; fix it, or the schema"
        ) from None


def _proportions(numbers: Sequence[int | Fraction]) -> tuple[Fraction, ...]:
    return tuple(Fraction(number) / sum(numbers) for number in numbers)
