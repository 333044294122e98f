"""Spread order: a permutation of blocks in which every run is spread evenly over the files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampling.order.seeds import ORDER, generator

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def spread_order(
    num_blocks: int, places: Sequence[int], key: Sequence[int], purpose: int = ORDER
) -> np.ndarray:
    """The blocks at some places of the spread order: a permutation in which every run is spread.

    The n blocks are split in halves of m and n - m, each in an order of its own, and merged in
    proportion. A number u in 0..n-1 is drawn for the node. Place j comes from the left half if and
    only if floor((u + (j + 1) m) / n) exceeds floor((u + j m) / n). So a run of any length holds
    its share of either half, of either quarter, and so on, give or take one. Every block is equally
    likely at every place. Computed for any place alone, in O(log n): nothing is stored.

    Args:
        num_blocks: n.
        places: numbers in 0..n-1.
        key: non-negative numbers (seed, class, pass) that the order depends on.
        purpose: what the order is for.

    Returns:
        int64 [len(places)]: block numbers, 0..n-1.
    """
    place = np.asarray(places, dtype=np.int64).copy()
    first = np.zeros_like(place)  # the node's first block ...
    size = np.full_like(place, num_blocks)  # ... and how many it has
    salt = np.uint64(generator(purpose, *key).integers(2**64, dtype=np.uint64))
    while (size > 1).any():
        left_size = size // 2
        u = (_hash(salt, first, size) % size.astype(np.uint64)).astype(np.int64)
        left_before = (u + place * left_size) // size
        is_left = (u + (place + 1) * left_size) // size > left_before
        place = np.where(is_left, left_before, place - left_before)
        first = np.where(is_left, first, first + left_size)
        size = np.where(is_left, left_size, size - left_size)
    return first


def _hash(salt: np.uint64, first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """A uint64 for each node, by two rounds of splitmix64's finaliser."""
    value = salt + first.astype(np.uint64) * _GOLDEN
    for word in (size.astype(np.uint64), np.uint64(0)):
        value = (value ^ (value >> np.uint64(30))) * _MIX_1
        value = (value ^ (value >> np.uint64(27))) * _MIX_2
        value = (value ^ (value >> np.uint64(31))) + word * _GOLDEN
    return value
