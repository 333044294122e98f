"""Which rows are whose: disjoint, complete, balanced, the same in every pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sampling import InputFn
from sampling.order.shares import EVERYTHING, Shard, divide
from sampling.order.stretches import Order
from tests.conftest import SCHEMA, write_classes
from tests.test_stream import Rows, rows_of

block_sizes = st.lists(st.integers(0, 12), min_size=1, max_size=120).filter(any)
numbers = st.integers(1, 9)


def passes_of(sizes, number, passes=1, **options):
    """Rows of each worker in each pass: [workers][passes]."""
    of_workers = []
    for index in range(number):
        stream = Rows(sizes).stream(shard=Shard(index, number), **options)
        of_passes = []
        for _ in range(passes):
            rows = []
            while slices := stream.take(7, within_pass=True):
                rows += rows_of(slices)
            of_passes.append(rows)
        of_workers.append(of_passes)
    return of_workers


def blocks_of(share):
    return share.in_file_order(range(share.num_blocks))


@given(block_sizes, numbers, st.integers(0, 99), st.booleans(), st.integers(1, 200))
def test_workers_have_each_row_once_in_every_pass(sizes, number, seed, shuffle, pool_rows):
    total = sum(sizes)
    if total < number:
        return
    options = {"seed": seed, "shuffle": shuffle, "pool_rows": pool_rows}
    share = Rows(sizes).share(Shard(0, number), **options)
    if not share.counts.all():
        return  # all blocks of a worker are empty, which is refused when they are read
    of_workers = passes_of(sizes, number, 2, **options)
    for pass_ in range(2):
        rows = [row for each in of_workers for row in each[pass_]]
        assert sorted(rows) == list(range(total))
    assert [len(each[0]) for each in of_workers] == share.counts.tolist()
    for first, second in of_workers:
        assert set(first) == set(second)
        assert shuffle or first == second == sorted(first)


@given(st.integers(1, 4000), numbers, st.booleans())
def test_a_class_of_one_round_is_dealt_to_the_row(total, number, shuffle):
    if total < number:
        return
    sizes = np.diff([*range(0, total, 11), total]).tolist()
    counts = Rows(sizes).share(Shard(0, number), shuffle=shuffle, pool_rows=total).counts
    assert counts.max() - counts.min() <= 1


@given(st.integers(1, 3000), numbers, st.booleans(), st.integers(1, 50))
def test_workers_have_as_many_rows_give_or_take_few(num_blocks, number, shuffle, pool_rows):
    sizes = [10] * num_blocks
    counts = Rows(sizes).share(Shard(0, number), shuffle=shuffle, pool_rows=pool_rows).counts
    by_blocks = num_blocks >= 8 * number and 10 * num_blocks > pool_rows
    assert counts.max() - counts.min() <= (10 if by_blocks and number > 1 else 1)
    assert not by_blocks or counts.max() / counts.min() <= 1.25


@given(st.integers(2, 9), st.integers(0, 99))
def test_a_worker_reads_no_block_of_another(number, seed):
    sizes = [10] * (20 * number)
    blocks = [blocks_of(Rows(sizes).share(Shard(w, number), seed)) for w in range(number)]
    assert sorted(block for each in blocks for block in each) == list(range(len(sizes)))
    assert {len(each) for each in blocks} == {20}


@given(st.integers(2, 6), st.integers(0, 99))
def test_every_worker_has_its_share_of_either_half_of_the_files(number, seed):
    sizes = [10] * 400
    for index in range(number):
        blocks = blocks_of(Rows(sizes).share(Shard(index, number), seed))
        assert abs(np.count_nonzero(blocks < 200) - len(blocks) / 2) < 2


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=150),
    st.integers(2, 5),
    st.integers(0, 99),
    st.booleans(),
)
def test_what_is_read_in_sequence_is_one_workers_as_a_whole(stretches, number, seed, shuffle):
    """Or every worker's, of which it takes its rows."""
    rows = Rows([5] * sum(stretches))
    rows.order = Order(np.array(stretches), 2)
    shares = [rows.share(Shard(w, number), seed, shuffle, pool_rows=9) for w in range(number)]
    passes = [share.order(range(share.num_blocks), [seed]).tolist() for share in shares]
    in_files = [blocks_of(share).tolist() for share in shares]
    assert [sorted(each) for each in passes] == in_files
    if sum(stretches) < 8 * number * max(stretches):
        assert all(each == list(range(sum(stretches))) for each in in_files)
    else:
        assert sorted(sum(in_files, [])) == list(range(sum(stretches)))
        stretch_of = np.repeat(np.arange(len(stretches)), stretches)
        owners = [set(stretch_of[each]) for each in in_files]
        assert not set.intersection(*owners)
        assert max(map(len, in_files)) <= 1.3 * min(map(len, in_files))
    assert sum(share.count for share in shares) == 5 * sum(stretches)


@given(block_sizes, st.integers(2, 5), st.integers(0, 5))
def test_before_is_what_the_workers_before_have(sizes, number, seed):
    if sum(sizes) < number:
        return
    shares = [Rows(sizes).share(Shard(index, number), seed) for index in range(number)]
    ends = np.cumsum([share.count for share in shares])
    assert [share.before for share in shares] == [0, *ends[:-1]]
    assert ends[-1] == sum(sizes)


