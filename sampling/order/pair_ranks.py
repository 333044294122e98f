"""Unobserved (user, item) pairs by arithmetic: drawn exactly, with no rejection and no retry.

Every pair has a stretch of a line of whole numbers, as long as its item's weight, user after user
and item after item. The stretches of the observed pairs are taken out, and what is left is numbered
0..total-1 without a gap. A rank is drawn, and one binary search puts it back on the full line.

    position = rank + removed(k),  k = observed pairs k' with start(k') - removed(k') <= rank

where `removed(k)` is the length of the first k stretches. With weight 1 for every item, positions
are the codes `user * num_items + item` themselves and removed(k) is k.

Pure functions of numbers; memory goes with observed pairs, users and items, never their product.
"""

from __future__ import annotations

import math

import numpy as np

from sampling.errors import SamplingError

_MOST_PLACES = 2**62  # of the line: int64, with room for a sum
_STRIDE = 32  # a power of two
_MOST_WEIGHT = 2**52  # of a user's items: float64 holds it exactly, so log q is exact too


def pair_codes(users: np.ndarray, items: np.ndarray, num_items: int) -> np.ndarray:
    """Pairs -> their codes `user * num_items + item`, sorted, each once.

    Args:
        users, items: whole numbers [pairs].

    Returns:
        int64 [distinct pairs]
    """
    return np.unique(users.astype(np.int64) * num_items + items)


