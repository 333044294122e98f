"""A one-off sample: an epoch of `InputFnDownsampleWithWeight`, cut into shards before it is read.

Where a shard begins follows from the number of rows of each block alone. So shards can be made one
by one, in any order and by any process, and are those that `write_epoch` makes.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sampling.input_fn import export
from sampling.input_fn.engine import Part
from sampling.input_fn.position import Position
from sampling.rows.columns import Columns, Round, length
from sampling.samplers.downsample import InputFnDownsampleWithWeight
from sampling.schema import WEIGHT_FEATURE

RowsOfBlocks = Mapping[str, np.ndarray]  # by role, int64 [blocks]


class Stretch(NamedTuple):
    """The rows of one shard: `rows` of them, from `begin` on."""

    shard: int
    begin: Position
    rows: int


class _Places(InputFnDownsampleWithWeight):
    """Where the chunks of an epoch begin; rows are counted, not read."""

    rows_of_blocks: RowsOfBlocks

    def chunks(self) -> list[tuple[Position, int]]:
        """(where it begins, rows) of each chunk."""
        places = []
        for position, chunk in self._chunks(self._beginning, (), rounds_ahead=0):
            if chunk is None:
                break
            places.append((position, length(chunk)))
        return places

    def _rows_of_blocks(self, role: str) -> np.ndarray:
        return self.rows_of_blocks[role]

    def _read(self, role: str, blocks: np.ndarray) -> None:
        return None

    def _load(self, role: str, blocks: np.ndarray, table: None) -> tuple[Round, int]:
        return Round(), int(self.rows_of_blocks[role][blocks].sum())

    def _mixed(self, parts: list[Part], position: Position, names: Any) -> Columns:
        rows = sum(len(slice_.rows) for part in parts for slice_ in part.slices)
        return {WEIGHT_FEATURE: np.empty(rows, np.float32)}


def open_input(options: Mapping[str, Any]) -> InputFnDownsampleWithWeight:
    """The input function that an epoch is of, with options by name."""
    return InputFnDownsampleWithWeight(is_train=True, **options)


def sizes(rows_of_blocks: RowsOfBlocks) -> dict[str, Any]:
    """The options that spare counting."""
    return {role.replace("_dir", "_size"): int(rows.sum()) for role, rows in rows_of_blocks.items()}


def stretches(
    options: Mapping[str, Any], rows_of_blocks: RowsOfBlocks, shards: int
) -> list[Stretch]:
    """Those of all shards that get a row."""
    places = _Places(is_train=True, **options, **sizes(rows_of_blocks))
    places.rows_of_blocks = rows_of_blocks
    chunks = places.chunks()
    total = chunks[-1][0].rows + chunks[-1][1]
    firsts = [position.rows for position, _ in chunks]
    found = []
    for shard in range(shards):
        start, stop = total * shard // shards, total * (shard + 1) // shards
        if start < stop:
            position = chunks[bisect.bisect(firsts, start) - 1][0]
            begin = dataclasses.replace(position, skip=start - position.rows)
            found.append(Stretch(shard, begin, stop - start))
    return found


def read(input_fn: InputFnDownsampleWithWeight, stretch: Stretch) -> Iterator[pa.Table]:
    """The rows of a stretch, as they are written."""
    names, schema = input_fn.written_columns()
    skip, left = stretch.begin.skip, stretch.rows
    begin = dataclasses.replace(stretch.begin, skip=0)
    chunks = input_fn._chunks(begin, names, rounds_ahead=0)  # it is one of many, and short
    while left:
        chunk = next(chunks)[1]
        assert chunk is not None  # the stretch ends before the epoch does
        table = export.to_table(chunk, schema).slice(skip, left)
        yield table
        skip, left = 0, left - table.num_rows