@pytest.mark.parametrize(
    ("sizes", "pool_rows"), [([5, 1, 10, 4], 100), ([1] * 48, 5), ([12, 9], 3)]
)
def test_each_row_of_a_block_is_equally_likely_to_be_a_workers(sizes, pool_rows):
    """Where a class of one round is dealt, blocks, or the rows of blocks."""
    draws, total = 900, sum(sizes)
    is_own = np.zeros(total)
    for seed in range(draws):
        share = Rows(sizes).share(Shard(1, 3), seed, pool_rows=pool_rows)
        blocks = blocks_of(share)
        read, num_rows = Rows(sizes).load(blocks)
        is_own[read[share.rows(blocks, num_rows)]] += 1
    of_block = np.repeat(np.arange(len(sizes)), sizes)
    if pool_rows == 3:  # a worker may have one row more of a block than another, the same ones ever
        likely = (np.bincount(of_block, is_own) / sizes / draws)[of_block]
        assert np.abs(likely - 1 / 3).max() < 0.1
    else:
        likely = np.full(total, share.count / total)
    deviation = (is_own - draws * likely) / np.sqrt(draws * likely * (1 - likely))
    assert np.abs(deviation).max() < stats.norm.isf(1e-4 / total)


def test_workers_orders_are_their_own():
    orders = passes_of([10] * 4, 2, pool_rows=40)
    ranks = [np.argsort(np.argsort(rows)).tolist() for (rows,) in orders]
    assert ranks[0] != ranks[1]


def test_alone_it_is_everything():
    share = Rows([3, 4]).share(EVERYTHING)
    assert (share.num_blocks, share.count, share.before, share.key) == (2, 7, 0, ())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((2, 2), "worker 2 of 2"), ((0, 0), "number of workers is 0"), ((-1, 2), "worker is -1")],
)
def test_a_shard_that_cannot_be_is_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        Shard(*arguments)


def test_fewer_rows_than_workers_are_refused():
    with pytest.raises(ValueError, match="rows: found 2 rows for 3 workers"):
        Rows([2]).stream(shard=Shard(0, 3)).take(1)


@given(
    st.sampled_from([0.1, 1 / 3, 1, 2.5, 7]), st.integers(1, 9), st.sampled_from([5, 20, 131_072])
)
def test_shares_of_a_majority_add_up(shared_classes, multiplier, number, pool_rows):
    """What one process rounds, the workers round together; each is off by less than one row."""
    options = {"multiplier": multiplier, "pool_rows": pool_rows}
    positives = InputFn(
        str(shared_classes.folder / "positive-*.csv"),
        SCHEMA,
        shuffle=True,
        pool_rows=pool_rows,
    ).rows_per_worker(number)
    rows = shared_classes.train(**options).rows_per_worker(number)
    one = shared_classes.train(**options).rows_per_epoch
    assert sum(rows) == one == 60 + math.floor(multiplier * 60 + 0.5)
    for own, own_positives in zip(rows, positives, strict=True):
        assert abs(own - own_positives - multiplier * own_positives) < 1


@given(
    st.lists(st.tuples(st.integers(9, 400), st.integers(0, 900)), min_size=2, max_size=5),
    st.integers(2, 9),
)
def test_an_epoch_of_many_classes_is_divided_to_the_row(classes_, number):
    sizes, rows = (list(column) for column in zip(*classes_, strict=True))
    if not any(rows):
        return
    of_workers = []
    for index in range(number):
        shares = [Rows([1] * size).share(Shard(index, number), pool_rows=100) for size in sizes]
        of_workers.append(divide(rows, sizes, shares))
        lead = int(np.argmax(np.divide(rows, sizes)))
        for own, each, size, share in zip(of_workers[-1], rows, sizes, shares, strict=True):
            if each % size == 0:
                assert own == each // size * share.count
            else:
                assert abs(own - each * shares[lead].count / sizes[lead]) < 1
    assert np.sum(of_workers, axis=0).tolist() == rows


@pytest.fixture(scope="module")
def shared_classes(tmp_path_factory):
    return write_classes(tmp_path_factory.mktemp("shared"), 60, 1000, 2, 5)


@pytest.mark.parametrize("number", [2, 3, 7])
def test_where_all_negatives_are_taken_each_worker_takes_its_own_once(tmp_path, number):
    classes = write_classes(tmp_path, 40, 50)
    ids = []
    for index in range(number):
        input_fn = classes.train(multiplier=3, weight="auto")
        with pytest.warns(UserWarning, match="50 negatives"):
            batches = list(input_fn.batches(input_context=context(number, index)))
        weights = np.concatenate([weights for *_, weights in batches])
        features = np.concatenate([features["id"] for features, *_ in batches])
        assert set(weights) <= {0.0, 1.0}
        ids += features[weights > 0].tolist()
    assert sorted(ids) == list(range(90))


def context(number, index):
    return tf.distribute.InputContext(number, index)


def test_over_the_epochs_workers_see_every_negative_once_before_any_again(tmp_path):
    classes = write_classes(tmp_path, 30, 300)
    seen = []
    for index in range(3):
        input_fn = classes.train(num_epochs=10)
        for features, labels, weights in input_fn.batches(input_context=context(3, index)):
            seen += features["id"][(labels == 0) & (weights > 0)].tolist()
    assert sorted(seen) == list(range(30, 330))
