"""Rows of the training files, and what their schema knows -> the constants of features.

The rows are the first ones of the files as they are, mixed at random. The statistics of a schema
are of all rows. So they tell how many distinct values there are, which are frequent, and whether
any are missing.
"""

from __future__ import annotations

import collections
import dataclasses
import sys
from statistics import NormalDist
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.errors import SamplingError
from sampling.features import dates, encoding
from sampling.features.columns import (
    MISSING_BOOLEAN,
    MISSING_INTEGER,
    Category,
    Columns,
    Date,
    Number,
)
from sampling.features.first_rows import first, joined
from sampling.input_fn.input_fn import InputFn
from sampling.schema import ColumnStatistics, Field, Schema, kinds

MEASURED_ROWS, MEASURED_VALUES = 100_000, 4_000_000
_KNOTS = 61
_LIMIT = 3.0  # of scores: a value beyond the 0.9987 quantile is as the one there
_NORMAL = NormalDist()
_LEVELS = np.array(list(map(_NORMAL.cdf, np.linspace(-_LIMIT, _LIMIT, _KNOTS))))
_HALF, _TAILS = np.array([0.5]), np.array([0.005, 0.995])
_FREQUENT = 5  # rows of a value that gets a code of its own
_MOST_VALUES, _MOST_BUCKETS = 5_000, 100_000
_REPEATED = 20  # rows for each distinct whole number, for them to be categories too
_NEARLY_ALL, _SOME, _MANY = 0.95, 50, 1000  # distinct values of so many that they are ids


@dataclasses.dataclass(frozen=True)
class _Column:
    """What was seen of a column.

    Args:
        values: of all rows looked at.
        is_missing: bool [rows].
        known: statistics of the schema, if they are of more rows.
    """

    field: Field
    values: np.ndarray
    is_missing: np.ndarray
    known: ColumnStatistics | None

    @property
    def present(self) -> np.ndarray:
        return self.values[~self.is_missing]

    @property
    def has_missing(self) -> bool:
        return bool(self.is_missing.any() or (self.known and self.known.missing))


