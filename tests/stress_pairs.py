"""Draws of unobserved pairs against enumeration, as long as one likes.

    python -m tests.stress_pairs --draws 10000000

The tests run the same in short form.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from scipy import stats

from sampling.order.pair_ranks import UnobservedPairs, integer_weights, pair_codes

KINDS = ("uniform", "per_user", "popularity")
_AT_A_TIME = 1_000_000


def small_matrix(seed, items=7):
    """bool [users, items]: one user for every number of items, from none to all but one, mixed."""
    generator = np.random.default_rng(seed)
    rows = [np.arange(items) < number for number in range(items)]
    return generator.permutation(generator.permuted(np.array(rows), axis=1))


def p_values(kind, draws, seed):
    """Chi-square p-values of one kind of draws, for uniform over all pairs, else for each user."""
    observed = small_matrix(seed)
    popularity = np.arange(observed.shape[1]) ** 2 + 1
    pairs, shares = _prepared(kind, observed, popularity)
    generator = np.random.default_rng([seed, 1])
    counts = np.zeros(observed.shape, np.int64)
    for size in _sizes(draws):
        users, items = _drawn(kind, pairs, generator, size)
        counts += np.bincount(users * observed.shape[1] + items, minlength=observed.size).reshape(
            observed.shape
        )
    if counts[observed].any():
        return [0.0]
    if kind == "uniform":
        return [stats.chisquare(counts[~observed]).pvalue]
    return [
        stats.chisquare(row[share > 0], row.sum() * share[share > 0]).pvalue
        for row, share in zip(counts, shares, strict=True)
        if np.count_nonzero(share) > 1
    ]


def observed_draws(kind, draws, seed, num_users=2000, num_items=1500):
    """How many of many draws are observed pairs: 0, or something is wrong."""
    generator = np.random.default_rng(seed)
    popular = generator.zipf(1.3, 200_000) % num_items
    codes = pair_codes(generator.integers(num_users, size=len(popular)), popular, num_items)
    popularity = np.bincount(codes % num_items, minlength=num_items)
    weights = integer_weights(popularity, 0.75, num_users) if kind == "popularity" else None
    pairs = UnobservedPairs(codes, num_users, num_items, weights)
    wrong = 0
    for size in _sizes(draws):
        users, items = _drawn(kind, pairs, generator, size)
        wrong += int(np.count_nonzero(np.isin(users * num_items + items, codes)))
    return wrong


def _prepared(kind, observed, popularity):
    weights, exact = None, np.ones(observed.shape[1])
    if kind == "popularity":
        weights, exact = integer_weights(popularity, 0.75, len(observed)), popularity**0.75
    pairs = UnobservedPairs(np.flatnonzero(observed), *observed.shape, weights)
    left = ~observed * exact
    shares = left / left.sum(axis=1, keepdims=True)
    if kind == "popularity":  # log q is the same distribution by another way
        users, items = np.nonzero(left)
        shares[users, items] = np.exp(pairs.log_probability(users, items))
    return pairs, shares


def _drawn(kind, pairs, generator, size):
    if kind == "uniform":
        return pairs.draw(generator, size)
    users = generator.integers(pairs.num_users, size=size)
    return users, pairs.draw_for(generator, users)


def _sizes(draws):
    return [min(_AT_A_TIME, draws - start) for start in range(0, draws, _AT_A_TIME)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000_000, help="of each kind")
    draws, failed = parser.parse_args().draws, False
    for kind in KINDS:
        begin = time.perf_counter()
        wrong, least = observed_draws(kind, draws, 0), min(p_values(kind, draws, 0))
        failed |= wrong > 0 or least < 1e-5
        print(
            f"{kind:<11}{draws:,} draws  {wrong} observed pairs  "
            f"least p-value of chi-square {least:.3g}  {time.perf_counter() - begin:.0f} s"
        )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
