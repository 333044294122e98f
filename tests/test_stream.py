"""The order of reading: pure arithmetic, against its definition and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sampling.order import rounds, spread
from sampling.order.shares import EVERYTHING, Share
from sampling.order.stretches import Order


@given(st.integers(1, 300), st.integers(0, 2**40))
def test_spread_order_is_a_permutation(n, seed):
    order = spread.spread_order(n, range(n), [seed])
    assert sorted(order) == list(range(n))


@given(st.integers(1, 10**9), st.integers(0, 2**40), st.data())
def test_any_place_can_be_asked_alone(n, seed, data):
    places = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=20))
    together = spread.spread_order(n, places, [seed])
    alone = [int(spread.spread_order(n, [place], [seed])[0]) for place in places]
    assert together.tolist() == alone
    assert together.min() >= 0 and together.max() < n


@given(st.integers(2, 300), st.integers(0, 1000), st.data())
def test_every_run_holds_its_share_of_either_half(n, seed, data):
    start = data.draw(st.integers(0, n - 1))
    length = data.draw(st.integers(1, n - start))
    run = spread.spread_order(n, range(start, start + length), [seed])
    left = n // 2
    assert abs(np.count_nonzero(run < left) - length * left / n) < 1
    quarter = left // 2
    assert abs(np.count_nonzero(run < quarter) - length * quarter / n) < 2


@pytest.mark.parametrize("n", [2, 3, 5, 7, 12, 16])
def test_every_block_is_equally_likely_at_every_place(n):
    draws = 4000
    counts = np.zeros((n, n))
    for seed in range(draws):
        counts[np.arange(n), spread.spread_order(n, range(n), [seed])] += 1
    p_values = [stats.chisquare(of_place).pvalue for of_place in counts]
    assert min(p_values) > 1e-4 / n


def test_orders_of_two_passes_differ():
    orders = [spread.spread_order(50, range(50), [0, 0, pass_]).tolist() for pass_ in range(3)]
    assert orders[0] != orders[1] != orders[2]


@given(st.integers(1, 5000), st.integers(1, 100))
def test_rounds_cut_the_order_without_gap_or_overlap(num_blocks, num_rounds):
    num_rounds = min(num_rounds, num_blocks)
    ranges = [rounds.round_places(r, num_rounds, num_blocks) for r in range(num_rounds)]
    assert [place for places in ranges for place in places] == list(range(num_blocks))
    assert max(map(len, ranges)) - min(map(len, ranges)) <= 1


def test_a_class_that_fits_the_pool_is_one_round():
    assert rounds.count_rounds(200, 131_072, 10 * 2**20, 131_072) == 1
    assert rounds.count_rounds(200, 131_073, 10 * 2**20, 131_072) == 2


def test_a_round_is_at_most_64_mib():
    assert rounds.count_rounds(10_000, 1000, 640 * 2**20, 131_072) == 10


class Rows:
    """A class of blocks of these sizes; a row is its number."""

    role = "rows"

    def __init__(self, sizes):
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.num_blocks = len(sizes)
        self.order = Order(np.ones(len(sizes), np.int64), 1)
        self.estimated_rows = self.decoded_bytes = sum(sizes)

    def check_unchanged(self):
        pass

    def load(self, blocks, following=None):
        rows = [np.arange(self.starts[block], self.starts[block + 1]) for block in blocks]
        return np.concatenate(rows), sum(map(len, rows))

    def rows_of_blocks(self):
        return np.diff(self.starts)

    def share(self, shard=EVERYTHING, seed=0, shuffle=True, pool_rows=40):
        number = rounds.rounds_of(self, pool_rows)
        counts = self.rows_of_blocks
        return Share(self.order, number, counts, (seed, 0), shuffle, shard, self.role)

    def stream(self, seed=0, shuffle=True, pool_rows=40, cursor=None, shard=EVERYTHING):
        share = self.share(shard, seed, shuffle, pool_rows)
        return rounds.Stream(self, self.load, (seed, 0), shuffle, pool_rows, share, cursor)


def rows_of(slices):
    return [int(row) for each in slices for row in each.columns[each.rows]]


block_sizes = st.lists(st.integers(0, 12), min_size=1, max_size=40).filter(any)


@given(block_sizes, st.integers(0, 99), st.booleans(), st.lists(st.integers(1, 50), max_size=8))
def test_each_pass_has_every_row_once(sizes, seed, shuffle, takes):
    total = sum(sizes)
    taken = Rows(sizes).stream(seed, shuffle)
    rows = [row for n in [*takes, 3 * total] for row in rows_of(taken.take(n))]
    assert len(rows) == sum(takes) + 3 * total
    for start in range(0, len(rows) - total + 1, total):
        assert sorted(rows[start : start + total]) == list(range(total))


@given(block_sizes, st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_how_much_is_taken_at_a_time_does_not_change_the_rows(sizes, takes):
    in_pieces, at_once = Rows(sizes).stream(), Rows(sizes).stream()
    rows = [row for n in takes for row in rows_of(in_pieces.take(n))]
    assert rows == rows_of(at_once.take(sum(takes)))


@given(block_sizes, st.integers(0, 200), st.integers(1, 60))
def test_a_stream_goes_on_from_its_cursor(sizes, before, after):
    through = Rows(sizes).stream()
    through.take(before)
    anew = Rows(sizes).stream(cursor=through.cursor)
    assert rows_of(anew.take(after)) == rows_of(through.take(after))
    assert anew.cursor == through.cursor


@given(block_sizes, st.integers(1, 60))
def test_within_a_pass_an_empty_take_is_its_end(sizes, at_a_time):
    taken = Rows(sizes).stream()
    for pass_ in range(3):
        rows = []
        while slices := taken.take(at_a_time, within_pass=True):
            rows += rows_of(slices)
        assert sorted(rows) == list(range(sum(sizes)))
        assert taken.cursor[:3] == (pass_ + 1, 0, 0)
        assert taken.rows_of_a_pass == sum(sizes)


def test_a_class_of_one_round_is_permuted_row_by_row():
    """Each row is equally likely to come first, whichever block it stands in."""
    sizes, draws = [5, 1, 10, 4], 8000
    first = [rows_of(Rows(sizes).stream(seed).take(1))[0] for seed in range(draws)]
    assert stats.chisquare(np.bincount(first, minlength=20)).pvalue > 1e-4


def test_a_class_without_rows_is_an_error_and_no_endless_loop():
    with pytest.raises(ValueError, match="rows: no rows"):
        Rows([0, 0]).stream().take(1)
