"""The engine: rounds of each class's rows -> the endless chunks of an input function's stream."""

from __future__ import annotations

import dataclasses
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sampling.input_fn import description
from sampling.input_fn.class_files import ClassFiles, Reading
from sampling.input_fn.position import Chunks, Position
from sampling.input_fn.read_ahead import ROUNDS_AHEAD, ReadAhead
from sampling.input_fn.usage import Tally
from sampling.order import rounds, seeds
from sampling.order.rounds import Cursor, Following, Slice, Stream
from sampling.order.shares import Shard, Share
from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.rows.gather import Gatherer
from sampling.schema import WEIGHT_FEATURE, Schema

CHUNK_ROWS = 32_768  # rows that are mixed with each other and handed on at a time

Streams = Mapping[str, "Stream[Round]"]


class Part(NamedTuple):
    """A class's rows of a chunk: slices of rounds, and the factor for the rows' own weights."""

    slices: list[Slice[Round]]
    weight: float = 1.0


class Engine(ClassFiles):
    """The second layer of an input function: what a sampling technique decides, and does not.

    A technique says which rows make up an epoch: `_epoch`, `_rows_of`, `_made_with`. Some say which
    classes are shuffled, how often a row comes, or how classes are mixed.
    """

    def __init__(self, globs: Any, schema: Schema, reading: Reading):
        super().__init__(globs, schema, reading)
        self._shares: dict[tuple[str, int, int], Share] = {}
        self._gather = Gatherer()
        self._beginning = Position(0, 0, {role: Cursor() for role in self._blocks})

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """The chunks of one epoch: the one thing that a sampling technique decides."""
        for stream_ in streams.values():
            while slices := stream_.take(CHUNK_ROWS, within_pass=True):
                yield [Part(slices)]

    def _rows_of(self, shard: Shard) -> int:
        """Rows of one worker's epoch; what `_epoch` yields, for subclasses to say."""
        return sum(self._share(role, shard).count for role in self._blocks)

    def _is_shuffled(self, role: str) -> bool:
        """Whether a class's rows come in spread order."""
        return self.shuffle

    def _copies(
        self, share: Share, round_: Round, blocks: np.ndarray, pass_: int
    ) -> np.ndarray | None:
        """int64 [rows]: how often each row of a round comes in a pass; None: once."""
        return None

    def _made_with(self) -> dict[str, Any]:
        """What decides on the rows and their order; the same or no restoring."""
        listed = [
            (role, os.path.basename(file.file.path), file.file.size)
            for role, blocks in self._blocks.items()
            for file in blocks.files
        ]
        return {
            "class": type(self).__name__,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "pool_rows": self.pool_rows,
            "schema": self.schema.fingerprint(),
            "files": f"{len(listed)} with checksum {zlib.crc32(repr(listed).encode())}",
        }

    def _sequence_costs(self) -> dict[str, str]:
        """What it costs the sample that some files can be read in sequence only."""
        costs = [
            description.sequence_cost(self._name(role), blocks, self.pool_rows)
            for role, blocks in self._blocks.items()
            if self._is_shuffled(role)
        ]
        said = "; ".join(cost for cost in costs if cost)
        return {"read_in_sequence": said} if said else {}

    def _chunks(
        self,
        begin: Position,
        names: Sequence[str],
        tally: Tally | None = None,
        rounds_ahead: int = ROUNDS_AHEAD,
    ) -> Chunks:
        """The endless chunks from a position on."""
        tally = tally or Tally()
        ahead = ReadAhead(self._read, rounds_ahead)
        streams = {
            role: self._stream(role, begin.cursors[role], begin.shard, tally, ahead)
            for role in self._blocks
        }
        position = dataclasses.replace(begin, skip=0)
        while True:
            for parts in self._epoch(streams):
                chunk = self._mixed(parts, position, names)
                after = _after(position, columns.length(chunk), streams)
                tally.hand_out(position, after, chunk[WEIGHT_FEATURE])
                yield position, chunk
                position = after
            for stream_ in streams.values():
                stream_.begin_epoch()
            position = dataclasses.replace(_after(position, 0, streams), epoch=position.epoch + 1)
            yield position, None

    def _first_epoch(self, names: Sequence[str]) -> Iterator[Columns]:
        """Some columns of the first epoch, and the weights."""
        for _, chunk in self._chunks(self._beginning, names):
            if chunk is None:
                return
            yield chunk

    def _mixed(self, parts: list[Part], position: Position, names: Sequence[str]) -> Columns:
        """The rows of several classes as one chunk: in a seeded order, or evenly interleaved."""
        slices = [(slice_, part.weight) for part in parts for slice_ in part.slices]
        if len(parts) == 1:
            return self._gather(slices, None, names)
        sizes = [sum(len(slice_.rows) for slice_ in part.slices) for part in parts]
        return self._gather(slices, self._order(sizes, position), names)

    def _order(self, sizes: Sequence[int], position: Position) -> np.ndarray:
        """int64 [rows]: where in the classes, one after the other, each row of a chunk is from."""
        if self.shuffle:
            return self._mixer(position).permutation(sum(sizes))
        places = [(np.arange(size) + 0.5) / size for size in sizes]
        return np.argsort(np.concatenate(places), kind="stable")

    def _mixer(self, position: Position) -> np.random.Generator:
        """What decides on the order of a chunk."""
        taken = sum(cursor.taken for cursor in position.cursors.values())
        worker = position.shard.key
        return seeds.generator(seeds.MIX, self.seed, position.epoch, taken, *worker)

    def _stream(
        self, role: str, cursor: Cursor, shard: Shard, tally: Tally, ahead: ReadAhead
    ) -> Stream[Round]:
        def load(blocks: np.ndarray, following: Following) -> tuple[Round, int]:
            table = ahead.read(role, blocks)
            if following is not None:
                ahead.begin(role, following)
            round_, rows = self._load(role, blocks, table)
            tally.read(role, len(blocks), rows)
            return round_, rows

        share = self._share(role, shard)
        return Stream(
            self._blocks[role],
            load,
            self._key(role),
            self._is_shuffled(role),
            self.pool_rows,
            share,
            cursor,
            lambda *of_round: self._copies(share, *of_round),
        )

    def _share(self, role: str, shard: Shard) -> Share:
        """Which rows of a class are a worker's."""
        known = role, shard.index, shard.number
        if known not in self._shares:
            blocks = self._blocks[role]
            self._shares[known] = Share(
                blocks.order,
                rounds.rounds_of(blocks, self.pool_rows),
                lambda: self._rows_of_blocks(role),
                self._key(role),
                self._is_shuffled(role),
                shard,
                role,
            )
        return self._shares[known]

    def _key(self, role: str) -> tuple[int, int]:
        """What the order of a class's rows depends on."""
        return self.seed, list(self._blocks).index(role)


def _after(position: Position, rows: int, streams: Streams) -> Position:
    cursors = {role: stream_.cursor for role, stream_ in streams.items()}
    return Position(position.epoch, position.rows + rows, cursors, shard=position.shard)
