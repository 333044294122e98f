"""Rows from all over some rounds, put together as one chunk.

The columns go through Arrow all at once: numpy gives the interpreter's lock up and takes it back
for every column, and where another thread trains in a loop of Python each time costs up to 5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling import columns
from sampling.columns import Columns, Round, Strings
from sampling.schema import WEIGHT_FEATURE
from sampling.stream import Slice


def gather(
    parts: Sequence[tuple[Slice[Round], float]], order: np.ndarray | None, names: Sequence[str]
) -> Columns:
    """The rows of several slices as one chunk.

    Args:
        parts: slices, each with the factor that its rows' own weights are multiplied by.
        order: int64 [rows of all parts], where each row of the chunk comes from; None: as is.
        names: which columns; "weight" is always there.
    """
    slices = [slice_ for slice_, _ in parts]
    in_rounds = {name: [slice_.columns[name] for slice_ in slices] for name in names}
    wide = [name for name in names if columns.is_wide(in_rounds[name][0])]
    chunk = {name: _gather_wide(in_rounds.pop(name), slices, order) for name in wide}
    joined = {name: columns.joined_values(column) for name, column in in_rounds.items()}
    taken = [
        _take(slice_, factor, {name: first_codes[i] for name, (_, first_codes) in joined.items()})
        for i, (slice_, factor) in enumerate(parts)
    ]
    whole = _in_order(pa.concat_batches(taken), order)
    for name, array in zip(whole.schema.names, whole.columns, strict=True):
        column, (values, _) = _to_numpy(array), joined.get(name, (None, None))
        chunk[name] = column if values is None else columns.compact(Strings(column, values))
    return chunk


def _take(
    slice_: Slice[Round], factor: float, first_codes: Mapping[str, int | None]
) -> pa.RecordBatch:
    """A slice's rows of some columns and their weights; the codes of strings begin at another."""
    names = list(first_codes)
    arrays = [pa.array(columns.codes_or_values(slice_.columns[name])) for name in names]
    if names:  # a batch without columns has no rows to take
        arrays = _in_order(pa.RecordBatch.from_arrays(arrays, names), slice_.rows).columns
    for index, first_code in enumerate(first_codes.values()):
        if first_code:
            arrays[index] = pc.add(arrays[index], pa.scalar(first_code, arrays[index].type))
    weights = pa.array(_weights(slice_, factor))
    return pa.RecordBatch.from_arrays([*arrays, weights], [*names, WEIGHT_FEATURE])


def _in_order(batch: pa.RecordBatch, order: np.ndarray | None) -> pa.RecordBatch:
    return batch if order is None else pc.take(batch, pa.array(order), boundscheck=False)


def _to_numpy(array: pa.Array) -> np.ndarray:
    """The memory of an array that nobody else has: unlike `array.to_numpy()` it can be written."""
    if not len(array):
        return array.to_numpy()
    return np.frombuffer(array.buffers()[1], array.type.to_pandas_dtype(), len(array))


def _gather_wide(
    of_rounds: Sequence[Any], slices: Sequence[Slice[Round]], order: np.ndarray | None
) -> Any:
    """A column whose rows are lists."""
    pairs = zip(of_rounds, slices, strict=True)
    whole = columns.concatenated([column.take(slice_.rows, axis=0) for column, slice_ in pairs])
    return whole if order is None else whole.take(order, axis=0)


def _weights(slice_: Slice[Round], factor: float) -> np.ndarray:
    own = slice_.columns.get(WEIGHT_FEATURE)
    if own is None:
        return np.full(len(slice_.rows), factor, np.float32)
    return own.take(slice_.rows) * np.float32(factor)
