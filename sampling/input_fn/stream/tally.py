"""What a run along the stream has cost and given: blocks and rows read, rows handed out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sampling.input_fn.stream.iteration import Position
from sampling.input_fn.stream.reader import Reader
from sampling.probabilities.calibration import Prior


class Tally:
    """Counts as it goes; it is ahead of the training by what is read ahead.

    Attributes:
        blocks_read, rows_read, rows_used: by role. Used are those that were handed out.
        rows: handed out, made-up ones too.
    """

    def __init__(self) -> None:
        self.blocks_read: Counter[str] = Counter()
        self.rows_read: Counter[str] = Counter()
        self.rows_used: Counter[str] = Counter()
        self.rows = 0
        self._weight = self._squares = 0.0
        self._counted = -1  # the stream's rows before the latest chunk that was counted

    def read(self, role: str, blocks: int, rows: int) -> None:
        self.blocks_read[role] += blocks
        self.rows_read[role] += rows

    def hand_out(self, before: Position, after: Position, weights: np.ndarray) -> None:
        """Counts a chunk, unless it was there before: places are looked for by reading again."""
        if before.rows <= self._counted:
            return
        self._counted = before.rows
        for role, cursor in after.cursors.items():
            self.rows_used[role] += cursor.taken - before.cursors[role].taken
        self.rows += len(weights)
        self._weight += float(weights.sum(dtype=np.float64))
        # Not `weights @ weights`: the threads of BLAS then wait busily, and take a core for it.
        self._squares += float(np.square(weights, dtype=np.float64).sum())

    @property
    def effective_rows(self) -> float:
        """So many rows of equal weight scatter as these do: (sum w)^2 / sum w^2 (Kish 1965)."""
        return self._weight**2 / self._squares if self._squares else 0.0


def shares(prior: Prior, used: Sequence[int]) -> dict[str, list[float]]:
    """Of each class: in the files, in what was handed out, and in that by weight."""
    total = max(1, sum(used))
    return {
        "in the files": list(prior.files),
        "trained on": [rows / total for rows in used],
        "by weight": list(prior.stream),
    }


def describe(tally: Tally, reader: Reader) -> dict[str, Any]:
    """Plain values, JSON takes them; by class of files where they are of one.

    Returns:
        dicts: rows_in_files, bytes_in_files, rows_read, rows_used; bytes_read (whole blocks, as a
        share of the files' bytes); coverage (the share of the rows that were used at least once, if
        the run began with a pass). Numbers: rows, effective_rows.
    """
    counts = {name: reader.count(name) for name in reader.blocks}

    def by_name(value: Callable[[str, Any], Any]) -> dict[str, Any]:
        return {name: value(name, blocks) for name, blocks in reader.blocks.items()}

    return {
        "rows_in_files": counts,
        "bytes_in_files": by_name(lambda _, blocks: blocks.total_bytes),
        "rows_read": by_name(lambda name, _: tally.rows_read[name]),
        "bytes_read": by_name(
            lambda name, blocks: round(
                blocks.total_bytes * tally.blocks_read[name] / max(1, blocks.num_blocks)
            )
        ),
        "rows_used": by_name(lambda name, _: tally.rows_used[name]),
        "coverage": by_name(lambda name, _: min(1.0, tally.rows_used[name] / max(1, counts[name]))),
        "rows": tally.rows,
        "effective_rows": tally.effective_rows,
    }