def integer_weights(popularity: np.ndarray, alpha: float, num_users: int) -> np.ndarray:
    """popularity^alpha in whole numbers, scaled up as far as int64 allows.

    Sums of whole numbers are exact, so nothing can be drawn by an error of rounding. The scale is a
    power of two: weights that are whole before are in exact proportion after.

    Args:
        popularity: not negative [items]; 0 has the weight 0 (unless alpha is 0), all others more.
        alpha: 0 makes all alike, 1 is the popularity itself, word2vec's is 0.75.
        num_users: each has all the items on the line.

    Returns:
        int64 [items]

    Raises:
        SamplingError: there are too many users and items for int64.
    """
    powers = np.asarray(popularity, np.float64) ** alpha
    most = min(_MOST_WEIGHT, _MOST_PLACES // num_users)
    room = most - len(powers)  # rounding adds less than 1 to each
    if room < powers.sum():
        raise SamplingError(
            f"found {num_users:,} users and {len(powers):,} items of popularity up to "
            f"{np.max(popularity):,} with alpha = {alpha:g}, expected fewer, for int64 to number "
            "their pairs; lower alpha, or leave users out"
        )
    # The largest power of two that fits, by the exponent: a logarithm may round up to the next.
    scale = 2.0 ** (math.frexp(room / max(powers.sum(), 1e-300))[1] - 1)
    return np.where(powers > 0, np.maximum(np.rint(powers * min(scale, 2.0**40)), 1), 0).astype(
        np.int64
    )


class UnobservedPairs:
    """The pairs that were not observed, ready to be drawn from.

        pairs = UnobservedPairs(pair_codes(users, items, 3706), 6040, 3706)
        users, items = pairs.draw(np.random.default_rng(0), 1_000_000)
        items = pairs.draw_for(np.random.default_rng(0), users)

    Args:
        codes: of the observed pairs, sorted, each once: what `pair_codes` returns.
        num_users, num_items: codes are below their product.
        weights: int64 [items], not negative; None: all items alike.

    Attributes:
        total: the weight of all unobserved pairs; without weights, how many there are.
        user_totals: int64 [users], the same for each user; 0 where nothing is left to draw.

    Raises:
        SamplingError: there are no users or items, or more pairs than int64 has numbers for.
    """

    def __init__(
        self,
        codes: np.ndarray,
        num_users: int,
        num_items: int,
        weights: np.ndarray | None = None,
    ):
        _check_size(num_users, num_items)
        self.num_users, self.num_items = num_users, num_items
        self._weights = weights
        self._cumulative = None if weights is None else np.concatenate([[0], weights.cumsum()])
        self._width = num_items if self._cumulative is None else int(self._cumulative[-1])
        users, items = np.divmod(codes, num_items)
        firsts = np.searchsorted(codes, np.arange(num_users + 1) * num_items)
        self._removed = None if weights is None else _cumulated(weights[items])
        removed = np.arange(len(codes)) if self._removed is None else self._removed[:-1]
        starts = (
            codes if self._cumulative is None else users * self._width + self._cumulative[items]
        )
        self._gaps = SortedNumbers(starts - removed)
        before = firsts if self._removed is None else self._removed[firsts]
        self._first_ranks = np.arange(num_users + 1) * self._width - before
        self.total = int(self._first_ranks[-1])
        self.user_totals = np.diff(self._first_ranks)

    def at(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ranks -> (users, items), both int64 [ranks].

        Without weights the ranks 0..total-1 are all the unobserved pairs, each once, in order.

        Args:
            ranks: int64 [ranks] in 0..total-1, in any order; sorted ones are faster.
        """
        before = self._gaps.count_up_to(ranks)
        positions = ranks + (before if self._removed is None else self._removed[before])
        users, items = np.divmod(positions, self._width)
        if self._cumulative is not None:
            items = np.searchsorted(self._cumulative, items, side="right") - 1
        return users, items

    def draw(self, generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Unobserved pairs, drawn with replacement in proportion to the weights.

        Returns:
            (users, items), int64 [size], in random order.
        """
        ranks = generator.integers(self.total, size=size)
        ranks.sort()
        order = generator.permutation(size)
        users, items = self.at(ranks)
        return users.take(order), items.take(order)

    def draw_for(self, generator: np.random.Generator, users: np.ndarray) -> np.ndarray:
        """For each user given one of the user's own unobserved items, by the weights.

        Args:
            users: int [draws], any order, any number of times; none whose total is 0.

        Returns:
            int64 [draws] items.
        """
        first, end = self._first_ranks.take(users), self._first_ranks.take(users + 1)
        ranks = generator.integers(first, end)
        order = ranks.argsort()  # a search in order walks through memory instead of jumping
        items = np.empty_like(ranks)
        items[order] = self.at(ranks[order])[1]
        return items

    def log_probability(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """log q(item | user) of what `draw_for` draws: log(weight / the user's total).

        Returns:
            float64 [pairs]; of no meaning for observed pairs.
        """
        weights = 1 if self._weights is None else self._weights.take(items)
        return np.log(weights) - np.log(self.user_totals.take(users))


class SortedNumbers:
    """Sorted numbers, to be counted: what np.searchsorted does, three times as fast for millions.

    Every 32nd number, which a cache holds, is searched first; then all places are halved together.

    Args:
        numbers: int64 [n], sorted.
    """

    def __init__(self, numbers: np.ndarray):
        self._coarse = numbers[::_STRIDE].copy()
        self._numbers = np.append(numbers, np.full(_STRIDE, np.iinfo(np.int64).max))

    def count_up_to(self, limits: np.ndarray) -> np.ndarray:
        """int64 [limits]: how many of the numbers are not above each; sorted limits are faster."""
        last = (np.searchsorted(self._coarse, limits, side="right") - 1) * _STRIDE
        np.maximum(
            last, -1, out=last
        )  # the place of a number not above the limit; -1: there is none
        step = _STRIDE // 2
        while step:
            last += step * (self._numbers.take(last + step) <= limits)
            step //= 2
        return last + 1


def _check_size(num_users: int, num_items: int) -> None:
    if num_users < 1 or num_items < 1:
        raise SamplingError(
            f"found {num_users:,} users and {num_items:,} items, expected one of each at least"
        )
    if num_users * num_items >= _MOST_PLACES:
        raise SamplingError(
            f"found {num_users:,} users and {num_items:,} items, whose pairs int64 can't number; "
            "leave users or items out"
        )


def _cumulated(lengths: np.ndarray) -> np.ndarray:
    """[n] -> int64 [n + 1], from 0 on."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
