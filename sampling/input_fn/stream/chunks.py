"""`ChunkStream`: a reader and a sampler -> the endless chunks of rows of one worker."""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.input_fn.stream.epoch import Epoch, Streams
from sampling.input_fn.stream.iteration import Chunks, Position
from sampling.input_fn.stream.padding import padded
from sampling.input_fn.stream.read_ahead import ReadAhead
from sampling.input_fn.stream.reader import Reader
from sampling.input_fn.stream.row_rates import RowRates
from sampling.input_fn.stream.sizes import ClassSizes
from sampling.input_fn.stream.tally import Tally
from sampling.order import apportionment, rounds, seeds
from sampling.order.rounds import Cursor, Following, Stream
from sampling.order.shares import Shard, Share
from sampling.rows import columns
from sampling.rows.columns import Columns, Round
from sampling.rows.gather import Gatherer
from sampling.samplers.plan import Plan
from sampling.samplers.sampler import Part, Sampler
from sampling.schema import WEIGHT_FEATURE

_SHORT = 100  # characters of a plan in a state


class ChunkStream:
    """Epoch after epoch of what a sampler declares, from any place on.

    The order of rows is a function of seed, files, plan and worker alone.

    Args:
        reader: rounds of each class's rows.
        sampler: whose plan an epoch is.
        shuffle: whether an epoch's rows are mixed at random. False: the classes are evenly
            interleaved; one that comes as a whole is in file order, others are random samples.
        seed, pool_rows: see `InputFn`.
        batch_size: rows; what padding makes whole.
        said_sizes: rows of each class, as the user says.
    """

    def __init__(
        self,
        reader: Reader,
        sampler: Sampler,
        shuffle: bool,
        seed: int,
        pool_rows: int,
        batch_size: int,
        said_sizes: Mapping[str, int | None] | None = None,
    ):
        self.reader, self.sampler = reader, sampler
        self._shuffle, self._seed, self._pool_rows = shuffle, seed, pool_rows
        self._batch_size = batch_size
        self.sizes = ClassSizes(reader, said_sizes or {}, self._forget_plan)
        self._plan: Plan | None = None
        self._epochs: dict[tuple[int, int], Epoch] = {}
        self._shares: dict[tuple[str, int, int], Share] = {}
        self._rates: RowRates | None = None
        self._gather = Gatherer()

    @property
    def plan(self) -> Plan:
        """Of an epoch of all workers. Rows are counted where it depends on their number."""
        if self._plan is None:
            plan = self.sampler.plan(self.sizes)
            if not isinstance(plan, Plan):
                raise SamplingError(
                    f"{type(self.sampler).__name__}.plan returned {plan!r}, expected a Plan"
                )
            plan.check_classes(list(self.reader.blocks), type(self.sampler).__name__)
            if self._plan is None and plan.remark:
                warnings.warn(plan.remark, stacklevel=2)
            self._plan = plan
        return self._plan

    @property
    def rates(self) -> RowRates | None:
        """How often rows come, if the plan is by rate."""
        if self.plan.by_rate is not None and self._rates is None:
            name = next(iter(self.reader.blocks))
            self._rates = RowRates(
                self.reader,
                name,
                self._seed,
                self._pool_rows,
                self.plan.by_rate.overall_rate,
                lambda shard: self.share(name, shard),
            )
        return self._rates

    @property
    def beginning(self) -> Position:
        return Position(0, 0, {name: Cursor() for name in self.reader.blocks})

    def rows_of_classes(self) -> dict[str, int]:
        """Rows of each class in an epoch of all workers, rows made up included."""
        if self.rates is not None:
            return {name: self.rates.of().rows for name in self.reader.blocks}
        return self.plan.rows_of_classes(self.sizes)

    def own_rows(self, shard: Shard) -> int:
        """Rows of a worker's epoch, without padding; the classes are counted for it."""
        if self.rates is not None:
            return self.rates.of(shard).rows
        return self.epoch(shard).rows

    def rows(self, shard: Shard) -> int:
        """Rows of a worker's epoch, with padding."""
        if not self.is_padded(shard):
            return self.own_rows(shard)
        largest = max(self.own_rows(Shard(index, shard.number)) for index in range(shard.number))
        return shard.padded_rows(largest, self._batch_size)

    def is_padded(self, shard: Shard) -> bool:
        return shard.padded and self.reader.label is not None

    def cursors_after(self, epoch: int, rows: int, shard: Shard) -> Sequence[Cursor]:
        """Where the classes are after `rows` rows of the stream, as far as arithmetic tells."""
        if self.plan.rows is None:
            return ()
        return self.epoch(shard).cursors_after(epoch, rows - epoch * self.rows(shard))

    def fingerprint(self) -> dict[str, Any]:
        """What decides on the rows and their order; the same or no restoring."""
        found = {
            "sampler": type(self.sampler).__name__,
            "plan": _short(self.plan.fingerprint()),
            "seed": self._seed,
            "shuffle": self._shuffle,
            "pool_rows": self._pool_rows,
            **self.reader.fingerprint(),
        }
        return found if self.rates is None else {**found, "rates": self.rates.fingerprint()}

    def walk(
        self, begin: Position, names: Sequence[str], tally: Tally, rounds_ahead: int
    ) -> Chunks:
        """The endless chunks from a position on, padded where workers train in step.

        Args:
            names: the columns of a chunk; "weight" is always there.
            tally: counts what is read and handed out.
            rounds_ahead: how many rounds may be read before they are asked for.
        """
        chunks = self._walk(begin, names, tally, rounds_ahead)
        if not self.is_padded(begin.shard):
            return chunks
        return padded(chunks, self.rows(begin.shard))

    def share(self, name: str, shard: Shard) -> Share:
        """Which rows of a class are a worker's."""
        known = name, shard.index, shard.number
        if known not in self._shares:
            blocks = self.reader.blocks[name]
            self._shares[known] = Share(
                blocks.order,
                rounds.rounds_of(blocks, self._pool_rows),
                lambda: self.reader.rows_of_blocks(name),
                self._key(name),
                not self.in_file_order(name),
                shard,
                name,
            )
        return self._shares[known]

    def in_file_order(self, name: str) -> bool:
        """Whether a class's rows come in the order of its files."""
        if self._shuffle:
            return False
        if self.plan.rows is None:
            return name == self.plan.leading
        return self.plan.rows_of_classes(self.sizes)[name] == self.sizes[name]

    def first_blocks(self, name: str, rows: int) -> np.ndarray:
        """int64: the blocks of the rounds that the first rows of a class come from."""
        blocks = self.reader.blocks[name]
        number = rounds.rounds_of(blocks, self._pool_rows)
        used = min(number, math.ceil(rows * number / self.sizes[name]))
        if used == 0:
            return np.empty(0, np.int64)
        places = range(rounds.round_places(used - 1, number, blocks.num_blocks).stop)
        if self.in_file_order(name):
            return blocks.order.in_file_order(places)
        return blocks.order(places, [*self._key(name), 0])

    def epoch(self, shard: Shard) -> Epoch:
        """One worker's part of every epoch."""
        known = shard.index, shard.number
        if known not in self._epochs:
            shares = {name: self.share(name, shard) for name in self.reader.blocks}
            rest = self.reader.encoding.chunk_rows, self._seed
            self._epochs[known] = Epoch(self.plan, self.sampler, self.sizes, shares, *rest)
        return self._epochs[known]

    def _walk(
        self, begin: Position, names: Sequence[str], tally: Tally, rounds_ahead: int
    ) -> Chunks:
        # What nobody asks for is not parsed.
        wanted = self.reader.columns(names, self.plan)
        ahead = ReadAhead(functools.partial(self.reader.read, columns=wanted), rounds_ahead)
        streams = {
            name: self._stream(name, begin.cursors[name], begin.shard, tally, ahead)
            for name in self.reader.blocks
        }
        position = dataclasses.replace(begin, skip=0)
        while True:
            for parts in self._weighted(self.epoch(begin.shard).parts(streams), begin.shard):
                chunk = self._mixed(parts, position, names)
                after = _after(position, columns.length(chunk), streams)
                tally.hand_out(position, after, chunk[WEIGHT_FEATURE])
                yield position, chunk
                position = after
            self._compare_sizes(streams)
            for stream in streams.values():
                stream.begin_epoch()
            position = dataclasses.replace(_after(position, 0, streams), epoch=position.epoch + 1)
            yield position, None

    def _weighted(self, chunks: Iterator[list[Part]], shard: Shard) -> Iterator[list[Part]]:
        """Rates that are scaled have scaled inverses."""
        if self.rates is None or not self.plan.by_rate or not self.plan.by_rate.inverse_weights:
            return chunks
        scale = self.rates.of(shard).scale
        return ([Part(part.slices, part.weight / scale) for part in parts] for parts in chunks)

    def _compare_sizes(self, streams: Streams) -> None:
        """A class of which every row was read has as many rows as was believed."""
        for name, stream in streams.items():
            if stream.rows_of_a_pass is not None and self.rates is None:
                self.sizes.found(name, stream.rows_of_a_pass)

    def _mixed(self, parts: list[Part], position: Position, names: Sequence[str]) -> Columns:
        """The rows of several classes as one chunk: in a seeded order, or evenly interleaved."""
        encoding = self.reader.encoding
        slices = [(slice_, part.weight) for part in parts for slice_ in part.slices]
        order = (
            None if len(parts) == 1 else self._order([part.num_rows for part in parts], position)
        )
        return encoding.decode(self._gather(slices, order, encoding.needed(names)), names)

    def _order(self, sizes: Sequence[int], position: Position) -> np.ndarray:
        """int64 [rows]: where in the classes, one after the other, each row of a chunk is from."""
        mixer = None
        if self._shuffle:
            taken = sum(cursor.taken for cursor in position.cursors.values())
            of_chunk = self._seed, position.epoch, taken, *position.shard.key
            mixer = seeds.generator(seeds.MIX, *of_chunk)
        if self.plan.of_batch is not None:
            return apportionment.order_in_batches(sizes, self.plan.of_batch, mixer)
        if mixer is not None:
            return mixer.permutation(sum(sizes))
        places = [(np.arange(size) + 0.5) / size for size in sizes]
        return np.argsort(np.concatenate(places), kind="stable")

    def _stream(
        self, name: str, cursor: Cursor, shard: Shard, tally: Tally, ahead: ReadAhead
    ) -> Stream[Round]:
        by_rate, rates, share = self.plan.by_rate, self.rates, self.share(name, shard)

        def load(ids: np.ndarray, following: Following) -> tuple[Round, int]:
            table = ahead.read(name, ids)
            if following is not None:
                ahead.begin(name, following)
            round_, rows = self.reader.load(name, ids, table, by_rate)
            tally.read(name, len(ids), rows)
            return round_, rows

        return Stream(
            self.reader.blocks[name],
            load,
            self._key(name),
            not self.in_file_order(name),
            self._pool_rows,
            share,
            cursor,
            None if rates is None else lambda *of_round: rates.copies(shard, share, *of_round),
        )

    def _key(self, name: str) -> tuple[int, int]:
        """What the order of a class's rows depends on."""
        return self._seed, list(self.reader.blocks).index(name)

    def _forget_plan(self) -> None:
        self._plan, self._epochs = None, {}


def _after(position: Position, rows: int, streams: Streams) -> Position:
    cursors = {name: stream.cursor for name, stream in streams.items()}
    return Position(position.epoch, position.rows + rows, cursors, shard=position.shard)


def _short(text: str) -> str:
    """A state is to be short, with a thousand classes too."""
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}... {zlib.crc32(text.encode())}"
