"""How batches become elements of a Dataset, as Estimators and as Keras want them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.input_fn.datasets import Structure
from sampling.rows.batches import STACKED
from sampling.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE


def for_estimators(names: Sequence[str], forwarded: Sequence[str], label: str | None) -> Structure:
    """(features with the weight and the forwarded ones, label); without label: features alone."""

    def element(batch: Mapping[str, Any]) -> Any:
        features = {name: batch[name] for name in (*names, WEIGHT_FEATURE)}
        for name in forwarded:
            features[name + FORWARDED_SUFFIX] = batch[name]
        return features if label is None else (features, batch[label])

    return element


def for_keras(names: Sequence[str], label: str | None, stacked: bool) -> Structure:
    """(features, label, weight), or features alone; stacked they are one matrix."""

    def element(batch: Mapping[str, Any]) -> Any:
        features = batch[STACKED] if stacked else {name: batch[name] for name in names}
        return features if label is None else (features, batch[label], batch[WEIGHT_FEATURE])

    return element


def dtypes(
    known: Mapping[str, np.dtype], names: Sequence[str], label: str | None, stacked: bool
) -> dict[str, np.dtype]:
    """Of the columns that an element is made of, out of the known ones."""
    needed = {name: known[name] for name in names}
    if stacked:
        width = sum(math.prod(dtype.shape) for dtype in needed.values())
        needed = {STACKED: np.dtype((np.float32, (width,)))}
    if label is not None:
        needed[label] = known[label]
    return {**needed, WEIGHT_FEATURE: np.dtype(np.float32)}


def checked_names(
    features: Collection[str] | None, known: Mapping[str, np.dtype], stacked: bool
) -> tuple[str, ...]:
    """The features asked for; None: all that are known.

    Raises:
        SamplingError: one is not known, or can't be stacked.
    """
    names = tuple(known) if features is None else tuple(features)
    if isinstance(features, str):
        names = (features,)
    if not names or not set(names) <= set(known):
        raise SamplingError(
            f"features is {features!r}, expected names among {', '.join(known)}; fix them"
        )
    unfit = [name for name in names if not _can_be_stacked(known[name])]
    if stacked and unfit:
        raise SamplingError(
            f"stacked is True with {', '.join(unfit)}, expected numbers or lists of numbers of "
            "one length, not strings; name such features, or leave stacked out"
        )
    return names


def _can_be_stacked(dtype: np.dtype) -> bool:
    return not dtype.hasobject and 0 not in dtype.shape  # 0: of any length
