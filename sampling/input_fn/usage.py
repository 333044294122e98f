"""What a run along the stream has cost and given: blocks and rows read, rows handed out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sampling.input_fn.position import Position
from sampling.probabilities.calibration import Prior
from sampling.rows import columns
from sampling.rows.columns import Columns
from sampling.schema import WEIGHT_FEATURE


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


def label_masses(chunks: Iterator[Columns], label: str) -> dict[Any, float]:
    """The sum of the weights of each label."""
    masses: dict[Any, float] = {}
    for chunk in chunks:
        labels = columns.as_numpy(chunk[label])
        classes, numbers = np.unique(labels, return_inverse=True)
        sums = np.bincount(numbers, chunk[WEIGHT_FEATURE].astype(np.float64), len(classes))
        for class_, mass in zip(classes.tolist(), sums.tolist(), strict=True):
            masses[class_] = masses.get(class_, 0.0) + mass
    return masses


def shares(prior: Prior, used: Sequence[int]) -> dict[str, list[float]]:
    """Of each class: in the files, in what was handed out, and in that by weight."""
    total = max(1, sum(used))
    return {
        "in the files": list(prior.files),
        "trained on": [rows / total for rows in used],
        "by weight": list(prior.stream),
    }


def describe(tally: Tally, blocks: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Plain values, JSON takes them; by the roles' names where they are of a class of files.

    Returns:
        rows_in_files, bytes_in_files, rows_read, bytes_read (whole blocks, as a share of the
        files' bytes), rows_used, coverage (the share of the rows that were used at least once, if
        the run began with a pass): dicts. rows, effective_rows: numbers.
    """

    def by_name(value: Any) -> dict[str, Any]:
        return {names[role]: value(role, of_role) for role, of_role in blocks.items()}

    counts = {role: of_role.count() for role, of_role in blocks.items()}
    return {
        "rows_in_files": by_name(lambda role, of_role: counts[role]),
        "bytes_in_files": by_name(lambda role, of_role: of_role.total_bytes),
        "rows_read": by_name(lambda role, of_role: tally.rows_read[role]),
        "bytes_read": by_name(
            lambda role, of_role: round(
                of_role.total_bytes * tally.blocks_read[role] / of_role.num_blocks
            )
        ),
        "rows_used": by_name(lambda role, of_role: tally.rows_used[role]),
        "coverage": by_name(
            lambda role, of_role: min(1.0, tally.rows_used[role] / max(1, counts[role]))
        ),
        "rows": tally.rows,
        "effective_rows": tally.effective_rows,
    }
