"""Rows from all over some rounds, put together as one chunk.

Rows are taken and mixed as records, all columns at once, and split into columns at the end. They
are all over a round's memory: column by column, each value would be fetched for itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling.order.rounds import Slice
from sampling.rows import columns
from sampling.rows.columns import Columns, Round, Strings
from sampling.schema import WEIGHT_FEATURE


class Gatherer:
    """Gathers the chunks of an input function; may be called by several threads.

    What it works in is kept: to use fresh memory takes longer than to fill it.
    """

    def __init__(self) -> None:
        self._unused: list[tuple[_Memory, _Memory]] = []

    def __call__(
        self,
        parts: Sequence[tuple[Slice[Round], float]],
        order: np.ndarray | None,
        names: Sequence[str],
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
        weights = _weights(parts)
        if joined:
            try:
                memory = self._unused.pop()
            except IndexError:
                memory = _Memory(), _Memory()
            records = _joined_records(slices, joined, memory[0])
            if order is not None:
                mixed = memory[1].records(len(order), records.dtype)
                records = records.take(order, out=mixed, mode="clip")
            for name, (values, _) in joined.items():
                column = _aligned(records[name])
                chunk[name] = column if values is None else columns.compact(Strings(column, values))
            self._unused.append(memory)
        chunk[WEIGHT_FEATURE] = _aligned(weights if order is None else weights.take(order))
        return chunk


class _Memory:
    """Bytes that are used again and again, as many as were needed at most."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def records(self, number: int, dtype: np.dtype) -> np.ndarray:
        """So many records with whatever is in them."""
        if number * dtype.itemsize > len(self._bytes):
            self._bytes = np.empty(number * dtype.itemsize, np.uint8)
        return self._bytes[: number * dtype.itemsize].view(dtype)


def _joined_records(
    slices: Sequence[Slice[Round]],
    joined: Mapping[str, tuple[Any, Sequence[int]]],
    memory: _Memory,
) -> np.ndarray:
    """Some columns, slice after slice; the codes of strings begin at another number in each."""
    of_rounds = [slice_.columns.records(list(joined)) for slice_ in slices]
    ends = np.cumsum([len(slice_.rows) for slice_ in slices]).tolist()
    records = memory.records(ends[-1], of_rounds[0].dtype)
    for index, (slice_, of_round) in enumerate(zip(slices, of_rounds, strict=True)):
        part = records[ends[index] - len(slice_.rows) : ends[index]]
        of_round.take(slice_.rows, out=part, mode="clip")  # there are none to clip: in place
        for name, (values, first_codes) in joined.items():
            if values is not None and first_codes[index]:
                part[name] += first_codes[index]
    return records


def _aligned(values: np.ndarray) -> np.ndarray:
    copied = aligned(values.shape, values.dtype)
    np.copyto(copied, values)
    return copied


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array in memory that Arrow aligns, for what follows: TensorFlow takes it as it is."""
    memory = pa.allocate_buffer(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(memory, dtype).reshape(shape)


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
