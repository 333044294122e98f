"""The order of blocks that are read in sequence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sampling.order import spread
from sampling.order.stretches import Order

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=20)


@given(SIZES, st.integers(1, 6), st.integers(0, 2**40))
def test_every_block_is_there_once(sizes, at_a_time, seed):
    number = sum(sizes)
    assert sorted(Order(np.array(sizes), at_a_time)(range(number), [seed])) == list(range(number))


@given(st.integers(1, 300), st.integers(0, 2**40))
def test_blocks_of_their_own_are_in_the_spread_order(n, seed):
    order = Order(np.ones(n, np.int64), 1)
    np.testing.assert_array_equal(order(range(n), [seed]), spread.spread_order(n, range(n), [seed]))


@given(SIZES, st.integers(1, 6), st.integers(0, 2**40))
def test_a_stretch_is_read_as_it_lies_and_goes_round_once(sizes, at_a_time, seed):
    order = Order(np.array(sizes), at_a_time)(range(sum(sizes)), [seed])
    stretch_of = np.repeat(np.arange(len(sizes)), sizes)
    for stretch, size in enumerate(sizes):
        pieces = order[stretch_of[order] == stretch]
        assert set(np.diff(pieces)) <= {1, 1 - size}


@given(SIZES, st.integers(1, 6), st.integers(0, 2**40))
def test_no_more_stretches_are_under_way_than_may_be(sizes, at_a_time, seed):
    order = Order(np.array(sizes), at_a_time)(range(sum(sizes)), [seed])
    stretches = np.repeat(np.arange(len(sizes)), sizes)[order]
    spans = [np.flatnonzero(stretches == stretch)[[0, -1]] for stretch in range(len(sizes))]
    under_way = [sum(a <= place <= b for a, b in spans) for place in range(len(order))]
    assert max(under_way) <= at_a_time


def test_runs_are_spread_over_the_stretches():
    order = Order(np.full(40, 25), 512)(range(1000), [7])
    for start in range(0, 1000, 100):
        halves = order[start : start + 100] < 500
        assert abs(halves.sum() - 50) <= 1


@pytest.mark.parametrize("at_a_time", [2, 512])
def test_every_block_is_equally_likely_at_every_place(at_a_time):
    draws, number = 4000, 12
    counts = np.zeros((number, number))
    for seed in range(draws):
        counts[np.arange(number), Order(np.full(4, 3), at_a_time)(range(number), [seed])] += 1
    p_values = [stats.chisquare(of_place).pvalue for of_place in counts]
    assert min(p_values) > 1e-4 / number
