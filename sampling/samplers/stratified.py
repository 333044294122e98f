"""`Stratified`: any number of classes, each with the share of an epoch that is asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, epoch_rows
from sampling.samplers.plan import Plan
from sampling.samplers.sampler import Sampler, Sizes
from sampling.schema import Schema

_SHOWN = 5  # classes in a sentence that may have to tell of a thousand

Label = Any  # an int, a float or a str, as the schema's label has it


class Stratified(Sampler):
    """See `InputFnStratified`; arguments by label may be dicts, and are tuples by class after.

    Args:
        classes: their labels, in order.
        batch_size: of batches that have the exact shares; None: they need not.

    Raises:
        SamplingError: an argument is out of range, or a class is unknown.
    """

    def __init__(
        self,
        classes: Sequence[Label],
        shares: Any = None,
        epoch: str | int = epoch_rows.MINORITY,
        rows: Any = None,
        oversample: bool = False,
        weight: Any = 1.0,
        normalize_weights: bool = False,
        batch_size: int | None = None,
    ):
        self.classes, self.oversample = tuple(classes), bool(oversample)
        self.labels: Mapping[str, Label] = {name_of(label): label for label in self.classes}
        self.normalize_weights, self.batch_size = bool(normalize_weights), batch_size
        self.epoch = epoch_rows.checked(epoch)
        if rows is not None and (shares is not None or self.epoch != epoch_rows.MINORITY):
            raise SamplingError(
                f"rows is {rows!r} beside shares or epoch, expected one or the other, since rows "
                "says both; leave one out"
            )
        self.shares = None if rows is not None else self._checked_shares(shares)
        self.rows = self._checked_rows(rows)
        self.weight = self._checked_weight(weight)
        if batch_size is not None and self.shares is not None:  # otherwise known by counting
            epoch_rows.rows_of_batch(batch_size, self.shares)

    def plan(self, sizes: Sizes) -> Plan:
        of_classes = [sizes.counted(name) for name in self.labels]
        shares, rows = self.shares, self.rows
        if shares is None:
            shares = _proportions(of_classes if rows is None else rows)
        if rows is None:
            rows = epoch_rows.rows_of_classes(self.epoch, of_classes, shares)
        short = self._short(rows, of_classes)
        if short:
            rows = tuple(min(pair) for pair in zip(rows, of_classes, strict=True))
            shares = _proportions(rows)
        weights = self._weights(of_classes, rows)
        return Plan(
            dict(zip(self.labels, rows, strict=True)),
            weights=dict(zip(self.labels, weights, strict=True)),
            shares=None if self.batch_size is None else shares,
            batch_size=self.batch_size,
            remark=short
            and f"there are too few rows, {short}; each is taken once in an epoch, pass "
            "oversample=True to have them more than once",
        )

    def is_of_other_class(self, name: str, labels: np.ndarray) -> np.ndarray | None:
        label = self.labels[name]
        other: np.ndarray = labels != (label.encode() if isinstance(label, str) else label)
        return other

    def _short(self, rows: Sequence[int], sizes: Sequence[int]) -> str:
        """Classes that would come more than once where that was not asked for."""
        if self.oversample or self.epoch in (epoch_rows.MAJORITY, epoch_rows.NATURAL):
            return ""
        short = [
            f"{size:,} of class {label!r} for {wanted:,}"
            for label, wanted, size in zip(self.classes, rows, sizes, strict=True)
            if wanted > size
        ]
        more = [f"{len(short) - _SHOWN} more"] if len(short) > _SHOWN else []
        return ", ".join(short[:_SHOWN] + more)

    def _weights(self, sizes: Sequence[int], rows: Sequence[int]) -> list[float]:
        if self.weight == "auto":
            weights = [size / max(1, each) for size, each in zip(sizes, rows, strict=True)]
        elif self.weight == "balanced":
            present = sum(1 for each in rows if each)
            weights = [sum(rows) / present / max(1, each) for each in rows]
        else:
            weights = [float(each) for each in self.weight]
        if self.normalize_weights:
            mean = float(np.dot(rows, weights)) / sum(rows)
            weights = [each / mean for each in weights]
        return weights

    def _checked_shares(self, shares: Any) -> tuple[Fraction, ...] | None:
        """None: those of the files."""
        if isinstance(shares, str):
            checks.one_of("shares", shares, [epoch_rows.NATURAL])
            return None
        if shares is None:
            return _proportions([1] * len(self.classes))
        values = self._values("shares", shares)
        for label, share in zip(self.classes, values, strict=True):
            checks.number(f"the share of class {label!r}", share, at_least=0)
        if abs(sum(values) - 1) > 1e-6:
            raise SamplingError(
                f"shares is {dict(shares)!r}, which adds up to {sum(values):.6g}, expected 1; "
                "fix it"
            )
        return _proportions([apportionment.fraction(share) for share in values])

    def _checked_rows(self, rows: Any) -> tuple[int, ...] | None:
        if rows is None:
            return None
        if not isinstance(rows, Mapping):
            return (checks.whole_number("rows", rows, 1),) * len(self.classes)
        values = self._values("rows", rows)
        numbers = tuple(checks.whole_number("a number of rows", each, 0) for each in values)
        if not any(numbers):
            raise SamplingError(f"rows is {rows!r}, expected a class with some; fix it")
        return numbers

    def _checked_weight(self, weight: Any) -> str | tuple[float, ...]:
        if isinstance(weight, str):
            return checks.one_of("weight", weight, ["auto", "balanced"])
        if not isinstance(weight, Mapping):
            return (checks.positive_number("weight", weight),) * len(self.classes)
        values = self._values("weight", weight)
        return tuple(checks.positive_number("a class's weight", each) for each in values)

    def _values(self, name: str, by_label: Any) -> list[Any]:
        """The values of a dict, in the order of the classes."""
        known = ", ".join(map(repr, self.classes))
        if not isinstance(by_label, Mapping):
            raise SamplingError(
                f"{name} is {by_label!r}, expected a dict by label ({known}); pass one"
            )
        for label in by_label:
            if label not in self.classes:
                raise SamplingError(
                    f"{name} has the unknown class {label!r}, expected {known}; fix it"
                )
        for label in self.classes:
            if label not in by_label:
                raise SamplingError(
                    f"{name} lacks the class {label!r}, expected each of {known}; add it"
                )
        return [by_label[label] for label in self.classes]


def name_of(label: Label) -> str:
    """What the class of a label is called: 1 -> "class 1"."""
    return f"class {label!r}"


def checked_label(label: Any, schema: Schema) -> Label:
    """A label of the type that the schema says.

    Raises:
        SamplingError: it is of another, or the schema names no label.
    """
    field = schema.label_field
    if field is None:
        raise SamplingError(
            "the schema names no label, expected one to tell classes; make it with label="
        )
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
