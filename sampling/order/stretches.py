"""The order of a pass where some blocks can be read in sequence only.

A compressed file, or a large row group of Parquet, is a *stretch*: its blocks are pieces that come
out one after the other, from its beginning. The spread order then says whose turn it is, and a
stretch whose turn it is gives its next piece. So every run of the order is spread over all
stretches, and each stretch is read once in a pass, as it lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampling.order import seeds, spread


class Order:
    """Which blocks stand at some places of a pass.

    Without stretches of several blocks this is the spread order itself. Otherwise every stretch
    begins at a random piece and goes round, so that each piece is equally likely at every place.

    Args:
        sizes: how many blocks each stretch has, in file order.
        at_a_time: how many stretches may be under way together, for what that takes of memory.
            With more of them, groups of stretches follow each other, each spread over the files.
        firsts: the number of each stretch's first block; None: blocks are numbered as they come.

    Attributes:
        sizes: the same.
    """

    def __init__(self, sizes: np.ndarray, at_a_time: int, firsts: np.ndarray | None = None):
        self.sizes = np.asarray(sizes, np.int64)
        self._firsts = np.cumsum(self.sizes) - self.sizes if firsts is None else firsts
        self._at_a_time = at_a_time
        self.num_blocks = int(self.sizes.sum())
        self._is_free = bool((self.sizes == 1).all())
        self._pass: tuple[tuple[int, ...], np.ndarray] = (), np.empty(0, np.int64)

    def of(self, blocks: np.ndarray, readers: int) -> Order:
        """The order of some of the blocks, which are numbered anew.

        Args:
            blocks: int64, sorted.
            readers: of how many such orders the stretches are under way together.
        """
        stretches = np.searchsorted(np.cumsum(self.sizes), blocks, side="right")
        sizes = np.unique(stretches, return_counts=True)[1]
        return Order(sizes, max(1, self._at_a_time // max(1, readers)))

    def __call__(self, places: Sequence[int], key: Sequence[int]) -> np.ndarray:
        """int64 [len(places)]: block numbers; see `spread.spread_order`."""
        if self._is_free:
            return self._firsts[spread.spread_order(self.num_blocks, places, key)]
        if self._pass[0] != tuple(key):
            self._pass = tuple(key), self._whole(key)
        return self._pass[1][np.asarray(places, np.int64)]

    def in_file_order(self, places: range) -> np.ndarray:
        """int64 [len(places)]: block numbers where nothing is shuffled."""
        if self._is_free:
            return self._firsts[places.start : places.stop]
        before = np.cumsum(self.sizes) - self.sizes
        numbers = np.arange(places.start, places.stop)
        stretches = np.searchsorted(before, numbers, side="right") - 1
        return self._firsts[stretches] + numbers - before[stretches]

    def part(self, stretches: np.ndarray) -> Order:
        """The order of some stretches alone (sorted, int64), whose blocks keep their numbers."""
        return Order(self.sizes[stretches], self._at_a_time, self._firsts[stretches])

    def places(self, blocks: int) -> int:
        """In how many places of the files a run of so many blocks lies, at most."""
        return blocks if self._is_free else min(blocks, len(self.sizes), self._at_a_time)

    def _whole(self, key: Sequence[int]) -> np.ndarray:
        number = len(self.sizes)
        stretches = spread.spread_order(number, range(number), key)
        begins = seeds.generator(seeds.ORDER, *key, 1).integers(0, self.sizes)
        groups = np.array_split(stretches, -(-number // self._at_a_time))
        return np.concatenate(
            [
                self._of_group(np.sort(group), begins, [*key, 2, index])
                for index, group in enumerate(groups)
            ]
        )

    def _of_group(self, group: np.ndarray, begins: np.ndarray, key: Sequence[int]) -> np.ndarray:
        """All blocks of some stretches."""
        turns = np.repeat(group, self.sizes[group])
        turns = turns[spread.spread_order(len(turns), range(len(turns)), key)]
        by_stretch = np.argsort(turns, kind="stable")
        sizes = self.sizes[group]
        before = np.empty_like(turns)  # how many turns its stretch has had already
        before[by_stretch] = np.arange(len(turns)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self._firsts[turns] + (begins[turns] + before) % self.sizes[turns]
