"""Where all randomness comes from: a generator of its own for every purpose and key."""

from __future__ import annotations

import numpy as np

# What a random number is drawn for: no two purposes share a generator.
ORDER, ROWS, MIX, PAIRS, SHARD, RATES = 0, 1, 2, 3, 4, 5


def generator(purpose: int, *key: int) -> np.random.Generator:
    """A generator of its own for every purpose and key (non-negative numbers)."""
    words = [purpose, *key]
    # Short words are what numpy makes of them itself, number by number.
    return np.random.default_rng(np.array(words, np.uint32) if max(words) < 2**32 else words)
