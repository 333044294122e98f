"""Unobserved pairs: every draw against a list of all pairs that there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sampling.order.pair_ranks import SortedNumbers, UnobservedPairs, integer_weights, pair_codes
from tests import stress_pairs


@st.composite
def matrices(draw):
    """bool [users, items]: what was observed, users from empty to full."""
    users, items = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    cells = draw(st.lists(st.booleans(), min_size=users * items, max_size=users * items))
    return np.array(cells).reshape(users, items)


def pairs_of(matrix, weights=None):
    return UnobservedPairs(np.flatnonzero(matrix), *matrix.shape, weights)


@given(matrices())
def test_the_ranks_are_the_unobserved_pairs_in_order(matrix):
    pairs = pairs_of(matrix)
    assert pairs.total == np.count_nonzero(~matrix)
    users, items = pairs.at(np.arange(pairs.total))
    assert (users * matrix.shape[1] + items).tolist() == np.flatnonzero(~matrix).tolist()
    assert pairs.user_totals.tolist() == (~matrix).sum(axis=1).tolist()


@given(matrices(), st.data())
def test_with_weights_every_pair_has_as_many_ranks_as_it_weighs(matrix, data):
    items = matrix.shape[1]
    weights = np.array(data.draw(st.lists(st.integers(0, 5), min_size=items, max_size=items)))
    pairs = pairs_of(matrix, weights)
    left = ~matrix * weights
    assert pairs.user_totals.tolist() == left.sum(axis=1).tolist()
    assert pairs.total == left.sum()
    users, items = pairs.at(np.arange(pairs.total))
    counted = np.zeros_like(left)
    np.add.at(counted, (users, items), 1)
    np.testing.assert_array_equal(counted, left)


@given(matrices(), st.data(), st.integers(0, 2**32))
def test_what_is_drawn_for_a_user_is_the_users_and_unobserved(matrix, data, seed):
    able = np.flatnonzero(~matrix.all(axis=1))
    if len(able) == 0:
        return
    users = np.array(data.draw(st.lists(st.sampled_from(able.tolist()), max_size=50)), np.int64)
    items = pairs_of(matrix).draw_for(np.random.default_rng(seed), users)
    assert not matrix[users, items].any()


@given(matrices(), st.integers(0, 50), st.integers(0, 2**32))
def test_what_is_drawn_is_unobserved(matrix, size, seed):
    pairs = pairs_of(matrix)
    if pairs.total == 0:
        return
    users, items = pairs.draw(np.random.default_rng(seed), size)
    assert len(users) == len(items) == size
    assert not matrix[users, items].any()


@given(
    st.lists(st.integers(0, 300), max_size=200).map(sorted),
    st.lists(st.integers(-5, 400), max_size=30),
)
def test_counting_is_searching(numbers, limits):
    numbers, limits = np.array(numbers, np.int64), np.array(limits, np.int64)
    expected = np.searchsorted(numbers, limits, side="right")
    np.testing.assert_array_equal(SortedNumbers(numbers).count_up_to(limits), expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6))))
def test_codes_are_sorted_and_each_there_once(pairs):
    users, items = np.array(pairs, np.int32).reshape(-1, 2).T
    assert pair_codes(users, items, 7).tolist() == sorted({7 * u + i for u, i in pairs})


def test_codes_of_many_users_and_items_do_not_overflow():
    users, items = np.full(1, 2**30, np.int32), np.full(1, 2**30, np.int32)
    assert pair_codes(users, items, 2**31).tolist() == [2**61 + 2**30]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any),
    st.sampled_from([0, 0.5, 0.75, 1, 2]),
    st.integers(1, 10**6),
)
@example([4096], 1, 1)  # the largest weight there is, but for rounding
def test_integer_weights_are_in_proportion(popularity, alpha, num_users):
    weights = integer_weights(np.array(popularity), alpha, num_users)
    assert num_users * weights.sum() < 2**62 and weights.sum() < 2**52
    expected = np.array(popularity, float) ** alpha
    assert ((weights > 0) == (expected > 0)).all()
    share = weights / weights.sum()
    np.testing.assert_allclose(share, expected / expected.sum(), rtol=1e-6, atol=1e-12)


def test_whole_weights_are_in_exact_proportion():
    weights = integer_weights(np.array([0, 1, 7, 1000]), 1, 6040)
    assert (weights[1:] // weights[1]).tolist() == [1, 7, 1000]
    assert (weights[1:] % weights[1] == 0).all()


@pytest.mark.parametrize(("users", "items"), [(0, 5), (5, 0)])
def test_nobody_or_nothing_is_refused(users, items):
    with pytest.raises(ValueError, match="one of each at least"):
        UnobservedPairs(np.empty(0, np.int64), users, items)


def test_more_pairs_than_int64_numbers_are_refused():
    with pytest.raises(ValueError, match="int64 can't number"):
        UnobservedPairs(np.empty(0, np.int64), 2**31, 2**31)
    with pytest.raises(ValueError, match="int64 to number"):
        integer_weights(np.array([2**20, 1]), 3, 2**30)


@pytest.mark.parametrize("kind", stress_pairs.KINDS)
def test_draws_follow_the_exact_distribution(kind):
    """Chi-square over every pair of small matrices, users from empty to all but one."""
    assert min(stress_pairs.p_values(kind, draws=60_000, seed=0)) > 1e-5


@pytest.mark.parametrize("kind", stress_pairs.KINDS)
def test_no_draw_of_many_is_an_observed_pair(kind):
    assert stress_pairs.observed_draws(kind, draws=200_000, seed=0) == 0


def test_log_q_is_the_logarithm_of_the_exact_probability():
    observed, popularity = stress_pairs.small_matrix(seed=1), np.array([0, 3, 1, 40, 7, 2, 9])
    weights = integer_weights(popularity, 0.75, len(observed))
    pairs = pairs_of(observed, weights)
    left = ~observed * popularity**0.75
    users, items = np.nonzero(left)
    exact = left[users, items] / left.sum(axis=1)[users]
    np.testing.assert_allclose(pairs.log_probability(users, items), np.log(exact), atol=1e-9)
