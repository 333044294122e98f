"""In which order the rows of one class are read: spread order, rounds, and a cursor.

A class is cut into blocks, the blocks are put in *spread order*, a run of blocks is a *round*, the
rows of a round are permuted, and a `Stream` hands them out slice by slice, round after round and
pass after pass: every row once in a pass before the next pass begins. Everything is a function of
the key (a seed and the class), so a `Cursor` of four numbers is all there is to save.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

_ROUND_BYTES = 64 * 2**20  # a round is held in memory: at most this much of the files
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


# What a random number is drawn for: no two purposes share a generator.
ORDER, ROWS, MIX, PAIRS, SHARD, RATES = 0, 1, 2, 3, 4, 5


def generator(purpose: int, *key: int) -> np.random.Generator:
    """A generator of its own for every purpose and key (non-negative numbers)."""
    words = [purpose, *key]
    # Short words are what numpy makes of them itself, number by number.
    return np.random.default_rng(np.array(words, np.uint32) if max(words) < 2**32 else words)


class Cursor(NamedTuple):
    """A place in a stream: rows handed out are those before `offset` in this round.

    `taken` counts the rows handed out in the current epoch; an epoch may begin anywhere in a pass.
    """

    pass_: int = 0
    round: int = 0
    offset: int = 0
    taken: int = 0


def block_rows(pool_rows: int) -> int:
    """How many rows a block should have: sqrt(6 x pool_rows), some 900 by default.

    What reading whole blocks costs in variance goes with (rows per block) / (blocks per round).
    Smaller blocks make that better and the parsing slower.
    """
    return max(1, round(math.sqrt(6 * pool_rows)))


def count_rounds(num_blocks: int, total_rows: float, total_bytes: int, pool_rows: int) -> int:
    """The fewest rounds of about `pool_rows` rows, at most 64 MiB, of one or more whole blocks."""
    by_rows = math.ceil(total_rows / pool_rows)
    by_bytes = math.ceil(total_bytes / _ROUND_BYTES)
    return max(1, min(num_blocks, max(by_rows, by_bytes)))


def round_places(round_: int, num_rounds: int, num_blocks: int) -> range:
    """The places of the order that make up a round: runs of equal length, give or take one."""
    return range(round_ * num_blocks // num_rounds, (round_ + 1) * num_blocks // num_rounds)


def groups(blocks: np.ndarray, sizes: np.ndarray, rows: int) -> list[np.ndarray]:
    """Neighbours among some blocks that are read together: about so many rows, of one or more.

    Args:
        blocks: int64, sorted.
        sizes: int64, the rows of each.
    """
    before = np.cumsum(sizes) - sizes
    return np.split(blocks, np.flatnonzero(np.diff(before // rows)) + 1)


def spread_order(
    num_blocks: int, places: Sequence[int], key: Sequence[int], purpose: int = ORDER
) -> np.ndarray:
    """The blocks at some places of the spread order: a permutation in which every run is spread.

    The n blocks are split in halves of m and n - m, each in an order of its own, and merged in
    proportion: place j comes from the left half iff floor((u + (j + 1) m) / n) exceeds
    floor((u + j m) / n), with u in 0..n-1 drawn for the node. So a run of any length holds its
    share of either half, of either quarter, and so on, give or take one, and every block is equally
    likely at every place. Computed for any place alone, in O(log n): nothing is stored.

    Args:
        num_blocks: n.
        places: numbers in 0..n-1.
        key: non-negative numbers (seed, class, pass) that the order depends on.
        purpose: what the order is for.

    Returns:
        int64 [len(places)]: block numbers, 0..n-1.
    """
    place = np.asarray(places, dtype=np.int64).copy()
    first = np.zeros_like(place)  # the node's first block ...
    size = np.full_like(place, num_blocks)  # ... and how many it has
    salt = np.uint64(generator(purpose, *key).integers(2**64, dtype=np.uint64))
    while (size > 1).any():
        left_size = size // 2
        u = (_hash(salt, first, size) % size.astype(np.uint64)).astype(np.int64)
        left_before = (u + place * left_size) // size
        is_left = (u + (place + 1) * left_size) // size > left_before
        place = np.where(is_left, left_before, place - left_before)
        first = np.where(is_left, first, first + left_size)
        size = np.where(is_left, left_size, size - left_size)
    return first


def _hash(salt: np.uint64, first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """A uint64 for each node, by two rounds of splitmix64's finaliser."""
    value = salt + first.astype(np.uint64) * _GOLDEN
    for word in (size.astype(np.uint64), np.uint64(0)):
        value = (value ^ (value >> np.uint64(30))) * _MIX_1
        value = (value ^ (value >> np.uint64(27))) * _MIX_2
        value = (value ^ (value >> np.uint64(31))) + word * _GOLDEN
    return value