def rows_to_measure(schema: Schema) -> int:
    """How many rows are looked at: fewer of very many columns."""
    return min(MEASURED_ROWS, MEASURED_VALUES // max(1, len(schema.features)))


def measure(input_fn: InputFn) -> Columns:
    """The constants for all features to be learned from.

    Args:
        input_fn: rows as they are in the files, mixed; the first 100,000 are looked at. Its schema
            is `columns.readable`, so that blanks are told from zeros.

    Raises:
        SamplingError: there is nothing to learn from, or a column is a list.
    """
    schema = input_fn.schema
    fields = [field for field in schema.features if field.name not in schema.features_to_forward]
    for field in fields:
        if field.is_list:
            raise SamplingError(
                f"the column {field.name!r} is a list, expected one value in a row; "
                "forward the column, or train a model that takes lists (--model=dnn)"
            )
    if not fields:
        raise SamplingError(
            "no feature is left to learn from: the columns are label, weight or forwarded; "
            "add one to the schema, or forward fewer"
        )
    names = [field.name for field in fields]
    rows = min(rows_to_measure(schema), input_fn.rows_per_epoch)
    everything = tf.distribute.InputContext()  # so that all workers measure the same
    seen, *_ = joined(first(input_fn.batches(names, everything), rows))
    columns = [_seen(field, seen[field.name], schema) for field in fields]
    left_out = tuple(column.field.name for column in columns if _is_id(column, schema))
    if left_out:
        print(
            f"not learned from, since nearly every value is another: {', '.join(left_out)}",
            file=sys.stderr,
        )
    learned = [column for column in columns if column.field.name not in left_out]
    if not learned:
        raise SamplingError(
            f"no feature is left to learn from: nearly every value of {', '.join(left_out)} is "
            "another; add a column that repeats, or train another model (--model=dnn)"
        )
    numbers, found_dates, categories = [], [], []
    for column in learned:
        kind = column.field.kind
        if kind == "date":
            date, number = _date(column)
            found_dates.append(date)
            numbers.append(number)
        elif kind == "category":
            categories.append(_category(column))
        else:
            numbers.append(_number(column, column.values.astype(np.float64)))
            if column.field.type == "INTEGER" and _repeats(column):
                categories.append(_category(column))
    return Columns(tuple(numbers), tuple(found_dates), tuple(categories), left_out)


def _seen(field: Field, values: np.ndarray, schema: Schema) -> _Column:
    if field.is_string:
        is_missing = values == b""
    elif field.is_integer:
        is_missing = values == _missing(field)
    else:
        is_missing = np.isnan(values)
    known = schema.statistics.get(field.name)
    return _Column(
        field, values, is_missing, known if known and known.rows >= len(values) else None
    )


def _missing(field: Field) -> int:
    """What stands for a missing whole number."""
    return MISSING_BOOLEAN if field.type == "BOOLEAN" else MISSING_INTEGER


def _is_id(column: _Column, schema: Schema) -> bool:
    """Whether a column only names rows, where nobody has looked at its kind."""
    field, present = column.field, len(column.present)
    if schema.statistics or field.kind not in ("category", "number") or not present:
        return False
    share = len(set(column.present.tolist())) / present
    if field.is_string:
        return share >= _NEARLY_ALL and present >= _SOME
    is_called_id = kinds.is_id_name(field.name)
    return field.type == "INTEGER" and share >= _NEARLY_ALL and (is_called_id or present >= _MANY)


def _number(column: _Column, values: np.ndarray) -> Number:
    field = column.field
    missing = None
    if field.is_integer and field.kind != "date":
        missing = _missing(field)
    present = np.sort(values[~column.is_missing & np.isfinite(values)])
    if not len(present):
        return Number(field.name, 0.0, (0.0,), (0.0,), column.has_missing, missing)
    knots = _distinct(present)
    if len(knots) > _KNOTS:
        knots = _distinct(_quantiles(present, _LEVELS))
    below = np.searchsorted(present, knots, "left") + np.searchsorted(present, knots, "right")
    levels = np.clip(below / (2 * len(present)), _LEVELS[0], _LEVELS[-1])
    scores = np.array(list(map(_NORMAL.inv_cdf, levels)))
    median = float(_quantiles(present, _HALF)[0])
    number = Number(
        field.name,
        median,
        tuple(knots.tolist()),
        tuple(scores.tolist()),
        column.has_missing,
        missing,
    )
    return dataclasses.replace(number, **_linear(present, median)) if len(knots) > 2 else number


def _distinct(ascending: np.ndarray) -> np.ndarray:
    """What np.unique finds, which would sort once more."""
    return ascending[np.append(True, ascending[1:] != ascending[:-1])]


def _quantiles(ascending: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """What np.quantile finds, which takes ten times longer not to know that values ascend."""
    places = levels * (len(ascending) - 1)
    left = places.astype(np.int64)
    right, share = np.minimum(left + 1, len(ascending) - 1), places - left
    low, high = ascending[left], ascending[right]
    return np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


def _linear(present: np.ndarray, median: float) -> dict[str, Any]:
    """How the value itself is scaled.

    Args:
        present: ascending.
    """
    is_skewed = bool(present[0] >= 0 and present.mean() - median > 0.2 * present.std())
    if is_skewed:
        present = np.log1p(present)
    low, high = _quantiles(present, _TAILS)
    inner = np.clip(present, low, high)
    deviation = float(inner.std())
    if deviation <= 1e-9 * max(1.0, abs(float(inner.mean()))):
        return {}
    return {
        "is_linear": True,
        "is_skewed": is_skewed,
        "mean": float(inner.mean()),
        "deviation": deviation,
    }


def _date(column: _Column) -> tuple[Date, Number]:
    present, name = column.present, column.field.name
    unit = "" if column.field.is_string else dates.unit(present)
    days = encoding.days_of(tf.constant(column.values), unit).numpy()
    known = days[np.isfinite(days)]
    seen = dataclasses.replace(column, is_missing=~np.isfinite(days))
    return Date(name, unit, dates.cycles(known)), _number(seen, days)


def _repeats(column: _Column) -> bool:
    """Whether whole numbers come so often that they may be codes."""
    if column.known:
        distinct, rows = column.known.distinct, column.known.present
    else:
        distinct, rows = len(np.unique(column.present)), len(column.present)
    return distinct > 2 and rows >= _REPEATED * distinct


def _category(column: _Column) -> Category:
    counts = _counted(column)
    rows, distinct = len(column.values), len(counts)
    if column.known:
        rows, distinct = column.known.rows, max(column.known.distinct, distinct)
        counts |= collections.Counter(
            {**column.known.values, **({"": column.known.missing} if column.known.missing else {})}
        )
    frequent = [value for value, count in counts.most_common(_MOST_VALUES) if count >= _FREQUENT]
    buckets = 1
    is_whole = column.known is not None and column.known.is_exact
    if not is_whole and distinct > len(frequent):
        wanted = min(2 * (distinct - len(frequent)), rows // _FREQUENT, _MOST_BUCKETS)
        buckets = max(1, wanted)
    return Category(column.field.name, tuple(frequent), buckets)


def _counted(column: _Column) -> collections.Counter[str]:
    """Rows of each value as text, in the order that values come in; "" is a missing one."""
    found = collections.Counter(column.values.tolist())
    if column.field.is_string:
        return collections.Counter(
            {value.decode("utf-8", "surrogateescape"): rows for value, rows in found.items()}
        )
    missing = _missing(column.field)
    return collections.Counter(
        {"" if value == missing else str(value): rows for value, rows in found.items()}
    )
