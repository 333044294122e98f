"""As many rows for every worker: the last chunk of an epoch is made longer by rows of weight 0."""

from __future__ import annotations

import dataclasses

import numpy as np

from sampling.input_fn.stream.iteration import Chunks, Position
from sampling.rows import columns
from sampling.rows.columns import Columns
from sampling.schema import WEIGHT_FEATURE


def padded(chunks: Chunks, rows_per_epoch: int) -> Chunks:
    """The same chunks, and so many rows in every epoch that this makes.

    Args:
        chunks: of a worker's stream; each epoch has at most `rows_per_epoch` rows. Where it begins
            the padding of earlier epochs is counted already.
        rows_per_epoch: of the worker that has most.
    """
    added = 0
    last: tuple[Position, Columns] | None = None
    for position, chunk in chunks:
        position = dataclasses.replace(position, rows=position.rows + added)
        missing = 0
        if chunk is None:
            missing = rows_per_epoch * position.epoch - position.rows
        if last is not None:
            yield last[0], _longer(last[1], missing)
        elif missing:
            raise RuntimeError(f"{missing} rows are missing in an epoch without any")
        added += missing
        last = None if chunk is None else (position, chunk)
        if chunk is None:
            yield dataclasses.replace(position, rows=position.rows + missing), None


def _longer(chunk: Columns, missing: int) -> Columns:
    """With copies of its rows that count for nothing."""
    if missing < 0:
        raise RuntimeError(f"an epoch has {-missing} rows more than were counted")
    if missing == 0:
        return chunk
    size = columns.length(chunk)
    rows = np.arange(size + missing) % size
    longer = {name: column[rows] for name, column in chunk.items()}
    longer[WEIGHT_FEATURE][size:] = 0
    return longer
