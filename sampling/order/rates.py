"""How often each row comes: whole numbers of copies for fractional rates, by systematic sampling.

The rates of all rows, laid end to end, make a line of the length of an epoch. Marks stand on it at
distance 1, the first at random. A row comes as often as there are marks on its stretch: its rate,
rounded down or up. In expectation that is its very rate, since every place is as likely to have a
mark. The number of rows is the line's length, in every pass. Rows lie on the line in the order of
their blocks, and within a block in random order. So each block has its share to the row, and a
sample is spread over the files as evenly as can be. Yet no period in the files goes with that of
the marks.

Where on the line a block begins follows from sums of rates by block, which is all there is to know.
Sources:

- Madow (1949), On the Theory of Systematic Sampling, II, Annals of Mathematical Statistics 20:
  systematic sampling with unequal rates, of which this is the random order within blocks.
- Kitagawa (1996), Monte Carlo Filter and Smoother, J. of Computational and Graphical Statistics 5:
  the same as low-variance resampling.
"""

from __future__ import annotations

import numpy as np

from sampling.errors import SamplingError
from sampling.order import seeds

_STEPS = 2**20  # places of the first mark: few enough for sums of it to be exact
_MOST_COPIES = 2**24  # of a round's rows


class Rates:
    """What is known of all rows' rates, by blocks.

    Args:
        sums: float64 [blocks], of the rates of their rows.
        sizes: int64 [blocks], their rows.
        rows: how many an epoch shall have; rates are scaled to that.
    """

    def __init__(self, sums: np.ndarray, sizes: np.ndarray, rows: int):
        self.sums, self.sizes, self.rows = sums, sizes, rows
        ends = np.concatenate([[0.0], np.cumsum(sums)])
        self.scale = rows / ends[-1]
        self._ends = ends / ends[-1] * rows  # the last is `rows`, exactly

    def copies(self, rates: np.ndarray, blocks: np.ndarray, key: tuple[int, ...]) -> np.ndarray:
        """How often each row of some blocks comes in a pass.

        Args:
            rates: float64 [rows] of the blocks' rows, in file order.
            blocks: int64, sorted.
            key: non-negative numbers (seed, class, pass) that the randomness depends on.

        Returns:
            int64 [rows]: rate x scale, rounded down or up.

        Raises:
            SamplingError: they would be too many to be held in memory.
        """
        self._check_few(blocks)
        start = seeds.generator(seeds.RATES, *key).integers(_STEPS) / _STEPS
        shuffler = seeds.generator(seeds.RATES, *key, int(blocks[0]) + 1)
        blocks = blocks[self.sizes[blocks] > 0]
        of_row = np.repeat(blocks, self.sizes[blocks])
        order = np.lexsort((shuffler.random(len(of_row)), of_row))
        marks = np.floor(self._until(rates[order], blocks) + start).astype(np.int64)
        firsts = np.cumsum(self.sizes[blocks]) - self.sizes[blocks]
        before = np.empty_like(marks)
        before[1:] = marks[:-1]
        before[firsts] = np.floor(self._ends[blocks] + start)
        copies = np.empty_like(marks)
        copies[order] = marks - before
        return copies

    def _until(self, rates: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """float64 [rows]: where on the line each row ends, exact at the end of blocks."""
        sizes, sums = self.sizes[blocks], np.cumsum(rates)
        last = sums[np.cumsum(sizes) - 1]
        first = np.append(0.0, last)[: len(last)]
        begin, end = self._ends[blocks], self._ends[blocks + 1]
        per_rate = (end - begin) / np.where(last > first, last - first, 1.0)
        begin, end, per_rate, first, last = (
            np.repeat(each, sizes) for each in (begin, end, per_rate, first, last)
        )
        until = begin + (sums - first) * per_rate
        return np.where(sums == last, end, np.minimum(until, end))

    def _check_few(self, blocks: np.ndarray) -> None:
        wanted = float((self._ends[blocks + 1] - self._ends[blocks]).sum())
        if wanted > _MOST_COPIES:
            raise SamplingError(
                f"the rates ask for {wanted:,.0f} rows out of {self.sizes[blocks].sum():,} that "
                f"are held in memory, expected at most {_MOST_COPIES:,}; lower the rates, "
                "overall_rate or pool_rows"
            )
