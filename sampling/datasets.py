"""Batches in numpy to a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.columns import Columns

Structure = Callable[[Mapping[str, Any]], Any]  # columns by name -> (features, labels) or the like


def from_batches(
    batches: Callable[[], Iterator[Columns]],
    dtypes: Mapping[str, np.dtype],
    structure: Structure,
    num_batches: int | None = None,
) -> tf.data.Dataset:
    """A Dataset whose elements are batches.

    Rows cross from Python to TensorFlow tens of thousands at a time; batches are cut in C++.

    Args:
        batches: called for each iteration: an iterator of columns, each [batches, batch size].
        dtypes: of the columns; np.dtype((np.float32, (3,))) where a row is a vector.
        structure: arranges columns as an element.
        num_batches: of each iteration, where known; tf.data.INFINITE_CARDINALITY if endless.
    """
    specs = {
        name: tf.TensorSpec(
            [None, None, *dtype.shape], tf.string if dtype.hasobject else dtype.base
        )
        for name, dtype in dtypes.items()
    }
    dataset = tf.data.Dataset.from_generator(
        lambda: (structure(columns) for columns in batches()), output_signature=structure(specs)
    ).unbatch()
    if num_batches is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    options = tf.data.Options()
    # Sharding is the input function's own affair: tf.data would shard a generator by skipping.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
