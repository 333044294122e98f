"""Batches in numpy to a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.rows.columns import Columns, Strings

_CHUNKS_AHEAD = 4  # enough to train on while a round is read; of some 30,000 rows each

Structure = Callable[[Mapping[str, Any]], Any]  # columns by name -> (features, labels) or the like


def from_batches(
    batches: Callable[[], Iterator[Columns]],
    dtypes: Mapping[str, np.dtype],
    structure: Structure,
    num_batches: int | None = None,
    pause: Any = None,
) -> tf.data.Dataset:
    """A Dataset whose elements are batches.

    Rows cross from Python to TensorFlow tens of thousands at a time; batches are cut in C++.

    Args:
        batches: called for each iteration: an iterator of columns, each [batches, batch size].
        dtypes: of the columns; np.dtype((np.float32, (3,))) where a row is a vector, with the width
            0 where that varies.
        structure: arranges columns as an element.
        num_batches: of each iteration, where known; tf.data.INFINITE_CARDINALITY if endless.
        pause: what lives as long as the Dataset does.
    """
    dataset = (
        tf.data.Dataset.from_generator(
            lambda: (_encoded(columns) for columns in batches()),
            output_signature={name: _spec(dtype) for name, dtype in dtypes.items()},
        )
        .map(lambda columns: structure({name: _decoded(columns[name]) for name in dtypes}))
        .prefetch(_CHUNKS_AHEAD)
        .unbatch()
    )
    if num_batches is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    options = tf.data.Options()
    # Sharding is the input function's own affair: tf.data would shard a generator by skipping.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.with_options(options)  # cutting a batch is cheaper than another thread
    dataset._pause = pause
    return dataset


def _spec(dtype: np.dtype) -> Any:
    shape = [None, None, *(width or None for width in dtype.shape)]
    if not dtype.hasobject:
        return tf.TensorSpec(shape, dtype.base)
    return tf.TensorSpec(shape, tf.int32), tf.TensorSpec([None], tf.string)


def _encoded(columns: Columns) -> dict[str, Any]:
    """Strings as codes and values: TensorFlow takes Python's objects one by one, and slowly."""
    return {name: _coded(column) for name, column in columns.items()}


def _coded(column: np.ndarray | Strings) -> Any:
    if isinstance(column, Strings):
        return column.codes, column.values
    if not column.dtype.hasobject:
        return column
    return np.arange(column.size, dtype=np.int32).reshape(column.shape), column.ravel()


def _decoded(column: Any) -> tf.Tensor:
    if not isinstance(column, tuple):
        return column
    codes, values = column
    return tf.gather(values, codes)
