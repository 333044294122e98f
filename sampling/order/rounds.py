"""In which order the rows of one class are read: spread order, rounds, and a cursor.

A class is cut into blocks, which are put in *spread order*. A run of blocks is a *round*, whose
rows are permuted. A `Stream` hands them out slice by slice, round after round and pass after pass.
In a pass every row comes once before the next pass begins. Everything is a function of
the key (a seed and the class), so a `Cursor` of four numbers is all there is to save.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from sampling.errors import SamplingError
from sampling.order.seeds import ROWS, generator

ROUND_BYTES = 64 * 2**20  # a round is held in memory: at most this much of the files


class Cursor(NamedTuple):
    """A place in a stream: rows handed out are those before `offset` in this round.

    `taken` counts the rows handed out in the current epoch; an epoch may begin anywhere in a pass.
    """

    pass_: int = 0
    round: int = 0
    offset: int = 0
    taken: int = 0


def count_rounds(num_blocks: int, total_rows: float, total_bytes: int, pool_rows: int) -> int:
    """The fewest rounds of about `pool_rows` rows, at most 64 MiB, of one or more whole blocks."""
    by_rows = math.ceil(total_rows / pool_rows)
    by_bytes = math.ceil(total_bytes / ROUND_BYTES)
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


class RowBlocks(Protocol):
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


def rounds_of(blocks: RowBlocks, pool_rows: int, part: float = 1) -> int:
    """How many rounds a class, or a part of it, is read in."""
    return count_rounds(
        round(blocks.num_blocks * part),
        blocks.estimated_rows * part,
        math.ceil(blocks.decoded_bytes * part),
        pool_rows,
    )


class WorkerRows(Protocol):
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
        blocks: RowBlocks,
        load: Callable[[np.ndarray, Following], tuple[Columns, int]],
        key: Sequence[int],
        shuffle: bool,
        pool_rows: int,
        share: WorkerRows,
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
            SamplingError: a whole pass had no row.
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
                raise SamplingError(
                    f"{self._role}: no rows in the files, expected at least one; fix the glob"
                )
            self._rows_of_pass = 0
            self.cursor = Cursor(pass_ + 1, 0, 0, taken)
        else:
            self.cursor = Cursor(pass_, round_ + 1, 0, taken)

    def _advance(self, rows: int) -> None:
        pass_, round_, offset, taken = self.cursor
        self.cursor = Cursor(pass_, round_, offset + rows, taken + rows)
