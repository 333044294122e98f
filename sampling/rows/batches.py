"""Chunks of columns to batches, [batches, batch size] at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from sampling.rows import columns
from sampling.rows.columns import Columns, Strings
from sampling.rows.lists import Lists
from sampling.schema import WEIGHT_FEATURE

STACKED = ""  # where features are that were stacked; no column has that name


def batched(chunks: Iterable[Columns | None], batch_size: int) -> Iterator[Columns]:
    """Chunks of any length -> arrays [batches, batch_size]; what is over waits for the next chunk.

    A None among the chunks ends an epoch: what is over then is a batch of its own, [1, rows]. Where
    there are lists of varying length every batch is, [1, rows, longest].
    """
    for stack in _stacks(chunks, batch_size):
        if any(isinstance(column, Lists) for column in stack.values()):
            for batch in range(columns.length(stack)):
                yield {name: _padded(column[batch : batch + 1]) for name, column in stack.items()}
        else:
            yield stack


def _stacks(chunks: Iterable[Columns | None], batch_size: int) -> Iterator[Columns]:
    over: list[Columns] = []  # together less than a batch
    for chunk in chunks:
        if chunk is None:
            if over:
                yield _joined(over)
            over = []
            continue
        missing = batch_size - sum(map(columns.length, over)) if over else 0
        if columns.length(chunk) < missing:
            over.append(chunk)
            continue
        if over:
            yield _joined([*over, _rows(chunk, 0, missing)])
        whole = (columns.length(chunk) - missing) // batch_size
        end = missing + whole * batch_size
        if whole:
            stack = _rows(chunk, missing, end)
            shape = whole, batch_size
            yield {name: col.reshape(*shape, *col.shape[1:]) for name, col in stack.items()}
        over = [_rows(chunk, end, None)] if end < columns.length(chunk) else []


def stacked(stack: Columns, names: Sequence[str]) -> Columns:
    """The named columns, [batches, batch size] or of vectors, in one matrix under STACKED."""
    rows = stack[WEIGHT_FEATURE].shape
    parts = [stack[name].reshape(*rows, -1) for name in names]
    matrix = np.concatenate(parts, axis=-1, dtype=np.float32, casting="same_kind")
    features = set(names)
    rest = {name: column for name, column in stack.items() if name not in features}
    return {**rest, STACKED: matrix}


def _rows(chunk: Columns, start: int, stop: int | None) -> Columns:
    return {name: column[start:stop] for name, column in chunk.items()}


def _joined(pieces: Sequence[Columns]) -> Columns:
    """One batch, [1, rows], out of consecutive pieces."""
    return {
        name: columns.concatenated([piece[name] for piece in pieces])[np.newaxis]
        for name in pieces[0]
    }


def _padded(column: Any) -> Any:
    if not isinstance(column, Lists):
        return column
    if not isinstance(column.values, Strings):
        return column.padded(column.values, 0)
    strings = column.values
    codes = column.padded(strings.codes, len(strings.values))
    return columns.compact(Strings(codes, np.append(strings.values, b"")))
