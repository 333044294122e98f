"""How many rows a block has: as few as a read of them is worth, and no timing has a say in it.

What reading whole blocks costs in variance goes with (rows of a block) / (blocks of a round), so
blocks are to be small. What small ones cost is a read for each: ten microseconds for a local file,
which parsing some hundred bytes takes, too; a request in a bucket.

Neighbouring blocks are one read. A gap between two is not bridged. If the first byte takes 30 ms,
each of sixteen requests in flight takes 2 ms, in which 50 MB/s bring 100 KB. For the time alone,
gaps of that size would be worth reading. But a gap is another block at least, and a sample is not
to read it: twice the bytes would be fetched that are used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sampling.order.rounds import ROUND_BYTES

# So many bytes, at least, are worth a read of their own.
IN_MEMORY, LOCAL, REMOTE = 0, 2 * 2**10, 2**20
_LEAST, _MOST = 1 / 10, 6  # (rows of a block) / (blocks of a round)


class BlockSize(NamedTuple):
    """How many rows a block of a class of files has.

    Args:
        pool_rows: about how many rows a round has.
        said: how many rows a block is to have; None: by what a read costs.
    """

    pool_rows: int
    said: int | None = None

    def rows(self, row_bytes: float, read_bytes: int) -> int:
        """sqrt(rows of a round / 10), 114 by default, or more where these are too few for a read.

        Args:
            row_bytes: of a row in the files.
            read_bytes: how many are worth a read: `IN_MEMORY`, `LOCAL` or `REMOTE`.
        """
        if self.said is not None:
            return self.said
        least = self._by_variance(_LEAST, row_bytes)
        return max(1, round(min(max(least, read_bytes / row_bytes), self.most(row_bytes))))

    def most(self, row_bytes: float) -> int:
        """sqrt(6 x rows of a round), 887 by default: larger ones make a poor sample."""
        if self.said is not None:
            return self.said
        return max(1, round(self._by_variance(_MOST, row_bytes)))

    def _by_variance(self, ratio: float, row_bytes: float) -> float:
        return math.sqrt(ratio * min(self.pool_rows, ROUND_BYTES / row_bytes))


def fixed(rows: int) -> BlockSize:
    """Blocks of so many rows whatever they cost."""
    return BlockSize(rows, rows)
