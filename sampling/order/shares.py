"""Many workers: which rows of a class are whose.

Every row is one worker's, the same one in every pass, and every worker has as many, give or take
few. A class is divided by blocks: each worker has a run of the spread order, so its blocks are
spread over all the files, and it reads no others. (What can be read in sequence only, a stretch, is
one worker's as a whole.) A class that fits one round, or has too few stretches for each worker, is
divided by rows: each worker reads all of it and leaves the others' rows out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment, rounds
from sampling.order.rounds import groups
from sampling.order.seeds import SHARD, generator
from sampling.order.spread import spread_order
from sampling.order.stretches import Order

_STRETCHES_EACH = 8  # with fewer, workers would differ by more than an eighth


@dataclasses.dataclass(frozen=True)
class Shard:
    """Which of how many workers this is.

    Args:
        index: 0..number - 1.
        number: of workers that divide the rows among them.
        padded: whether all get the same number of rows, some of them copies of weight 0, since
            they train in step: the first to run out of batches would leave the others waiting.
        replicas: of the model, that each take a batch of this worker's in every step; if padded,
            none is left without one.

    Raises:
        SamplingError: one is out of range.
    """

    index: int = 0
    number: int = 1
    padded: bool = False
    replicas: int = 1

    def __post_init__(self) -> None:
        checks.whole_number("number of workers", self.number, 1)
        checks.whole_number("index of this worker", self.index, 0)
        if self.index >= self.number:
            raise SamplingError(
                f"this is worker {self.index} of {self.number}, expected a number from 0 to "
                f"{self.number - 1}; fix it"
            )

    def __str__(self) -> str:
        text = f"worker {self.index} of {self.number}" if self.number > 1 else "the only worker"
        text += f" with {self.replicas} replicas" if self.replicas > 1 else ""
        return text + (" in step" if self.padded else "")

    def padded_rows(self, rows: int, batch_size: int) -> int:
        """So many that every replica gets a batch in every step, where the largest has `rows`."""
        batches = -(-rows // batch_size)
        return (
            rows
            if batches % self.replicas == 0
            else (batches + -batches % self.replicas) * batch_size
        )

    @property
    def key(self) -> tuple[int, ...]:
        """Numbers that make a worker's random numbers its own; none for a single process."""
        return (self.index, self.number) if self.number > 1 else ()


EVERYTHING = Shard()


