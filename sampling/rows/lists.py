"""Columns whose rows are lists of varying length, until they are padded to batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Lists:
    """Lists of varying length: row i is `values[starts[i] : starts[i] + lengths[i]]`.

    Args:
        starts, lengths: int64 [rows], or any shape.
        values: int64, float32 or `Strings` [values of all lists].
    """

    starts: np.ndarray
    lengths: np.ndarray
    values: Any

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> Lists:
        return Lists(self.starts[index], self.lengths[index], self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.starts.shape

    def reshape(self, *shape: int) -> Lists:
        return Lists(self.starts.reshape(*shape), self.lengths.reshape(*shape), self.values)

    def take(self, rows: np.ndarray, axis: int = 0) -> Lists:
        """Some rows, with a copy of their values alone."""
        starts, lengths = self.starts.take(rows), self.lengths.take(rows)
        ends = np.cumsum(lengths)
        firsts = ends - lengths
        places = np.repeat(starts - firsts, lengths) + np.arange(ends[-1] if len(ends) else 0)
        return Lists(firsts, lengths, self.values.take(places))

    def padded(self, values: Any, empty: Any) -> Any:
        """[rows, longest]: `values` (which stand for those here), filled up with `empty`."""
        places = np.arange(self.lengths.max(initial=0))
        inside = places < self.lengths[..., np.newaxis]
        filled = np.full(inside.shape, empty, values.dtype)
        filled[inside] = values.take((self.starts[..., np.newaxis] + places)[inside])
        return filled


def joined(pieces: Sequence[Lists], values: Any) -> Lists:
    """Pieces one after the other; `values` are those of all pieces."""
    before = np.cumsum([0, *(len(piece.values) for piece in pieces[:-1])])
    starts = [piece.starts + first for piece, first in zip(pieces, before, strict=True)]
    lengths = np.concatenate([piece.lengths for piece in pieces])
    return Lists(np.concatenate(starts), lengths, values)
