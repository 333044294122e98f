"""The round that follows is read on a thread while the rows of this one are handed out.

Where one thread gathers rows and does something with them, cores rest while it reads. A Dataset has
no need of it: a thread of its own makes chunks ahead, and another one would be in its way.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa

ROUNDS_AHEAD = 2  # one for each of two classes; held in memory beside those that are handed out


class ReadAhead:
    """Reads the blocks of some classes, in the order asked for; some are begun before.

    It makes no difference to the rows: what is wrong with a file is raised where it is asked for.

    Args:
        read: role and blocks (sorted, int64) -> their rows; called by several threads.
        rounds: how many may be held, of all classes; 0: nothing is read before it is asked for.
    """

    def __init__(self, read: Callable[[str, np.ndarray], pa.Table], rounds: int):
        self._read, self._rounds = read, rounds
        self._threads = ThreadPoolExecutor(max(1, rounds))
        self._begun: dict[str, tuple[np.ndarray, Future[pa.Table]]] = {}

    def begin(self, role: str, following: Callable[[], np.ndarray]) -> None:
        """Begins to read what is asked for next of a class, unless enough is held already."""
        if len(self._begun) < self._rounds:
            blocks = following()
            self._begun[role] = blocks, self._threads.submit(self._read, role, blocks)

    def read(self, role: str, blocks: np.ndarray) -> pa.Table:
        """The rows of some blocks."""
        if role in self._begun:
            begun, table = self._begun.pop(role)
            if np.array_equal(begun, blocks):
                return table.result()
        return self._read(role, blocks)
