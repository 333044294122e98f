"""Downsampling: ratio, coverage and weights to the row, and a sample that is a fair one."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import Field, InputFnDownsampleWithWeight, Schema
from tests.conftest import SCHEMA, frame, ids_of, write_classes


def epochs_of(input_fn):
    """(ids, labels, weights) of each epoch; all have as many rows."""
    features, labels, weights = zip(*input_fn.batches(), strict=True)
    columns = ids_of(features), np.concatenate(labels), np.concatenate(weights)
    return zip(*(np.split(column, input_fn.num_epochs) for column in columns), strict=True)


lopsided = {
    "positives": st.integers(1, 40),
    "negatives": st.integers(1, 400),
    "files": st.tuples(st.integers(1, 3), st.integers(1, 5)),
    "multiplier": st.one_of(st.integers(1, 6), st.floats(0.05, 8)),
    "pool_rows": st.integers(5, 150),
    "batch_size": st.integers(1, 64),
    "seed": st.integers(0, 2**33),
    "shuffle": st.booleans(),
}


@settings(max_examples=60)
@given(**lopsided)
def test_ratio_coverage_and_weighted_mass_are_exact(
    positives, negatives, files, multiplier, pool_rows, batch_size, seed, shuffle
):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few negatives: shown elsewhere
        input_fn = write_classes(Path(folder), positives, negatives, *files).train(
            multiplier=multiplier,
            pool_rows=pool_rows,
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            weight="auto",
            num_epochs=4,
        )
        seen: Counter[int] = Counter()
        for ids, labels, weights in epochs_of(input_fn):
            assert sorted(ids[labels == 1]) == list(range(positives))
            sampled = ids[labels == 0]
            assert len(sampled) == min(negatives, math.floor(multiplier * positives + 0.5))
            seen.update(sampled.tolist())
            assert weights[labels == 1].sum() == positives
            if len(sampled):
                assert weights[labels == 0].sum() == pytest.approx(negatives, rel=1e-5)
        # The majority's stream goes on over the epochs: visits differ by one at the most.
        visits = [seen[row] for row in range(positives, positives + negatives)]
        assert max(visits) - min(visits) <= 1
        assert sum(visits) == sum(seen.values())


@settings(max_examples=30)
@given(positives=st.integers(1, 50), batch_size=st.integers(1, 40), multiplier=st.floats(0.3, 4))
def test_steps_are_counted_right(positives, batch_size, multiplier):
    with tempfile.TemporaryDirectory() as folder:
        input_fn = write_classes(Path(folder), positives, 400).train(
            multiplier=multiplier, batch_size=batch_size
        )
        assert input_fn.steps_per_epoch == len(list(input_fn.batches()))
        assert (input_fn.positive_size, input_fn.negative_size) == (positives, 400)


def test_no_counting_where_it_is_not_needed(classes, monkeypatch):
    from sampling.formats.csv.blocks import CsvBlocks

    def count(self):
        raise AssertionError("counted")

    monkeypatch.setattr(CsvBlocks, "count", count)
    list(classes.train(multiplier=2).batches())
    sizes = {"positive_size": 60, "negative_size": 1000}
    input_fn = classes.train(multiplier=2, weight="auto", **sizes)
    assert (input_fn.positive_size, input_fn.negative_size) == (60, 1000)
    assert input_fn.steps_per_epoch == 2
    list(input_fn.batches())


def test_only_the_blocks_of_the_sample_are_read(tmp_path, monkeypatch):
    """Ten epochs over a majority a hundred times as large read little more than a tenth of it."""
    from sampling.formats.csv.blocks import CsvBlocks

    read = []
    original = CsvBlocks.read
    monkeypatch.setattr(
        CsvBlocks,
        "read",
        lambda self, ids, columns=None: (
            read.append((self.role, len(ids))) or original(self, ids, columns)
        ),
    )
    input_fn = write_classes(tmp_path, 50, 5000, 1, 3).train(pool_rows=60, num_epochs=10)
    list(input_fn.batches())
    blocks = sum(number for role, number in read if role == "negative_dir")
    assert 0.1 <= blocks / input_fn.blocks_of_classes()["negative_dir"].num_blocks < 0.12


# --- weights ---


def weights_by_label(input_fn):
    _, labels, weights = zip(*input_fn.batches(), strict=True)
    labels, weights = np.concatenate(labels), np.concatenate(weights)
    return weights[labels == 1], weights[labels == 0]


@pytest.mark.parametrize("weight", [1.0, 20, 3000.0, 1e5, 1e-3, np.float32(7)])
def test_a_weight_is_taken_as_it_is(classes, weight):
    positive, negative = weights_by_label(classes.train(weight=weight))
    assert set(positive) == {1.0}
    assert set(negative) == {np.float32(weight)}


@pytest.mark.parametrize("weight", [1.0, 20.0, "auto"])
@pytest.mark.parametrize("multiplier", [0.5, 1, 2.3])
def test_normalized_weights_have_mean_1_and_the_same_ratio(classes, weight, multiplier):
    options = {"weight": weight, "multiplier": multiplier}
    positive, negative = weights_by_label(classes.train(normalize_weights=True, **options))
    assert np.concatenate([positive, negative]).mean() == pytest.approx(1, rel=1e-6)
    plain_positive, plain_negative = weights_by_label(classes.train(**options))
    assert negative[0] / positive[0] == pytest.approx(plain_negative[0] / plain_positive[0])


@pytest.fixture
def weighted(tmp_path):
    """Rows whose own weight is their id + 1."""
    schema = Schema.from_dict(
        {"id": int, "x": float, "city": str, "label": int, "importance": float},
        label="label",
        weight="importance",
    )
    for name, ids in (("positive", np.arange(10)), ("negative", np.arange(10, 100))):
        rows = frame(ids, name == "positive").assign(importance=ids + 1)
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path, schema


def test_own_weights_are_multiplied(weighted):
    folder, schema = weighted
    paths = str(folder / "positive.csv"), str(folder / "negative.csv")
    input_fn = InputFnDownsampleWithWeight(*paths, schema=schema, is_train=True, weight=9.0)
    for features, labels, weights in input_fn.batches():
        own = features["id"] + 1
        np.testing.assert_allclose(weights, np.where(labels == 1, own, 9 * own))
        assert "importance" not in features
    assert "importance" not in next(iter(input_fn()))[0]


def test_over_a_pass_own_weights_keep_the_mass_of_the_files(weighted):
    folder, schema = weighted
    paths = str(folder / "positive.csv"), str(folder / "negative.csv")
    input_fn = InputFnDownsampleWithWeight(
        *paths, schema=schema, is_train=True, weight="auto", num_epochs=9
    )
    positive, negative = weights_by_label(input_fn)
    assert positive.sum() / 9 == pytest.approx(sum(range(1, 11)))
    assert negative.sum() / 9 == pytest.approx(sum(range(11, 101)))


def test_in_evaluation_the_own_weight_is_all(weighted):
    folder, schema = weighted
    test_dir = str(folder / "*.csv")
    input_fn = InputFnDownsampleWithWeight(test_dir=test_dir, schema=schema, weight=9.0)
    features, _ = next(iter(input_fn("eval")))
    np.testing.assert_array_equal(features["weight"], features["id"] + 1)


# --- recipes, and what an epoch is ---


@pytest.mark.parametrize(
    ("options", "rows", "weights", "threshold"),
    [
        # No balancing; downsampling alone; weighting alone; both. x is 25 here.
        ({"multiplier": "natural"}, (40, 1000), (1, 1), 1 / 26),
        ({"multiplier": 1}, (40, 40), (1, 1), 1 / 2),
        ({"multiplier": "natural", "positive_weight": "balanced"}, (40, 1000), (25, 1), 1 / 2),
        ({"multiplier": "natural", "positive_weight": 25}, (40, 1000), (25, 1), 1 / 2),
        ({"multiplier": 1, "weight": "auto"}, (40, 40), (1, 25), 1 / 26),
        ({"multiplier": 2, "positive_weight": "balanced"}, (40, 80), (2, 1), 1 / 2),
        ({"weight": "auto", "positive_weight": "balanced"}, (40, 40), (25, 25), 1 / 2),
        ({"epoch": "majority"}, (1000, 1000), (1, 1), 1 / 2),
        ({"epoch": "majority", "weight": "auto"}, (1000, 1000), (0.04, 1), 1 / 26),
        ({"epoch": "natural", "multiplier": 4, "weight": "auto"},
         (208, 832), (40 / 208, 1000 / 832), 1 / 26),
        ({"epoch": "majority", "multiplier": "natural"}, (40, 1000), (1, 1), 1 / 26),
        ({"epoch": "natural", "multiplier": "natural"}, (40, 1000), (1, 1), 1 / 26),
        ({"epoch": "majority", "multiplier": 50}, (40, 2000), (1, 1), 1 / 51),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shuffle", [True, False])
def test_recipes(tmp_path, options, rows, weights, threshold, shuffle):
    input_fn = write_classes(tmp_path, 40, 1000, 2, 3).train(
        num_epochs=2, shuffle=shuffle, **options
    )
    visits: Counter[int] = Counter()
    for ids, labels, of_rows in epochs_of(input_fn):
        assert ((labels == 1).sum(), (labels == 0).sum()) == rows
        for label, weight in zip((1, 0), weights, strict=True):
            np.testing.assert_allclose(of_rows[labels == label], weight, rtol=1e-6)
        visits.update(ids.tolist())
        for of_class in (range(40), range(40, 1040)):
            times = [visits[id_] for id_ in of_class]
            assert max(times) - min(times) <= 1
    assert input_fn.rows_per_epoch == sum(rows)
    assert input_fn.prior().stream[1] == pytest.approx(threshold)
    described = input_fn.describe()
    assert tuple(described["rows_in_an_epoch"].values()) == rows
    assert described["coverage_in_an_epoch"]["negative_dir"] == min(1, rows[1] / 1000)
    assert described["coverage_in_all_epochs"]["negative_dir"] == min(1, 2 * rows[1] / 1000)


@pytest.mark.parametrize("epoch", ["majority", "natural"])
def test_longer_epochs_go_on_and_are_divided_among_workers(tmp_path, epoch):
    import tensorflow as tf

    classes = write_classes(tmp_path, 30, 400, 1, 2)
    options = {"epoch": epoch, "multiplier": 3, "num_epochs": 3, "pool_rows": 100}
    visits = Counter(ids_of(list(classes.train(**options).batches())).tolist())
    for of_class in (range(30), range(30, 430)):
        times = [visits[id_] for id_ in of_class]
        assert max(times) - min(times) <= 1
    rows = classes.train(**options).rows_per_worker(3)
    assert sum(rows) == classes.train(**options).rows_per_epoch
    seen: Counter[int] = Counter()
    for index in range(3):
        context = tf.distribute.InputContext(3, index)
        for features, _, weights in classes.train(**options).batches(input_context=context):
            seen.update(features["id"][weights > 0].tolist())
    assert sum(seen.values()) == 3 * sum(rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": "all"}, "epoch is 'all', expected one of 'minority', 'majority', 'natural'"),
        ({"multiplier": "all"}, "multiplier is 'all', expected a number above 0, or 'natural'"),
        ({"positive_weight": 0}, "positive_weight is 0, expected a finite number above 0"),
        ({"positive_weight": "auto"}, "expected a number above 0, or 'balanced'"),
    ],
)
def test_bad_recipes_are_refused(classes, options, message):
    with pytest.raises(ValueError, match=message):
        classes.train(**options)


# --- evaluation ---


def test_test_files_come_whole_and_in_order_whatever_the_training_arguments(classes):
    input_fn = classes.test(shuffle=True, num_epochs=5, multiplier=3, weight="auto")
    ids = ids_of(list(input_fn.batches()))
    expected = list(range(60, 1060)) + list(range(60))
    assert ids.tolist() == expected
    assert {float(w) for *_, weights in input_fn.batches() for w in weights} == {1.0}
    assert input_fn.positive_size is None


def test_test_files_are_not_trained_on(classes):
    with pytest.raises(ValueError, match="is_train=True"):
        classes.test()("train")


def test_without_shuffling_positives_keep_their_order_and_negatives_are_between(classes):
    input_fn = classes.train(shuffle=False, multiplier=2)
    ids = ids_of(list(input_fn.batches()))
    assert [i for i in ids if i < 60] == list(range(60))
    assert all((ids[start : start + 3] < 60).sum() == 1 for start in range(0, 180, 3))
    negatives = ids[ids >= 60]
    assert negatives.tolist() != sorted(negatives) and negatives.max() > 900


# --- too few, or not as said ---


def test_too_few_negatives_come_once_each_with_a_warning(tmp_path):
    input_fn = write_classes(tmp_path, 30, 50).train(multiplier=2, num_epochs=2, weight="auto")
    with pytest.warns(UserWarning, match=r"50 negatives for 30 positives.*60.*ratio of 1\.667"):
        ids = ids_of(list(input_fn.batches()))
    assert Counter(ids.tolist()) == dict.fromkeys(range(80), 2)
    assert input_fn.describe()["weights"]["negative_dir"] == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"positive_size": 50}, "positive_size is 50 and the files have 60"),
        ({"negative_size": 9}, "negative_size is 9 and the files have 1,000"),
    ],
)
def test_sizes_that_are_wrong_are_warned_of_and_the_files_count(classes, given, message):
    input_fn = classes.train(weight="auto", **given)
    with pytest.warns(UserWarning, match=message):
        list(input_fn.batches())
    assert (input_fn.positive_size, input_fn.negative_size) == (60, 1000)
    _, labels, weights = zip(*input_fn.batches(), strict=True)
    mass = (np.concatenate(weights) * (np.concatenate(labels) == 0)).sum()
    assert mass == pytest.approx(1000, rel=1e-5)


def test_labels_of_the_other_class_are_warned_of_once_with_their_place(tmp_path):
    write_classes(tmp_path, 30, 300)
    rows = frame(np.arange(30), np.arange(30) >= 3)
    rows.to_csv(tmp_path / "positive-000.csv", index=False)
    input_fn = InputFnDownsampleWithWeight(
        str(tmp_path / "positive*"), str(tmp_path / "negative*"), schema=SCHEMA, is_train=True
    )
    with pytest.warns(UserWarning) as caught:
        list(input_fn.batches())
        list(input_fn.batches())
    assert len(caught) == 1
    assert "positive-000.csv, line 2, column 'label': found the label 0" in str(caught[0].message)
    assert "in 3 of the first 30 rows" in str(caught[0].message)


def test_class_files_without_a_label_have_their_class_as_label(tmp_path):
    for name, ids in (("positive", np.arange(5)), ("negative", np.arange(5, 50))):
        frame(ids, 0).drop(columns="label").to_csv(tmp_path / f"{name}.csv", index=False)
    input_fn = InputFnDownsampleWithWeight(
        str(tmp_path / "positive.csv"), str(tmp_path / "negative.csv"), schema=SCHEMA, is_train=True
    )
    for features, labels, _ in input_fn.batches():
        np.testing.assert_array_equal(labels, features["id"] < 5)


def test_a_label_of_text_can_be_the_class_files_own(tmp_path):
    schema = Schema([Field("id", int), Field("label", str)], label="label")
    for name, ids in (("yes", range(5)), ("no", range(5, 50))):
        lines = [f"{i},{name}" for i in ids]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,label", *lines]))
    input_fn = InputFnDownsampleWithWeight(
        str(tmp_path / "yes.csv"), str(tmp_path / "no.csv"), schema=schema, is_train=True
    )
    labels = np.concatenate([labels for _, labels, _ in input_fn.batches()])
    assert Counter(labels.tolist()) == {b"yes": 5, b"no": 5}


# --- is the sample a fair one? ---


def counts_of_samples(folder, draws, **options):
    """int [draws, 500]: which of 500 negatives the first epoch of each seed has."""
    classes = write_classes(folder, 20, 500, 1, 3)
    counts = np.zeros((draws, 500), int)
    for seed in range(draws):
        ids = ids_of(list(classes.train(seed=seed, **options).batches()))
        counts[seed, ids[ids >= 20] - 20] += 1
    assert set(counts.sum(axis=1)) == {20}
    return counts


def test_a_class_of_one_round_is_sampled_row_by_row(tmp_path):
    draws = 300
    counts = counts_of_samples(tmp_path, draws).sum(axis=0)
    expected = draws * 20 / 500
    # Without replacement: a count has (1 - 20 / 500) of the variance, and there are 499 free.
    chi_square = ((counts - expected) ** 2 / expected).sum() / (1 - 20 / 500)
    assert 1e-4 < stats.chi2.sf(chi_square, 499) < 1 - 1e-4


def test_of_many_rounds_every_place_in_the_files_is_equally_likely(tmp_path):
    """Rows come in blocks, so the spread over seeds is measured rather than assumed."""
    draws = 400
    by_place = counts_of_samples(tmp_path, draws, pool_rows=60).reshape(draws, 20, 25).sum(axis=2)
    z = (by_place.mean(axis=0) - 1) / (by_place.std(axis=0) / math.sqrt(draws))
    assert np.abs(z).max() < 4.5


def test_an_epoch_is_spread_over_all_files(tmp_path):
    """Of the round's 18 blocks each of the 4 files has its 4.5, give or take less than 2."""
    classes = write_classes(tmp_path, 50, 5000, 1, 4)
    for seed in range(20):
        ids = ids_of(list(classes.train(seed=seed, pool_rows=2000, multiplier=10).batches()))
        files = np.bincount((ids[ids >= 50] - 50) // 1250, minlength=4)
        assert files.min() > 500 * 2.5 / 18 - 4 * math.sqrt(500 / 4)


def test_the_mix_is_even_over_an_epoch(tmp_path):
    """Positives are as likely in any tenth of an epoch as in any other."""
    classes = write_classes(tmp_path, 200, 2000)
    counts = np.zeros(10)
    for seed in range(40):
        labels = np.concatenate([labels for _, labels, _ in classes.train(seed=seed).batches()])
        counts += labels.reshape(10, -1).sum(axis=1)
    assert stats.chisquare(counts).pvalue > 1e-4
