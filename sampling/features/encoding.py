"""Features of a batch -> one matrix of numbers and one of codes, in the graph.

All columns of a kind go through the same operations together: a model of 500 columns has hardly
more of them than one of 5, and starts as fast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling.features import dates
from sampling.features.columns import MISSING_INTEGER, Category, Columns, Number

_NAN = np.float64(math.nan)
_HASHES = 2**40  # of which a remainder is a bucket
LINEAR_LIMIT = 6.0  # deviations
_SEPARATOR = "\x1f"  # between a column's place and a value


class Encoded(NamedTuple):
    """What a network takes.

    Args:
        matrix: float32 [batch, numbers].
        codes: int64 [batch, categories]: of all columns together, each with its own range.
    """

    matrix: tf.Tensor
    codes: tf.Tensor


def encode(
    features: Mapping[str, tf.Tensor], columns: Columns, table: Any | None = None
) -> Encoded:
    """The features of a batch, as `columns.readable` has them read.

    Args:
        features: by name, [batch] each; others are left out.
        columns: the constants.
        table: what `vocabulary_table` made; None: one is made.
    """
    table = vocabulary_table(columns.categories) if table is None else table
    days = _days(features, columns)
    parts = _scores(_raw(features, columns, days), columns.numbers) if columns.numbers else []
    for date in columns.dates:
        for cycle in date.cycles:
            parts.append(tf.stack(dates.in_cycle(days[date.name], cycle), axis=1))
    batch = tf.shape(next(iter(features.values())))[0]
    matrix = tf.concat([*parts, tf.zeros([batch, 0], tf.float64)], axis=1)
    return Encoded(tf.cast(matrix, tf.float32), _codes(features, columns.categories, batch, table))


def width(columns: Columns) -> int:
    """Columns of the matrix."""
    numbers = sum(1 + each.has_indicator + each.is_linear for each in columns.numbers)
    return numbers + 2 * sum(len(date.cycles) for date in columns.dates)


def days_of(values: tf.Tensor, unit: str) -> tf.Tensor:
    """A column of dates -> days since 1970, float64 [batch], NaN where there is no date."""
    if not unit:
        return dates.of_text(values)
    numbers = tf.cast(values, tf.float64)
    return tf.where(tf.equal(values, MISSING_INTEGER), _NAN, dates.of_numbers(numbers, unit))


def _days(features: Mapping[str, tf.Tensor], columns: Columns) -> dict[str, tf.Tensor]:
    texts = [date.name for date in columns.dates if not date.unit]
    found = {}
    if texts:
        days = dates.of_text(tf.stack([features[name] for name in texts], axis=1))
        found = dict(zip(texts, tf.unstack(days, axis=1), strict=True))
    others = [date for date in columns.dates if date.unit]
    return found | {date.name: days_of(features[date.name], date.unit) for date in others}


def _raw(
    features: Mapping[str, tf.Tensor], columns: Columns, days: Mapping[str, tf.Tensor]
) -> tf.Tensor:
    """float64 [batch, numbers], NaN where a value is missing."""
    whole: list[int] = []
    other: list[int] = []
    dated: list[int] = []
    for place, number in enumerate(columns.numbers):
        is_date = number.name in days
        (dated if is_date else other if number.missing is None else whole).append(place)
    parts, numbers = [], columns.numbers
    if whole:
        missing = tf.constant([numbers[place].missing for place in whole], tf.int64)
        values = tf.stack([features[numbers[place].name] for place in whole], axis=1)
        parts.append(tf.where(tf.equal(values, missing), _NAN, tf.cast(values, tf.float64)))
    if other:
        names = [numbers[place].name for place in other]
        parts.append(tf.cast(tf.stack([features[name] for name in names], axis=1), tf.float64))
    if dated:
        parts.append(tf.stack([days[numbers[place].name] for place in dated], axis=1))
    return _in_order(parts, [*whole, *other, *dated])


def _scores(values: tf.Tensor, numbers: Sequence[Number]) -> list[tf.Tensor]:
    """Values [batch, numbers] -> parts of the matrix, float64 [batch, ...]."""
    is_missing = tf.math.is_nan(values)
    values = tf.where(is_missing, np.array([number.median for number in numbers]), values)
    parts = [tf.transpose(_interpolated(tf.transpose(values), numbers))]
    indicated = [place for place, number in enumerate(numbers) if number.has_indicator]
    if indicated:
        parts.append(tf.cast(tf.gather(is_missing, indicated, axis=1), tf.float64))
    linear = [place for place, number in enumerate(numbers) if number.is_linear]
    if linear:
        some = [numbers[place] for place in linear]
        own = tf.gather(values, linear, axis=1)
        logarithms = tf.sign(own) * tf.math.log1p(tf.abs(own))
        own = tf.where([number.is_skewed for number in some], logarithms, own)
        means, deviations = np.array([(number.mean, number.deviation) for number in some]).T
        own = (own - means) / deviations
        parts.append(tf.clip_by_value(own, -LINEAR_LIMIT, LINEAR_LIMIT))
    return parts


def _interpolated(values: tf.Tensor, numbers: Sequence[Number]) -> tf.Tensor:
    """[numbers, batch] -> scores, piecewise linear between knots and constant beyond them."""
    most = max(2, *(len(number.knots) for number in numbers))
    # arrays, since TensorFlow looks at each number of a list
    knots = tf.constant(np.array([_filled_up(number.knots, most) for number in numbers]))
    scores = tf.constant(np.array([_filled_up(number.scores, most) for number in numbers]))
    values = tf.clip_by_value(values, knots[:, :1], knots[:, -1:])
    right = tf.searchsorted(knots, values, side="right")
    right = tf.clip_by_value(right, 1, most - 1)
    x0, x1, y0, y1 = (
        tf.gather(table, places, batch_dims=1)
        for table in (knots, scores)
        for places in (right - 1, right)
    )
    # Where knots are filled up there is no distance, and the right score is the last one.
    share = tf.where(x1 > x0, (values - x0) / tf.where(x1 > x0, x1 - x0, 1.0), 1.0)
    return y0 + (y1 - y0) * share


def _filled_up(values: Sequence[float], length: int) -> list[float]:
    return [*values, *[values[-1]] * (length - len(values))]


def vocabulary_table(categories: Sequence[Category]) -> Any:
    """The codes of the values with one of their own, of all columns; None where there is none."""
    keys: list[str] = []
    codes: list[int] = []
    for place, (each, begin) in enumerate(zip(categories, _begins(categories), strict=True)):
        keys += [f"{place}{_SEPARATOR}{value}" for value in each.vocabulary]
        codes += range(begin, begin + len(each.vocabulary))
    if not keys:
        return None
    initializer = tf.lookup.KeyValueTensorInitializer(keys, codes, tf.string, tf.int64)
    return tf.lookup.StaticHashTable(initializer, -1)


def _codes(
    features: Mapping[str, tf.Tensor], categories: Sequence[Category], batch: tf.Tensor, table: Any
) -> tf.Tensor:
    """int64 [batch, categories]: each column's begin where those before it end."""
    if not categories:
        return tf.zeros([batch, 0], tf.int64)
    begins = _begins(categories)
    texts = _texts([features[each.name] for each in categories])
    known = tf.fill(tf.shape(texts), tf.constant(-1, tf.int64))
    if table is not None:
        places = [f"{place}{_SEPARATOR}" for place in range(len(categories))]
        prefixes = tf.broadcast_to(tf.constant(places), tf.shape(texts))
        known = table.lookup(tf.strings.join([prefixes, texts]))
    ends = begins + [len(each.vocabulary) for each in categories]
    buckets = tf.constant([each.buckets for each in categories], tf.int64)
    hashed = tf.strings.to_hash_bucket_fast(texts, _HASHES) % buckets + ends
    return tf.where(known >= 0, known, hashed)


def _texts(values: Sequence[tf.Tensor]) -> tf.Tensor:
    """string [batch, columns]"""
    places: dict[tf.DType, list[int]] = {}
    for place, column in enumerate(values):
        places.setdefault(column.dtype, []).append(place)
    parts = [as_text(tf.stack([values[p] for p in each], axis=1)) for each in places.values()]
    return _in_order(parts, [place for each in places.values() for place in each])


def _in_order(parts: Sequence[tf.Tensor], places: Sequence[int]) -> tf.Tensor:
    """Columns [batch, ...] of several parts, of which it is said where they belong."""
    columns = tf.concat(parts, axis=1)
    return tf.gather(columns, np.argsort(places), axis=1) if len(parts) > 1 else columns


def _begins(categories: Sequence[Category]) -> np.ndarray:
    return np.cumsum([0, *(each.codes for each in categories)])[:-1]


def as_text(values: tf.Tensor) -> tf.Tensor:
    """A column of categories as text, "" where a value is missing."""
    if values.dtype == tf.string:
        return values
    return tf.where(tf.equal(values, MISSING_INTEGER), "", tf.strings.as_string(values))
