"""What a wide and deep model knows of its columns: constants of its features, as plain JSON.

They are measured once, before the first step, and kept in parameters.json. Training, evaluation,
prediction and export compute features by the same constants.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sampling.schema import Field, Schema

# What a missing whole number is in batches and in requests; no file has these.
MISSING_INTEGER, MISSING_BOOLEAN = -(2**63), -1
_WIDTHS = (2, 4, 8, 16)  # few different ones, since columns of one width are looked up together


@dataclasses.dataclass(frozen=True)
class Number:
    """A column of numbers, or the days of a column of dates.

    Args:
        name: of the column.
        median: which stands for a missing value.
        knots, scores: float, ascending, equally many: a value's score is interpolated between them.
        has_indicator: whether values are missing, so that the model is told where.
        missing: the whole number that stands for none; None: the column is none of whole numbers.
        is_linear: whether the value itself is a feature, too.
        is_skewed: whether `mean` and `deviation` are of log(1 + x).
        mean, deviation: of the values, with the longest tails cut.
    """

    name: str
    median: float
    knots: tuple[float, ...]
    scores: tuple[float, ...]
    has_indicator: bool = False
    missing: int | None = None
    is_linear: bool = False
    is_skewed: bool = False
    mean: float = 0.0
    deviation: float = 1.0


@dataclasses.dataclass(frozen=True)
class Date:
    """A column of dates.

    Args:
        name: of the column.
        unit: of whole numbers ("seconds", see `dates.UNITS`); "" for text.
        cycles: names in `dates.CYCLES` in which the dates differ.
    """

    name: str
    unit: str = ""
    cycles: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Category:
    """A column of categories.

    Args:
        name: of the column.
        vocabulary: values with a code of their own, as text; "" is a missing one.
        buckets: how many codes the other values are hashed to, at least 1.
    """

    name: str
    vocabulary: tuple[str, ...]
    buckets: int = 1

    @property
    def codes(self) -> int:
        return len(self.vocabulary) + self.buckets

    @property
    def width(self) -> int:
        """Of an embedding."""
        wanted = 1.6 * self.codes**0.4
        return next((width for width in _WIDTHS if width >= wanted), _WIDTHS[-1])


@dataclasses.dataclass(frozen=True)
class Columns:
    """All features of a model, and the columns that it does not learn from."""

    numbers: tuple[Number, ...] = ()
    dates: tuple[Date, ...] = ()
    categories: tuple[Category, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values of which `from_dict` makes the same."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Columns:
        kinds = {"numbers": Number, "dates": Date, "categories": Category}
        made = {
            name: tuple(kind(**_with_tuples(each)) for each in said[name])
            for name, kind in kinds.items()
        }
        return cls(**made, left_out=tuple(said["left_out"]))


def readable(schema: Schema) -> Schema:
    """The schema with defaults that tell missing values of learned columns from others.

    A default that the schema gives is what missing means, and stays.
    """
    others = {schema.label, schema.weight, *schema.features_to_forward}
    fields = [
        dataclasses.replace(field, default=_missing(field))
        if field.name not in others
        and field.mode == "NULLABLE"
        and field.default is None
        and not field.is_list
        else field
        for field in schema
    ]
    return dataclasses.replace(schema, fields=tuple(fields))


def _missing(field: Field) -> Any:
    if field.is_string:
        return None
    if field.type == "BOOLEAN":
        return MISSING_BOOLEAN
    return MISSING_INTEGER if field.is_integer else float("nan")


def _with_tuples(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(each) if isinstance(each, list) else each for name, each in said.items()}