class Share:
    """The rows of one class that are one worker's.

    Args:
        order: of all blocks of the class.
        num_rounds: of the whole class.
        rows_of_blocks: int64 [blocks], asked for only where it matters.
        key: non-negative numbers (seed, class) that it depends on.
        shuffle: whether rows are dealt at random; otherwise a worker's follow one another in the
            files.
        shard: whose they are.
        role: what the files are, for errors.
    """

    def __init__(
        self,
        order: Order,
        num_rounds: int,
        rows_of_blocks: Callable[[], np.ndarray],
        key: Sequence[int],
        shuffle: bool,
        shard: Shard,
        role: str,
    ):
        self._whole_order, self._one_round = order, num_rounds == 1
        self._rows_of_blocks, self._key, self._shuffle = rows_of_blocks, list(key), shuffle
        self._number, self._index, self._role = shard.number, shard.index, role
        self.key = shard.key
        few = order.num_blocks < _STRETCHES_EACH * shard.number * order.sizes.max()
        self._by_row = shard.number > 1 and (self._one_round or bool(few))

    @functools.cached_property
    def order(self) -> Order:
        """Of the blocks that this worker reads."""
        if self._by_row or self._number == 1:
            return self._whole_order
        return self._whole_order.part(np.flatnonzero(self._owners == self._index))

    @property
    def num_blocks(self) -> int:
        """Of those."""
        return self.order.num_blocks

    def in_file_order(self, places: range) -> np.ndarray:
        """See `Order`."""
        return self.order.in_file_order(places)

    def rows(self, blocks: np.ndarray, num_rows: int) -> np.ndarray:
        """Which of the rows read are this worker's.

        Args:
            blocks: the blocks they were read from.
            num_rows: of all these blocks.

        Returns:
            int64, sorted: positions among the rows read.

        Raises:
            SamplingError: there are fewer rows than workers.
        """
        if not self._by_row:
            return np.arange(num_rows)
        if self._one_round:
            self._check_enough(num_rows)
            return self._dealt(0, 0, num_rows, num_rows)
        sizes = self._rows_of_blocks()
        before = np.cumsum(sizes) - sizes
        own, start = [], 0
        for block in blocks.tolist():
            own.append(start + self._dealt(block, before[block], sizes[block], int(sizes.sum())))
            start += sizes[block]
        return np.concatenate(own)

    @property
    def blocks(self) -> np.ndarray:
        """int64, sorted: those that this worker reads."""
        return self.in_file_order(range(self.num_blocks))

    def at_a_time(self, rows: int) -> list[np.ndarray]:
        """All blocks of the class in groups of about so many rows, fit for `rows` of any worker."""
        sizes = self._rows_of_blocks()
        every = np.arange(len(sizes))
        return [every] if self._one_round else groups(every, sizes, rows)

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """int64 [workers]: rows of each; the class is counted for it.

        Raises:
            SamplingError: there are fewer rows than workers.
        """
        sizes = self._rows_of_blocks()
        self._check_enough(int(sizes.sum()))
        if self._number == 1:
            return np.array([sizes.sum()])
        if not self._by_row:
            owners = np.repeat(self._owners, self._whole_order.sizes)
            return np.bincount(owners, sizes, self._number).astype(np.int64)
        if self._shuffle:
            return (sizes.sum() + np.arange(self._number)[::-1]) // self._number
        return np.diff(np.arange(self._number + 1) * sizes.sum() // self._number)

    @property
    def count(self) -> int:
        """Rows of this worker."""
        return int(self.counts[self._index])

    @property
    def before(self) -> int:
        """Rows of the workers before this one: what is shared out by rounding adds up."""
        return int(self.counts[: self._index].sum()) if self._index else 0

    @functools.cached_property
    def _owners(self) -> np.ndarray:
        """int64 [stretches]: the worker of each: runs of the spread order, of as many blocks."""
        number = len(self._whole_order.sizes)
        order = np.arange(number)
        if self._shuffle:
            order = spread_order(number, order, self._key, SHARD)  # type: ignore[arg-type]
        sizes = self._whole_order.sizes[order]
        twice_the_middle = 2 * np.cumsum(sizes) - sizes
        owners = np.empty(number, np.int64)
        owners[order] = twice_the_middle * self._number // (2 * sizes.sum())
        return owners

    def _dealt(self, group: int, before: int, rows: int, total: int) -> np.ndarray:
        """Which of a group's rows are this worker's.

        Args:
            group: whose order is dealt in: a block, or 0 for the class.
            before: rows of the groups before it in the files, so that dealing goes on in turn.
            total: rows of the class.
        """
        if not self._shuffle:
            start, stop = (total * at // self._number for at in (self._index, self._index + 1))
            return np.arange(*np.clip((start - before, stop - before), 0, rows))
        permuted = generator(SHARD, *self._key, group, 1).permutation(rows)
        return np.sort(permuted[(self._index - before) % self._number :: self._number])

    def _check_enough(self, rows: int) -> None:
        if rows < self._number:
            raise SamplingError(
                f"{self._role}: found {rows:,} rows for {self._number} workers, expected at least "
                "one for each; use fewer workers"
            )


def divide(
    rows: Sequence[int], sizes: Sequence[int], shares: Sequence[rounds.WorkerRows]
) -> tuple[int, ...]:
    """Rows of each class in a worker's epoch, in the proportions of all workers' epoch.

    Together the workers have as many as were asked for, to the row: what is rounded is the number
    for all workers up to this one. The class that is used most decides on a worker's part of the
    others. One that is taken as a whole, once or several times, is so by each worker.

    Args:
        rows: of each class in an epoch of all workers.
        sizes: rows of each class in the files.
        shares: this worker's of each class.
    """
    used = [Fraction(each, size) for each, size in zip(rows, sizes, strict=True)]
    lead = used.index(max(used))
    first, last = shares[lead].before, shares[lead].before + shares[lead].count
    own = []
    for each, size, share in zip(rows, sizes, shares, strict=True):
        if each % size == 0:
            own.append(each // size * share.count)
        else:
            start, stop = apportionment.portion(
                np.array([first, last]), Fraction(each, sizes[lead])
            )
            own.append(int(stop - start))
    return tuple(own)
