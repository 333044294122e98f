"""Shares in whole numbers: so many of these for so many of those, exact in total."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

_LARGEST_DENOMINATOR = 10**6
_SAME = 10**9  # a decimal of ten digits is meant to the digit
_INT64_HALF = 2**62


def fraction(number: float | Fraction) -> Fraction:
    """What was meant by a decimal: 0.2 -> 1/5, 1/3 -> 1/3; what is no such number is exact."""
    if isinstance(number, Fraction):
        return number
    exact = Fraction(float(number))
    meant = exact.limit_denominator(_LARGEST_DENOMINATOR)
    return meant if abs(meant - exact) <= abs(exact) / _SAME else exact


def portion(counts: np.ndarray, share: Fraction) -> np.ndarray:
    """floor(count x share + 1/2) in whole numbers: how many go with the first `count` rows.

    Args:
        counts: int64 [n], not negative.

    Returns:
        int64 [n]; what goes with each row alone is the difference of two neighbours.
    """
    counts = np.asarray(counts, np.int64)
    if int(counts.max(initial=0)) * share.numerator + share.denominator >= _INT64_HALF:
        counts = counts.astype(object)  # Python's own whole numbers, which have no end
    portions = (2 * counts * share.numerator + share.denominator) // (2 * share.denominator)
    return portions.astype(np.int64)


def apportion(counts: np.ndarray, shares: Sequence[Fraction | int]) -> np.ndarray:
    """How many of the first `count` rows are of each class: exact in total, never falling.

    The largest class gets its portion of the rows, the next one its portion of those left, and so
    on: each is its share give or take a row or two, since what is rounded off is left to the next.

    Args:
        counts: int64 [n], not negative.
        shares: of the classes, not negative; they may add up to any number above 0.

    Returns:
        int64 [n, classes]; the numbers of a row add up to its count.
    """
    left = np.asarray(counts, np.int64)
    numbers = np.zeros((len(left), len(shares)), np.int64)
    total = Fraction(sum(shares))
    for index in sorted(range(len(shares)), key=lambda index: -shares[index]):
        if shares[index]:
            numbers[:, index] = portion(left, shares[index] / total)
            left, total = left - numbers[:, index], total - shares[index]
    return numbers


def order_in_batches(
    sizes: Sequence[int], of_batch: Sequence[int], generator: np.random.Generator | None
) -> np.ndarray:
    """An order of the classes' rows in which each batch has its exact number of each.

    Args:
        sizes: rows of the first class, of the second, which follow them, and so on.
        of_batch: how many of each make a batch.
        generator: of the order within batches, and of which batch a row is in; None: rows stay in
            their order, the classes evenly interleaved.

    Returns:
        int64 [sum(sizes)]; rows that make no whole batch come last.
    """
    whole = min(size // each for size, each in zip(sizes, of_batch, strict=True) if each)
    starts = np.cumsum([0, *sizes[:-1]])
    rows = [start + _all(size, generator) for start, size in zip(starts, sizes, strict=True)]
    batches = np.concatenate(
        [of[: whole * each].reshape(whole, each) for of, each in zip(rows, of_batch, strict=True)],
        axis=1,
    )
    rest = np.concatenate([of[whole * each :] for of, each in zip(rows, of_batch, strict=True)])
    if generator is None:
        places = np.concatenate([(np.arange(each) + 0.5) / each for each in of_batch if each])
        return np.concatenate([batches[:, places.argsort(kind="stable")].ravel(), rest])
    return np.concatenate(
        [generator.permuted(batches, axis=1).ravel(), generator.permutation(rest)]
    )


def _all(size: int, generator: np.random.Generator | None) -> np.ndarray:
    return np.arange(size) if generator is None else generator.permutation(size)
