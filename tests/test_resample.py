"""Rates per row: exact totals, the rate of each row on average, and no more spread than need be."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import InputFnResample, Schema
from sampling.order.rates import Rates
from tests import written
from tests.conftest import ids_of

SCHEMA = Schema.from_dict({"id": int, "rate": float, "label": int}, label="label")


def write(folder, rates, files=2, labels=0):
    rows = pd.DataFrame({"id": range(len(rates)), "rate": rates, "label": labels})
    for index, part in enumerate(np.array_split(np.arange(len(rows)), files)):
        rows.iloc[part].to_csv(folder / f"{index}.csv", index=False)
    return str(folder / "*.csv")


def copies_of(input_fn, number):
    """int [epochs, number]: how often each id comes in each epoch."""
    ids = ids_of(list(input_fn.batches()))
    parts = np.split(ids, input_fn.num_epochs)
    return np.array([np.bincount(part, minlength=number) for part in parts])


# --- arithmetic ---

some_rates = st.floats(1e-29, 5) | st.sampled_from([0.0, 1.0, 0.5, 1e-6]) | st.integers(0, 30)


@given(
    st.lists(st.lists(some_rates, max_size=12), min_size=1, max_size=12),
    st.integers(0, 2**33),
    st.data(),
)
def test_copies_add_up_and_are_rates_rounded(of_blocks, seed, data):
    every = np.array([rate for block in of_blocks for rate in block], float)
    if not every.sum():
        return
    sums, sizes = np.array([sum(block) for block in of_blocks]), np.array(list(map(len, of_blocks)))
    wanted = data.draw(st.integers(1, 200))
    rates = Rates(np.array(sums, float), sizes, wanted)
    for pass_ in range(3):
        halves = [np.flatnonzero(np.arange(len(sizes)) % 2 == half) for half in (0, 1)]
        copies = np.zeros(len(every), np.int64)
        for blocks in halves:  # rounds have blocks from all over the files
            if len(blocks):
                is_in = np.isin(np.repeat(np.arange(len(sizes)), sizes), blocks)
                copies[is_in] = rates.copies(every[is_in], blocks, (seed, pass_))
        assert copies.sum() == wanted
        scaled = every * rates.scale
        assert (copies >= np.floor(scaled - 1e-6)).all()
        assert (copies <= np.ceil(scaled + 1e-6)).all()
        # Of every block its share, rounded up or down.
        for block, rows in enumerate(np.split(np.arange(len(every)), np.cumsum(sizes)[:-1])):
            assert abs(copies[rows].sum() - sums[block] * rates.scale) < 1 + 1e-6


@settings(max_examples=40)
@given(
    rates=st.lists(some_rates, min_size=1, max_size=150).filter(any),
    pool_rows=st.integers(1, 90),
    files=st.integers(1, 3),
    seed=st.integers(0, 2**33),
    shuffle=st.booleans(),
    overall_rate=st.none() | st.floats(0.01, 3),
)
def test_an_epoch_has_the_sum_of_the_rates(rates, pool_rows, files, seed, shuffle, overall_rate):
    rates = np.array(rates, np.float32).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        options = {"pool_rows": pool_rows, "seed": seed, "shuffle": shuffle, "num_epochs": 3}
        glob = write(Path(folder), rates, files)
        input_fn = InputFnResample(glob, SCHEMA, "rate", overall_rate=overall_rate, **options)
        total = rates.sum() if overall_rate is None else overall_rate * len(rates)
        assert input_fn.rows_per_epoch == max(1, round(total))
        copies = copies_of(input_fn, len(rates))
        scaled = rates * input_fn.describe()["rates_are_scaled_by"]
        assert scaled.sum() == pytest.approx(input_fn.rows_per_epoch)
        assert (copies >= np.floor(scaled - 1e-5)).all()
        assert (copies <= np.ceil(scaled + 1e-5)).all()
        ids = ids_of(list(input_fn.batches()))
        if not shuffle:
            assert all((np.diff(part) >= 0).all() for part in np.split(ids, 3))


def test_whole_rates_are_exact(tmp_path):
    rates = np.array([0, 1, 2, 3, 0, 5] * 20)
    copies = copies_of(InputFnResample(write(tmp_path, rates), SCHEMA, "rate", num_epochs=3), 120)
    assert (copies == rates).all()


# --- by which chance ---


@pytest.mark.parametrize("pool_rows", [30, 10_000])
def test_every_row_comes_as_often_as_its_rate_says(tmp_path, pool_rows):
    """Within what independent draws would do; a rate that is wrong by a tenth is not."""
    rates = np.tile([0.1, 2.5, 0.9, 0.05, 1.0, 0.45], 12)
    epochs = 600
    glob = write(tmp_path, rates)
    input_fn = InputFnResample(glob, SCHEMA, "rate", num_epochs=epochs, pool_rows=pool_rows)
    copies = copies_of(input_fn, len(rates))
    fraction = rates % 1
    spread = np.sqrt(epochs * np.maximum(fraction * (1 - fraction), 1e-9))
    z = (copies.sum(axis=0) - epochs * rates)[fraction > 0] / spread[fraction > 0]
    assert np.abs(z).max() < stats.norm.isf(1e-4 / len(rates))
    assert (copies[:, rates == 1] == 1).all()
    by_rate = [copies[:, rates == rate].mean() for rate in (0.1, 2.5, 0.9, 0.05, 0.45)]
    np.testing.assert_allclose(by_rate, [0.1, 2.5, 0.9, 0.05, 0.45], rtol=0.1)


def test_rows_of_one_block_come_together_as_by_chance(tmp_path):
    """All pairs are equally likely: a period in the files does not go with that of the marks."""
    rates = np.full(20, 0.25)
    epochs = 3000
    input_fn = InputFnResample(write(tmp_path, rates, 1), SCHEMA, "rate", num_epochs=epochs)
    copies = copies_of(input_fn, 20)
    assert set(copies.sum(axis=1)) == {5}
    together = (copies.T @ copies)[np.triu_indices(20, 1)]
    expected = epochs * 5 * 4 / (20 * 19)
    z = (together - expected) / np.sqrt(expected)
    assert np.abs(z).max() < stats.norm.isf(1e-4 / len(z))


def test_seeds_and_passes_differ(tmp_path):
    glob = write(tmp_path, np.full(200, 0.5))
    one = copies_of(InputFnResample(glob, SCHEMA, "rate", num_epochs=2), 200)
    other = copies_of(InputFnResample(glob, SCHEMA, "rate", num_epochs=2, seed=1), 200)
    assert (one[0] != one[1]).any() and (one[0] != other[0]).any()


def test_inverse_weights_give_the_sums_of_the_files(tmp_path):
    """Horvitz and Thompson: unbiased for any column; here rates go with what is summed."""
    generator = np.random.default_rng(0)
    rates = generator.uniform(0.05, 1.5, 400)
    glob = write(tmp_path, rates)
    input_fn = InputFnResample(glob, SCHEMA, "rate", weight="inverse", num_epochs=300)
    features, _, weights = zip(*input_fn.batches(), strict=True)
    ids, weights = ids_of(features), np.concatenate(weights)
    scaled = rates * input_fn.describe()["rates_are_scaled_by"]
    np.testing.assert_allclose(weights, 1 / scaled[ids], rtol=1e-5)
    sums = np.add.reduceat(weights * ids, np.arange(0, len(ids), input_fn.rows_per_epoch))
    error = sums.mean() - np.arange(400).sum()
    assert abs(error) < 4.5 * sums.std() / np.sqrt(300)
    assert sums.std() / np.arange(400).sum() < 0.1


def test_the_spread_is_less_than_of_independent_draws(tmp_path):
    """The files are sorted by what is counted, and every block has its share of an epoch."""
    rates = np.full(2000, 0.1)
    input_fn = InputFnResample(
        write(tmp_path, rates, 4), SCHEMA, "rate", num_epochs=100, pool_rows=100
    )
    first_half = copies_of(input_fn, 2000)[:, :1000].sum(axis=1)
    assert first_half.std() < 1 < np.sqrt(1000 * 0.1 * 0.9) / 9


# --- rates, weights ---


def test_own_weights_are_multiplied(tmp_path):
    schema = Schema.from_dict(
        {"id": int, "rate": float, "w": float, "label": int}, label="label", weight="w"
    )
    rows = pd.DataFrame({"id": range(60), "rate": 0.5, "w": np.arange(60) + 1.0, "label": 0})
    written.write(rows, tmp_path / "rows.parquet")
    glob = str(tmp_path / "*.parquet")
    for weight, factor in ((None, 1), ("inverse", 2)):
        input_fn = InputFnResample(glob, schema, "rate", weight=weight)
        for features, _, weights in input_fn.batches():
            np.testing.assert_allclose(weights, factor * (features["id"] + 1), rtol=1e-6)
            assert set(features) == {"id"}


@pytest.mark.parametrize(
    "rate",
    [
        lambda table: pc.if_else(pc.equal(table["label"], 1), 1.0, 0.1),
        lambda table: np.where(np.asarray(table["label"]) == 1, 1.0, 0.1),
        lambda table: pc.if_else(pc.equal(table["label"], 1), 1.0, 0.1).combine_chunks(),
        lambda table: [1.0 if label else 0.1 for label in table["label"].to_pylist()],
    ],
)
def test_a_function_of_the_table_gives_rates(tmp_path, rate):
    labels = (np.arange(220) % 11 == 0).astype(int)
    glob = write(tmp_path, np.zeros(220), labels=labels)
    input_fn = InputFnResample(glob, SCHEMA, rate, num_epochs=2)
    assert set(next(input_fn.batches())[0]) == {"id", "rate"}
    copies = copies_of(input_fn, 220)
    assert (copies[:, labels == 1] == 1).all() and set(copies.sum(axis=1)) == {40}


def test_rates_are_of_the_table_after_the_transform(tmp_path):
    glob = write(tmp_path, np.ones(40))
    input_fn = InputFnResample(
        glob,
        SCHEMA,
        lambda table: table["half"],
        transform=lambda table: table.append_column("half", pc.divide(table["rate"], 2)),
    )
    assert input_fn.rows_per_epoch == 20 == len(ids_of(list(input_fn.batches())))


def test_the_prior_of_the_files_and_of_the_sample(tmp_path):
    labels = (np.arange(220) % 11 == 0).astype(int)
    glob = write(tmp_path, np.where(labels == 1, 1.0, 0.1), labels=labels)
    prior = InputFnResample(glob, SCHEMA, "rate").prior()
    assert prior.files == pytest.approx((10 / 11, 1 / 11))
    assert prior.stream == pytest.approx((0.5, 0.5))
    prior = InputFnResample(glob, SCHEMA, "rate", weight="inverse").prior()
    assert prior.stream == pytest.approx((10 / 11, 1 / 11))


def test_a_state_of_other_rates_is_refused(tmp_path):
    glob = write(tmp_path, np.ones(40))
    state = InputFnResample(glob, SCHEMA, lambda table: np.full(len(table), 0.5)).state(3)
    with pytest.raises(ValueError, match="the state was made with rates = '20 with checksum"):
        InputFnResample(glob, SCHEMA, lambda table: np.full(len(table), 0.4)).restore(state)


def test_it_goes_on_in_the_midst_of_a_pass(tmp_path):
    glob = write(tmp_path, np.tile([0.1, 2.5, 0.9], 100))

    def make():
        return InputFnResample(glob, SCHEMA, "rate", pool_rows=50, num_epochs=None)

    stream = ids_of(list(itertools.islice(make().batches(), 10)))
    for rows in (0, 1, 99, 350, 351, 600):
        restored = make()
        restored.restore(make().state(rows))
        following = ids_of(list(itertools.islice(restored.batches(), 3)))
        np.testing.assert_array_equal(following, stream[rows : rows + len(following)])


@pytest.mark.parametrize("number", [2, 5])
@pytest.mark.parametrize("pool_rows", [40, 10_000])
def test_workers_have_rows_of_their_own_and_an_epoch_between_them(tmp_path, number, pool_rows):
    rates = np.tile([0.1, 2.5, 0.9, 0.4], 60)
    glob, epochs = write(tmp_path, rates), 40
    options = {"pool_rows": pool_rows, "num_epochs": epochs, "weight": "inverse"}
    copies, masses = [], []
    for index in range(number):
        input_fn = InputFnResample(glob, SCHEMA, "rate", **options)
        context = tf.distribute.InputContext(number, index)
        features, _, weights = zip(*input_fn.batches(input_context=context), strict=True)
        weights = np.concatenate(weights)
        ids = ids_of(features)[weights > 0]
        assert len(ids) == epochs * input_fn.rows_per_worker(number)[index]
        copies.append(np.bincount(ids, minlength=len(rates)))
        masses.append(weights.sum() / epochs)
    assert sum(input_fn.rows_per_worker(number)) == input_fn.rows_per_epoch == 234
    assert ((np.array(copies) > 0).sum(axis=0) == 1).mean() > 0.98  # some 0.1 may never come
    assert ((np.array(copies) > 0).sum(axis=0) <= 1).all()
    together = np.sum(copies, axis=0)
    for rate in (0.1, 2.5, 0.9, 0.4):
        assert together[rates == rate].mean() == pytest.approx(epochs * rate, rel=0.25)
    assert sum(masses) == pytest.approx(len(rates), rel=0.05)


# --- bad input ---


@pytest.mark.parametrize("rate", [-0.5, float("inf"), float("nan"), 1e-40])
def test_a_bad_rate_is_named_with_its_place(tmp_path, rate):
    glob = write(tmp_path, np.ones(100), files=1)

    def rates(table):
        return np.where(np.asarray(table["id"]) == 57, rate, 1.0)

    message = f"0.csv, line 59: found the rate {rate:g}, expected a finite number, not negative"
    with pytest.raises(ValueError, match=message):
        list(InputFnResample(glob, SCHEMA, rates).batches())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,-1,0", "line 2, column 'rate': found the rate -1, expected a finite number"),
        ("1,nan,0", "line 2, column 'rate': found 'nan', expected a value"),
        ("1,,0", "line 2, column 'rate': found nothing, expected a value"),
        ("1,0,0", "files: the rates of 1 rows add up to 0, expected more than 0"),
    ],
)
def test_a_bad_column_of_rates_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(f"id,rate,label\n{text}\n")
    with pytest.raises(ValueError, match=message):
        list(InputFnResample(str(tmp_path / "a.csv"), SCHEMA, "rate").batches())


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (lambda table: 0.5, r"rate returned an array of shape \[\] and type float64"),
        (lambda table: [0.5], r"of shape \[1\] and type float64 for a table of 40 rows"),
        (lambda table: ["x"] * len(table), "expected a number for each row"),
        (lambda table: np.full(len(table), 1e9), "the rates ask for 40,000,000,000 rows out of 40"),
    ],
)
def test_a_bad_function_is_refused(tmp_path, rate, message):
    with pytest.raises(ValueError, match=message):
        list(InputFnResample(write(tmp_path, np.ones(40)), SCHEMA, rate).batches())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": "label"}, "rate is 'label', expected a column of numbers among id, rate"),
        ({"rate": "no"}, "rate is 'no', expected a column of numbers among id, rate"),
        ({"rate": 0.5}, "rate is 0.5, expected a column of numbers among id, rate"),
        ({"rate": "rate", "overall_rate": 0}, "overall_rate is 0, expected a finite number above"),
        ({"rate": "rate", "weight": "auto"}, "weight is 'auto', expected one of 'inverse'"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        InputFnResample(write(tmp_path, np.ones(4)), SCHEMA, **options)


def test_a_table_in_memory_is_resampled_too():
    table = pa.table({"id": range(100), "rate": [0.5] * 100, "label": [0] * 100})
    ids = ids_of(list(InputFnResample(table, SCHEMA, "rate").batches()))
    assert len(ids) == 50 and Counter(ids.tolist()).most_common(1)[0][1] == 1
