"""The first rows of a stream, to measure something of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def first(batches: Iterable[Any], rows: int) -> list[Any]:
    """The first batches of (features, labels, weights), one at least, with so many rows or all."""
    found = []
    for batch in batches:
        found.append(batch)
        rows -= len(batch[-1])
        if rows <= 0:
            break
    return found


def joined(batches: Sequence[Any]) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Features by name, labels and weights of all rows of some batches."""
    features, labels, weights = zip(*batches, strict=True)
    columns = {name: np.concatenate([each[name] for each in features]) for name in features[0]}
    return columns, np.concatenate(labels), np.concatenate(weights)
