"""Feature columns for canned Estimators: the same features, from the same constants.

    columns = measure(InputFn(files, readable(schema), shuffle=True))
    estimator = tf.estimator.DNNClassifier(
        [64, 32], feature_columns(columns), weight_column="weight")

Each is a column of its own, where the trainer's model has one matrix: some hundreds take seconds to
start. A blank category has no embedding and no weight, where the trainer's model gives it one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from sampling.features import encoding
from sampling.features.columns import Category, Columns


def feature_columns(columns: Columns, embedded: bool = True) -> list[Any]:
    """What a canned Estimator takes.

    Args:
        columns: what `measure` found.
        embedded: True for a deep model: categories as embeddings. False for a linear one.

    Returns:
        tf.feature_columns: one for each column of numbers or dates, and for each of categories.
    """
    parts: dict[str, Columns] = {
        each.name: Columns(
            numbers=(each,), dates=tuple(d for d in columns.dates if d.name == each.name)
        )
        for each in columns.numbers
    }
    numbers = [
        tf.feature_column.numeric_column(
            name, shape=(encoding.width(part),), normalizer_fn=_normalizer(name, part)
        )
        for name, part in parts.items()
    ]
    names = {each.name for each in columns.numbers if each.missing is not None}
    return [
        *numbers,
        *(_category(each, each.name in names, embedded) for each in columns.categories),
    ]


def _normalizer(name: str, part: Columns) -> Callable[[tf.Tensor], tf.Tensor]:
    """Values [batch, 1] of any type -> float32 [batch, width]."""
    return lambda values: encoding.encode({name: values[:, 0]}, part).matrix


def _category(category: Category, is_whole: bool, embedded: bool) -> Any:
    values = [value for value in category.vocabulary if value]
    vocabulary: list[Any] = list(map(int, values)) if is_whole else values
    buckets = max(1, category.buckets)
    if vocabulary:
        column = tf.feature_column.categorical_column_with_vocabulary_list(
            category.name, vocabulary, num_oov_buckets=buckets
        )
    else:
        column = tf.feature_column.categorical_column_with_hash_bucket(
            category.name, buckets, tf.int64 if is_whole else tf.string
        )
    if embedded:
        return tf.feature_column.embedding_column(column, category.width)
    # two columns of one name are refused, and a number has it already
    return tf.feature_column.indicator_column(column) if is_whole else column
