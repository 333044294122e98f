"""How far a long job is and how long it still takes, on stderr."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """A bar on a terminal, elsewhere a line every ten seconds.

        splitting  [#######-------]  48%  1,310,720 rows  905,113 rows/s  2 s left

    Args:
        what: the line's first word.
        total: what `done` counts up to (bytes, say).
        stream: where to; None: stderr.
    """

    def __init__(self, what: str, total: float, stream: Any = None):
        self._what, self._total = what, total
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._every = 0.2 if self._on_terminal else 10.0
        self._started = self._told = time.monotonic()
        self._width = 0

    def update(self, done: float, rows: int) -> None:
        """Says so if it is time to."""
        if done < self._total and time.monotonic() - self._told >= self._every:
            self._tell(done, rows, end="" if self._on_terminal else "\n")

    def close(self, rows: int) -> None:
        """The last line."""
        self._tell(self._total, rows, end="\n")

    def _tell(self, done: float, rows: int, end: str) -> None:
        self._told = time.monotonic()
        line = self._line(done, rows, self._told - self._started)
        self._stream.write(("\r" if self._on_terminal else "") + line.ljust(self._width) + end)
        self._stream.flush()
        self._width = len(line) if self._on_terminal else 0

    def _line(self, done: float, rows: int, seconds: float) -> str:
        share = min(1.0, done / self._total) if self._total else 1.0
        parts = [self._what, f"{share:4.0%}", f"{rows:,} rows"]
        if self._on_terminal:
            parts.insert(1, f"[{'#' * round(20 * share):-<20}]")
        if seconds > 0.1:
            parts.append(f"{rows / seconds:,.0f} rows/s")
        if share == 1:
            parts.append(f"{duration(seconds)} in all")
        elif share > 0:
            parts.append(f"{duration(seconds * (1 - share) / share)} left")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """75 -> "1:15 min" """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes}:{int(seconds) % 60:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d} h"