class Blocks(Protocol):
    """What a stream has to know of a class's files."""

    @property
    def role(self) -> str: ...

    @property
    def num_blocks(self) -> int: ...

    @property
    def estimated_rows(self) -> float: ...

    @property
    def decoded_bytes(self) -> int: ...

    def check_unchanged(self) -> None: ...


def rounds_of(blocks: Blocks, pool_rows: int, part: float = 1) -> int:
    """How many rounds a class, or a part of it, is read in."""
    return count_rounds(
        round(blocks.num_blocks * part),
        blocks.estimated_rows * part,
        math.ceil(blocks.decoded_bytes * part),
        pool_rows,
    )


class Share(Protocol):
    """What a stream has to know of the rows that are one worker's."""

    @property
    def key(self) -> tuple[int, ...]: ...

    @property
    def num_blocks(self) -> int: ...

    @property
    def before(self) -> int: ...

    @property
    def count(self) -> int: ...

    def order(self, places: Sequence[int], key: Sequence[int]) -> np.ndarray: ...

    def in_file_order(self, places: range) -> np.ndarray: ...

    def rows(self, blocks: np.ndarray, num_rows: int) -> np.ndarray: ...


Columns = TypeVar("Columns")
Following = Callable[[], np.ndarray] | None  # the blocks that come next, worked out when asked for


@dataclasses.dataclass(frozen=True)
class Slice(Generic[Columns]):
    """Some rows of a round: `columns` of all of it, and int64 `rows`, the positions in them."""

    columns: Columns
    rows: np.ndarray


