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
    arrays = _joined_rows(slices, joined) if joined else []
    arrays.append(pa.array(_weights(parts)))
    whole = pa.RecordBatch.from_arrays(arrays, [*joined, WEIGHT_FEATURE])
    whole = whole if order is None else _rows(whole, order)
    for name, array in zip(whole.schema.names, whole.columns, strict=True):
        column, (values, _) = _to_numpy(array), joined.get(name, (None, None))
        chunk[name] = column if values is None else columns.compact(Strings(column, values))
    return chunk


def _joined_rows(
    slices: Sequence[Slice[Round]], joined: Mapping[str, tuple[Any, Sequence[int]]]
) -> list[pa.Array]:
    """Some columns, slice after slice; the codes of strings begin at another number in each."""
    batch = pa.concat_batches(
        [_rows(slice_.columns.batch.select(list(joined)), slice_.rows) for slice_ in slices]
    )
    for array, (values, first_codes) in zip(batch.columns, joined.values(), strict=True):
        if values is not None and any(first_codes) and len(array):
            codes = _to_numpy(array)
            codes += np.repeat(first_codes, [len(slice_.rows) for slice_ in slices])
    return batch.columns


def _rows(batch: pa.RecordBatch, rows: np.ndarray) -> pa.RecordBatch:
    return pc.take(batch, pa.array(rows), boundscheck=False)


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


def _weights(parts: Sequence[tuple[Slice[Round], float]]) -> np.ndarray:
    """float32 [rows of all parts]."""
    sizes = [len(slice_.rows) for slice_, _ in parts]
    weights = np.array([factor for _, factor in parts], np.float32).repeat(sizes)
    of_slices = np.split(weights, np.cumsum(sizes[:-1]))
    for (slice_, _), of_slice in zip(parts, of_slices, strict=True):
        if WEIGHT_FEATURE in slice_.columns:
            of_slice *= slice_.columns[WEIGHT_FEATURE].take(slice_.rows)
    return weights
