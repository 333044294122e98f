"""A one-off sample on many machines: the same shards as on one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from apache_beam import DoFn

from sampling import files
from sampling.files import manifest
from sampling.files.manifest import Written
from sampling.formats.writing import Layout
from sampling.input_fn.writing import export
from sampling.prepare import beam, sample
from sampling.prepare.sample import Stretch

_BLOCKS_AT_A_TIME = 64


def write(
    options: Mapping[str, Any],
    output: str | os.PathLike[str],
    shards: int,
    layout: Layout,
    overwrite: bool,
    beam_options: Sequence[str],
) -> dict[str, Any]:
    """`InputFn.write_epoch` as two pipelines: one counts rows, one writes the shards.

    Args:
        options: of `InputFnDownsampleWithWeight`, by name.

    Raises:
        SamplingError: as `InputFn.write_epoch`.
    """
    input_fn = sample.open_input(options)
    with files.folder(output, overwrite) as stage:
        ranges = [
            (role, start, min(start + _BLOCKS_AT_A_TIME, blocks.num_blocks))
            for role, blocks in input_fn.blocks_of_classes().items()
            for start in range(0, blocks.num_blocks, _BLOCKS_AT_A_TIME)
        ]
        counted = beam.run(f"{stage}/.counted", beam_options, ranges, _RowsOfBlocks(options))
        rows_of_blocks = {
            role: np.concatenate([rows for name, _, rows in sorted(counted) if name == role])
            for role in input_fn.blocks_of_classes()
        }
        stretches = sample.stretches(input_fn, rows_of_blocks, shards)
        options = {**options, **sample.sizes(rows_of_blocks)}
        to_shard = _WriteStretch(options, stage, shards, layout)
        written = [
            Written(*values)
            for values in beam.run(f"{stage}/.written", beam_options, stretches, to_shard)
        ]
        made = input_fn.as_written(layout).described(written)
        manifest.write(stage, made)
    return made


class _OfInput(DoFn):
    """Something that is done with an input function, which every worker opens once."""

    def __init__(self, options: Mapping[str, Any]):
        self._options = options

    def setup(self) -> None:
        self._input_fn = sample.open_input(self._options)


class _RowsOfBlocks(_OfInput):
    """(role, first block, block after the last) -> (role, first block, rows of each)."""

    def process(self, element: tuple[str, int, int]) -> Iterator[list[Any]]:
        role, start, stop = element
        blocks = self._input_fn.blocks_of_classes()[role]
        rows = [blocks.read(np.array([block])).num_rows for block in range(start, stop)]
        yield [role, start, rows]


class _WriteStretch(_OfInput):
    """A stretch of the epoch -> its shard, and what is in it."""

    def __init__(self, options: Mapping[str, Any], stage: str, shards: int, layout: Layout):
        super().__init__(options)
        self._stage, self._shards, self._layout = stage, shards, layout

    def process(self, element: Stretch) -> Iterator[list[Any]]:
        epoch = self._input_fn.as_written(self._layout)
        name = self._layout.name(element.shard, self._shards)
        attempt = f"{self._stage}/.{uuid.uuid4().hex}"
        tables = sample.read(epoch, element)
        written = export.write_shard(attempt, name, tables, epoch.schema, self._layout)
        files.move(f"{attempt}/{name}", f"{self._stage}/{name}")
        files.remove(attempt)
        yield list(written._replace(classes=dict(written.classes)))