class Stream(Generic[Columns]):
    """An endless run through one worker's share of the rows of a class: all, if it is alone.

    Args:
        blocks: the class's files, cut in blocks.
        load: block numbers in file order, and a function for those that are loaded next, where it
            is sure enough to begin with them -> (columns, number of rows).
        key: non-negative numbers that all the randomness depends on.
        shuffle: without it blocks and rows come in file order.
        pool_rows: about how many rows a round has.
        share: which rows are the worker's.
        cursor: where to begin; None: at the beginning.
        copies: columns, their blocks and the pass -> int64 [rows], how often each row comes in the
            pass, or None for once.

    Attributes:
        share: the same.
        rows_of_a_pass: of all workers; known once a pass was read from its beginning by one alone.
    """

    def __init__(
        self,
        blocks: Blocks,
        load: Callable[[np.ndarray, Following], tuple[Columns, int]],
        key: Sequence[int],
        shuffle: bool,
        pool_rows: int,
        share: Share,
        cursor: Cursor | None = None,
        copies: Callable[[Columns, np.ndarray, int], np.ndarray | None] | None = None,
    ):
        self._role = blocks.role
        self._check_unchanged = blocks.check_unchanged
        self.share = share
        self._num_blocks = share.num_blocks
        part = share.num_blocks / blocks.num_blocks
        self._num_rounds = rounds_of(blocks, pool_rows, part)
        self._load, self._copies = load, copies
        self._key = list(key)
        self._shuffle = shuffle
        self._loaded: tuple[int, int] | None = None  # pass and round of what follows
        self._columns: Columns
        self._own_rows = np.empty(0, np.int64)  # of the round, in file order
        self._rows = np.empty(0, np.int64)
        self.cursor = cursor or Cursor()
        self._rows_of_pass = 0 if self.cursor[1:3] == (0, 0) else None
        self.rows_of_a_pass: int | None = None

    def take(self, rows: int, within_pass: bool = False) -> list[Slice[Columns]]:
        """The next rows, as slices of one or more rounds.

        Args:
            rows: how many.
            within_pass: take no row of the next pass. An empty list then says that the pass has
                ended; the cursor goes on to the next.

        Raises:
            ValueError: a whole pass had no row.
        """
        slices: list[Slice[Columns]] = []
        while rows > 0:
            if self._at_end_of_round():
                ends_pass = self.cursor.round == self._num_rounds - 1
                if ends_pass and within_pass and slices:
                    break
                self._next_round(ends_pass)
                if ends_pass and within_pass:
                    break
                continue
            offset = self.cursor.offset
            slice_ = Slice(self._columns, self._rows[offset : offset + rows])
            slices.append(slice_)
            rows -= len(slice_.rows)
            self._advance(len(slice_.rows))
        return slices

    def begin_epoch(self) -> None:
        """From here on `taken` counts anew."""
        self.cursor = self.cursor._replace(taken=0)

    @property
    def taken(self) -> int:
        """Rows handed out in this epoch."""
        return self.cursor.taken

    def _at_end_of_round(self) -> bool:
        pass_, round_, offset, _ = self.cursor
        if self._loaded != (pass_, round_):
            self._load_round(pass_, round_)
        return offset >= len(self._rows)

    def _load_round(self, pass_: int, round_: int) -> None:
        ids = self._blocks_of(pass_, round_)
        if self._num_rounds > 1 or self._loaded is None:
            # Not in the first round: for many an epoch that is enough.
            has_next = self._loaded is not None and round_ + 1 < self._num_rounds
            following = functools.partial(self._blocks_of, pass_, round_ + 1) if has_next else None
            self._columns, self._own_rows = self._load_own(ids, following)
        else:  # a class of one round stays in memory
            self._check_unchanged()
        rows = self._own_rows
        if self._copies and (copies := self._copies(self._columns, ids, pass_)) is not None:
            rows = rows.repeat(copies[rows])
        if self._shuffle:
            shuffler = generator(ROWS, *self._key, pass_, round_, *self.share.key)
            rows = shuffler.permutation(rows)
        self._rows = rows
        self._loaded = (pass_, round_)

    def _blocks_of(self, pass_: int, round_: int) -> np.ndarray:
        places = round_places(round_, self._num_rounds, self._num_blocks)
        if not self._shuffle:
            return self.share.in_file_order(places)
        return np.sort(self.share.order(places, [*self._key, pass_, *self.share.key]))

    def _load_own(self, ids: np.ndarray, following: Following) -> tuple[Columns, np.ndarray]:
        """The columns of some blocks, and which of their rows are the worker's."""
        loaded, num_rows = self._load(ids, following)
        return loaded, self.share.rows(ids, num_rows)

    def _next_round(self, ends_pass: bool) -> None:
        pass_, round_, _, taken = self.cursor
        if self._rows_of_pass is not None:
            self._rows_of_pass += len(self._rows)
        if ends_pass:
            if not self.share.key:
                self.rows_of_a_pass = self._rows_of_pass
            if self._rows_of_pass == 0:
                raise ValueError(
                    f"{self._role}: no rows in the files, expected at least one; mend the glob"
                )
            self._rows_of_pass = 0
            self.cursor = Cursor(pass_ + 1, 0, 0, taken)
        else:
            self.cursor = Cursor(pass_, round_ + 1, 0, taken)

    def _advance(self, rows: int) -> None:
        pass_, round_, offset, taken = self.cursor
        self.cursor = Cursor(pass_, round_, offset + rows, taken + rows)
