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

from sampling.input_fn.downsample import InputFnDownsampleWithWeight
from sampling.input_fn.stream.iteration import Position
from sampling.input_fn.writing.as_written import WrittenEpoch

RowsOfBlocks = Mapping[str, np.ndarray]  # by class, int64 [blocks]


class Stretch(NamedTuple):
    """The rows of one shard: `rows` of them, from `begin` on."""

    shard: int
    begin: Position
    rows: int


def open_input(options: Mapping[str, Any]) -> InputFnDownsampleWithWeight:
    """The input function that an epoch is of, with options by name."""
    return InputFnDownsampleWithWeight(is_train=True, **options)


def sizes(rows_of_blocks: RowsOfBlocks) -> dict[str, Any]:
    """The options that spare counting."""
    return {name.replace("_dir", "_size"): int(rows.sum()) for name, rows in rows_of_blocks.items()}


def stretches(
    input_fn: InputFnDownsampleWithWeight, rows_of_blocks: RowsOfBlocks, shards: int
) -> list[Stretch]:
    """Those of all shards that get a row."""
    chunks = list(input_fn.places(rows_of_blocks))
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


def read(epoch: WrittenEpoch, stretch: Stretch) -> Iterator[pa.Table]:
    """The rows of a stretch, as they are written."""
    skip, left = stretch.begin.skip, stretch.rows
    for chunk in epoch.tables(stretch.begin):
        table = chunk.slice(skip, left)
        yield table
        skip, left = 0, left - table.num_rows
        if not left:
            return
