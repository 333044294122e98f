"""Batches in numpy to a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.rows import gather
from sampling.rows.columns import Columns, Strings

_MANY = 32  # columns of one kind, which to stack takes less time than to hand over one by one
_GROUP = "\0"  # no column's name begins with it
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
    packing = Packing(dtypes)

    @tf.autograph.experimental.do_not_convert
    def element(decoded: Mapping[str, tf.Tensor]) -> Any:
        return structure(packing.unpack(decoded))

    @tf.autograph.experimental.do_not_convert
    def decoded(packed: Mapping[str, Any]) -> Any:
        columns = {name: _decoded(column) for name, column in packed.items()}
        return columns if packing.is_wide else element(columns)

    dataset = (
        tf.data.Dataset.from_generator(
            lambda: map(packing.pack, batches()), output_signature=packing.specs
        )
        .map(decoded)
        .prefetch(_CHUNKS_AHEAD)
        .unbatch()
    )
    if packing.is_wide:  # each function of all columns takes its time to be made
        dataset = dataset.map(element)
    if num_batches is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    options = tf.data.Options()
    # Sharding is the input function's own affair: tf.data would shard a generator by skipping.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.with_options(options)  # cutting a batch is cheaper than another thread
    dataset._pause = pause
    return dataset


class Packing:
    """Columns as few tensors: each costs a step of Python for every chunk, and several of a graph.

    Strings are codes and values: TensorFlow takes Python's objects one by one, and slowly. Many
    columns of one kind are one tensor.

    Args:
        dtypes: see `from_batches`.

    Attributes:
        specs: of what `pack` returns.
        is_wide: whether there are columns that are one tensor.
    """

    def __init__(self, dtypes: Mapping[str, np.dtype]):
        self._names = tuple(dtypes)
        alike: dict[np.dtype, list[str]] = {}
        for name, dtype in dtypes.items():
            alike.setdefault(dtype, []).append(name)
        # Lists of varying length are padded in each column to another one.
        self._groups = {
            f"{_GROUP}{number}": names
            for number, (dtype, names) in enumerate(alike.items())
            if len(names) >= _MANY and 0 not in dtype.shape
        }
        grouped = {name for names in self._groups.values() for name in names}
        self._single = [name for name in dtypes if name not in grouped]
        self.specs = {name: _spec(dtypes[name]) for name in self._single}
        for group, names in self._groups.items():
            self.specs[group] = _spec(dtypes[names[0]], len(names))
        self.is_wide = bool(self._groups)

    def pack(self, columns: Columns) -> dict[str, Any]:
        packed = {name: _coded(columns[name]) for name in self._single}
        for group, names in self._groups.items():
            packed[group] = _stacked([_coded(columns[name]) for name in names])
        return packed

    def unpack(self, decoded: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The columns, in their order, of a batch, or of several where none are one tensor."""
        found = {name: decoded[name] for name in self._single}
        for group, names in self._groups.items():
            found.update(zip(names, tf.unstack(decoded[group], len(names)), strict=True))
        return {name: found[name] for name in self._names}


def _spec(dtype: np.dtype, *columns: int) -> Any:
    shape = [None, *columns, None, *(width or None for width in dtype.shape)]
    if not dtype.hasobject:
        return tf.TensorSpec(shape, dtype.base)
    return tf.TensorSpec(shape, tf.int32), tf.TensorSpec([None], tf.string)


def _coded(column: np.ndarray | Strings) -> Any:
    if isinstance(column, Strings):
        return column.codes, column.values
    if not column.dtype.hasobject:
        return column
    return np.arange(column.size, dtype=np.int32).reshape(column.shape), column.ravel()


def _stacked(columns: Sequence[Any]) -> Any:
    """Columns of one kind, [batches, columns, batch size]; their strings have codes of one kind."""
    if not isinstance(columns[0], tuple):
        batches, *rest = columns[0].shape
        out = gather.aligned((batches, len(columns), *rest), columns[0].dtype)
        return np.stack(columns, axis=1, out=out)
    codes, values = zip(*columns, strict=True)
    firsts = np.cumsum([0, *map(len, values[:-1])], dtype=np.int32)
    stacked = _stacked(codes)
    stacked += firsts.reshape(-1, *[1] * (codes[0].ndim - 1))
    return stacked, np.concatenate(values)


def _decoded(column: Any) -> tf.Tensor:
    if not isinstance(column, tuple):
        return column
    codes, values = column
    return tf.gather(values, codes)
