"""Many classes: shares to the row, weights that keep each class's mass, every row in its turn."""

from __future__ import annotations

import itertools
import json
import tempfile
import warnings
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import Field, InputFnStratified, Schema
from sampling.order import apportionment, epoch_rows
from sampling.rows.encoding import TableRows
from tests.conftest import ids_of

SCHEMA = Schema.from_dict({"id": int, "x": float, "label": str}, label="label")
FOUR = {"a": 500, "b": 60, "c": 2, "d": 37}
THREE = {"a": 0.5, "b": 0.3, "c": 0, "d": 0.2}


def rows_of(sizes):
    """id, x and label of every row; ids are numbered through the classes."""
    labels = np.repeat(list(sizes), list(sizes.values()))
    ids = np.arange(len(labels))
    return pd.DataFrame({"id": ids, "x": ids / 4, "label": labels})


def write_classes(folder, sizes, number=2):
    """A dict of globs by label, with some files for each class."""
    for label, rows in rows_of(sizes).groupby("label"):
        for index, part in enumerate(np.array_split(np.arange(len(rows)), number)):
            rows.iloc[part].to_csv(folder / f"{label}-{index}.csv", index=False)
    return {label: str(folder / f"{label}-*.csv") for label in sizes}


def write_mixed(folder, sizes, is_sorted=False, number=3):
    """A glob of files with all classes, sorted by class or not."""
    rows = rows_of(sizes)
    if not is_sorted:
        rows = rows.sample(frac=1, random_state=1)
    for index, part in enumerate(np.array_split(np.arange(len(rows)), number)):
        rows.iloc[part].to_csv(folder / f"mixed-{index}.csv", index=False)
    return str(folder / "mixed-*.csv")


@pytest.fixture(scope="module", params=["a glob each", "mixed", "mixed, sorted, small pool"])
def four(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("four")
    if request.param == "a glob each":
        globs, pool = write_classes(folder, FOUR), {}
    else:
        globs = write_mixed(folder, FOUR, is_sorted="sorted" in request.param)
        pool = {"pool_rows": 50} if "small pool" in request.param else {}
    return lambda **options: InputFnStratified(globs, SCHEMA, **pool | options)


def epochs_of(input_fn):
    """(ids, labels, weights) of each epoch."""
    features, labels, weights = zip(*input_fn.batches(), strict=True)
    columns = ids_of(features), np.concatenate(labels).astype(str), np.concatenate(weights)
    return zip(*(np.split(column, input_fn.num_epochs) for column in columns), strict=True)


def counts(labels):
    return dict(Counter(labels.tolist()))


# --- arithmetic ---

shares_of = st.lists(st.fractions(0, 1, max_denominator=1000), min_size=1, max_size=12).filter(any)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=20), shares_of)
def test_portions_of_classes_add_up_and_never_fall(rows, shares):
    rows = np.sort(rows)
    numbers = apportionment.apportion(rows, shares)
    assert (numbers.sum(axis=1) == rows).all()
    assert (np.diff(numbers, axis=0) >= 0).all() and (numbers >= 0).all()
    exact = np.outer(rows, np.array(shares, float) / float(sum(shares)))
    assert np.abs(numbers - exact).max() < 2.5
    assert (numbers[:, [share == 0 for share in shares]] == 0).all()


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any), st.data())
def test_portions_of_a_whole_epoch_are_its_rows(rows, data):
    total = sum(rows)
    assert apportionment.apportion(np.array([total]), rows)[0].tolist() == rows
    some = data.draw(st.integers(0, total))
    assert (apportionment.apportion(np.array([some]), rows)[0] <= rows).all()


some_sizes = st.lists(st.integers(1, 10**6), min_size=1, max_size=12)


@given(some_sizes, st.data())
def test_a_minority_epoch_has_each_row_of_the_scarcest_class_and_none_twice(sizes, data):
    shares = data.draw(st.lists(st.integers(1, 99), min_size=len(sizes), max_size=len(sizes)))
    shares = [Fraction(share, sum(shares)) for share in shares]
    rows = epoch_rows.rows_of_classes("minority", sizes, shares)
    assert all(0 <= each <= size for each, size in zip(rows, sizes, strict=True))
    end = min(size / share for size, share in zip(sizes, shares, strict=True))
    for each, size, share in zip(rows, sizes, shares, strict=True):
        assert abs(each - end * share) <= Fraction(1, 2)
        assert each == size or size / share != end


@given(some_sizes, st.data())
def test_a_majority_epoch_has_every_row(sizes, data):
    shares = data.draw(st.lists(st.integers(1, 99), min_size=len(sizes), max_size=len(sizes)))
    shares = [Fraction(share, sum(shares)) for share in shares]
    rows = epoch_rows.rows_of_classes("majority", sizes, shares)
    assert all(each >= size for each, size in zip(rows, sizes, strict=True))
    end = max(size / share for size, share in zip(sizes, shares, strict=True))
    assert all(
        abs(each - end * share) <= Fraction(1, 2) for each, share in zip(rows, shares, strict=True)
    )


@given(some_sizes, st.data())
def test_a_natural_epoch_is_as_long_as_the_files(sizes, data):
    shares = data.draw(st.lists(st.integers(1, 99), min_size=len(sizes), max_size=len(sizes)))
    shares = [Fraction(share, sum(shares)) for share in shares]
    rows = epoch_rows.rows_of_classes("natural", sizes, shares)
    assert sum(rows) == sum(sizes)
    for each, share in zip(rows, shares, strict=True):
        assert abs(each - sum(sizes) * share) < 2.5


# --- shares ---


def test_by_default_all_classes_have_as_many_rows_as_the_smallest(four):
    input_fn = four(num_epochs=3)
    for _, labels, weights in epochs_of(input_fn):
        assert counts(labels) == dict.fromkeys(FOUR, 2)
        assert set(weights) == {1.0}
    assert input_fn.rows_per_epoch == 8


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"rows": 2}, {"a": 2, "b": 2, "c": 2, "d": 2}),
        ({"rows": {"a": 100, "b": 50, "c": 1, "d": 7}}, {"a": 100, "b": 50, "c": 1, "d": 7}),
        ({"rows": {"a": 9, "b": 50, "c": 0, "d": 7}}, {"a": 9, "b": 50, "d": 7}),
        ({"rows": 80, "oversample": True}, {"a": 80, "b": 80, "c": 80, "d": 80}),
        ({"shares": THREE}, {"a": 93, "b": 56, "d": 37}),
        ({"shares": {**THREE, "a": 0.49, "c": 0.01}}, {"a": 91, "b": 56, "c": 2, "d": 37}),
        ({"epoch": "majority"}, {"a": 500, "b": 500, "c": 500, "d": 500}),
        ({"epoch": "natural"}, {"a": 150, "b": 150, "c": 150, "d": 149}),
        ({"epoch": "natural", "shares": "natural"}, FOUR),
        ({"epoch": "majority", "shares": "natural"}, FOUR),
        ({"shares": "natural"}, FOUR),
        ({"epoch": 100, "shares": THREE}, {"a": 50, "b": 30, "d": 20}),
    ],
)  # fmt: skip
def test_an_epoch_has_what_was_asked_for(four, options, expected):
    input_fn = four(**options, num_epochs=2)
    for ids, labels, _ in epochs_of(input_fn):
        assert counts(labels) == expected
        np.testing.assert_array_equal(rows_of(FOUR)["label"].to_numpy()[ids], labels)
    assert input_fn.rows_per_epoch == sum(expected.values())
    described = input_fn.describe()["rows_in_an_epoch"]
    named = {f"class {label!r}": rows for label, rows in expected.items()}
    assert {name: rows for name, rows in described.items() if rows} == named


@settings(max_examples=50)
@given(
    sizes=st.lists(st.one_of(st.integers(1, 6), st.integers(1, 120)), min_size=1, max_size=11),
    data=st.data(),
    epoch=st.sampled_from([*epoch_rows.EPOCHS, 50]),
    pool_rows=st.integers(5, 150),
    batch_size=st.integers(1, 64),
    seed=st.integers(0, 2**33),
    shuffle=st.booleans(),
)
def test_shares_coverage_and_weighted_masses_are_exact(
    sizes, data, epoch, pool_rows, batch_size, seed, shuffle
):
    by_label = {f"class {index}": size for index, size in enumerate(sizes)}
    parts = data.draw(st.lists(st.integers(1, 9), min_size=len(sizes), max_size=len(sizes)))
    shares = {label: part / sum(parts) for label, part in zip(by_label, parts, strict=True)}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few rows: shown elsewhere
        globs = write_classes(Path(folder), by_label, number=1)
        input_fn = InputFnStratified(
            globs,
            SCHEMA,
            shares=shares,
            epoch=epoch,
            weight="auto",
            pool_rows=pool_rows,
            batch_size=batch_size,
            seed=seed,
            shuffle=shuffle,
            num_epochs=3,
        )
        described = input_fn.describe()["rows_in_an_epoch"]
        expected = {label: described[f"class {label!r}"] for label in by_label}
        seen: Counter[int] = Counter()
        for ids, labels, weights in epochs_of(input_fn):
            assert counts(labels) == {label: rows for label, rows in expected.items() if rows}
            for label, rows in expected.items():
                if rows:
                    mass = weights[labels == label].sum(dtype=np.float64)
                    assert mass == pytest.approx(by_label[label], rel=1e-5)
            seen.update(ids.tolist())
    # Every class goes on over the epochs: visits of its rows differ by one at the most.
    for _, rows in rows_of(by_label).groupby("label"):
        visits = [seen[id_] for id_ in rows["id"]]
        assert max(visits) - min(visits) <= 1


def test_of_many_classes_that_are_short_some_are_named():
    rows = rows_of(dict.fromkeys("abcdefgh", 3))
    with pytest.warns(UserWarning, match=r"3 of class 'e' for 5, 3 more; each is taken once"):
        assert InputFnStratified(rows, SCHEMA, rows=5).rows_per_epoch == 24


def test_a_class_that_is_short_comes_once_each_with_a_warning(four):
    input_fn = four(rows=40, num_epochs=2, weight="auto")
    with pytest.warns(UserWarning, match=r"too few rows, 2 of class 'c' for 40, 37 of class 'd'"):
        epochs_ = list(epochs_of(input_fn))
    for ids, labels, _ in epochs_:
        assert counts(labels) == {"a": 40, "b": 40, "c": 2, "d": 37}
        assert sorted(ids[ids >= 560]) == list(range(560, 599))


def test_a_class_that_repeats_has_all_its_rows_before_one_comes_again(four):
    input_fn = four(rows={"a": 10, "b": 10, "c": 7, "d": 100}, oversample=True, num_epochs=2)
    visits = Counter(ids_of(list(input_fn.batches())).tolist())
    assert {visits[id_] for id_ in (560, 561)} == {7}
    assert {visits[id_] for id_ in range(562, 599)} == {5, 6}


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_batch_has_the_exact_shares(four, shuffle):
    input_fn = four(shares=THREE, exact_batches=True, batch_size=10, num_epochs=4, shuffle=shuffle)
    batches = [counts(labels.astype(str)) for _, labels, _ in input_fn.batches()]
    assert len(batches) == 4 * 19
    for index, batch in enumerate(batches):
        if index % 19 < 18:
            assert batch == {"a": 5, "b": 3, "d": 2}


def test_exact_batches_of_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(TableRows, "chunk_rows", 50)
    globs = write_classes(tmp_path, {"a": 300, "b": 100, "c": 77})
    options = {"rows": {"a": 150, "b": 100, "c": 50}, "exact_batches": True, "batch_size": 12}
    input_fn = InputFnStratified(globs, SCHEMA, **options)
    batches = [counts(labels.astype(str)) for _, labels, _ in input_fn.batches()]
    assert batches == [{"a": 6, "b": 4, "c": 2}] * 25


def test_batches_that_cannot_be_exact_are_refused(four):
    with pytest.raises(ValueError, match="0.25 of a batch of 10 rows is 2.5.*a multiple of 4"):
        four(exact_batches=True, batch_size=10)
    with pytest.raises(ValueError, match="expected a whole number"):
        list(four(exact_batches=True, shares="natural").batches())


def test_in_chunks_the_mix_is_even_over_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(TableRows, "chunk_rows", 100)
    sizes = {"a": 2000, "b": 500, "c": 40}
    globs = write_classes(tmp_path, sizes)
    for shuffle in (True, False):
        input_fn = InputFnStratified(
            globs, SCHEMA, shares="natural", batch_size=100, shuffle=shuffle
        )
        for start, (_, labels, _) in enumerate(list(input_fn.batches())[:25]):
            numbers = counts(labels.astype(str))
            for label, size in sizes.items():
                assert abs(numbers.get(label, 0) - size / 25.4) < 2.5, start


# --- weights ---


def test_weights_by_class(four):
    weight = {"a": 1, "b": 2.5, "c": 100, "d": 7}
    [(_, labels, weights)] = epochs_of(four(rows=2, weight=weight))
    assert dict(zip(labels, weights, strict=True)) == weight


def test_balanced_weights_make_all_classes_alike(four):
    input_fn = four(shares="natural", weight="balanced")
    [(_, labels, weights)] = epochs_of(input_fn)
    masses = [weights[labels == label].sum() for label in FOUR]
    np.testing.assert_allclose(masses, sum(FOUR.values()) / 4, rtol=1e-5)
    assert weights.mean() == pytest.approx(1)
    assert input_fn.prior().stream == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("weight", ["auto", "balanced", {"a": 1, "b": 2, "c": 3, "d": 4}])
def test_normalized_weights_have_mean_1_and_the_same_ratios(four, weight):
    shares = {"a": 0.9, "b": 0.05, "c": 0.01, "d": 0.04}
    [(_, _, plain)] = epochs_of(four(shares=shares, weight=weight))
    [(_, _, weights)] = epochs_of(four(shares=shares, weight=weight, normalize_weights=True))
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(weights / weights[0], plain / plain[0], rtol=1e-5)


def test_own_weights_are_multiplied(tmp_path):
    schema = Schema.from_dict({"id": int, "w": float, "label": int}, label="label", weight="w")
    for label in (0, 1, 2):
        rows = pd.DataFrame({"id": range(10), "w": np.arange(10) + 1.0, "label": label})
        rows.to_csv(tmp_path / f"{label}.csv", index=False)
    globs = {label: str(tmp_path / f"{label}.csv") for label in (0, 1, 2)}
    input_fn = InputFnStratified(globs, schema, rows=4, weight={0: 1, 1: 10, 2: 100})
    for features, labels, weights in input_fn.batches():
        np.testing.assert_array_equal(weights, (features["id"] + 1) * 10.0**labels)


# --- classes ---


def test_files_without_a_label_have_their_class_as_label(tmp_path):
    for index, name in enumerate(["yes", "no", "maybe"]):
        ids = pd.DataFrame({"id": np.arange(5) + 10 * index})
        ids.to_csv(tmp_path / f"{name}.csv", index=False)
    globs = {name: str(tmp_path / f"{name}.csv") for name in ("yes", "no", "maybe")}
    schema = Schema([Field("id", int), Field("label", str)], label="label")
    for features, labels, _ in InputFnStratified(globs, schema).batches():
        expected = np.array([b"yes", b"no", b"maybe"], object)[features["id"] // 10]
        np.testing.assert_array_equal(labels, expected)


def test_labels_of_another_class_are_warned_of_with_their_place(tmp_path):
    rows_of({"a": 5, "b": 3}).to_csv(tmp_path / "a.csv", index=False)
    rows_of({"b": 9}).to_csv(tmp_path / "b.csv", index=False)
    globs = {"a": str(tmp_path / "a.csv"), "b": str(tmp_path / "b.csv")}
    message = r"a.csv, line 7, column 'label': found the label b'b' in a file of class 'a', in 3 of"
    with pytest.warns(UserWarning, match=message) as caught:
        list(InputFnStratified(globs, SCHEMA, num_epochs=3).batches())
    assert len(caught) == 1


def test_a_file_of_two_classes_is_refused(tmp_path):
    rows_of({"a": 5}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match="is matched by both class 'a' and class 'b'"):
        InputFnStratified(dict.fromkeys("ab", str(tmp_path / "a.csv")), SCHEMA)


@pytest.mark.parametrize("exact_batches", [False, True])
@pytest.mark.parametrize(("classes", "pool_rows"), [(12, 131_072), (300, 131_072), (60, 40)])
def test_many_classes_fit_a_short_state(classes, pool_rows, exact_batches):
    """Of one round each, however many; and some dozens of several rounds."""
    sizes = {f"a class with a long name {index}": 2 + 5 * (index % 29) for index in range(classes)}
    epoch = 10 * classes + 7

    def make():
        return InputFnStratified(
            dict(list(rows_of(sizes).groupby("label"))),
            SCHEMA,
            num_epochs=None,
            epoch=epoch,
            oversample=True,
            pool_rows=pool_rows,
            batch_size=classes * 2,
            exact_batches=exact_batches,
        )

    input_fn = make()
    ids = ids_of(list(itertools.islice(input_fn.batches(), 40)))
    for rows in (0, epoch, 3 * epoch + 2 * classes + 1):
        state = json.loads(json.dumps(input_fn.state(rows)))
        assert len(json.dumps(state)) < 1024
        restored = make()
        restored.restore(state)
        following = ids_of(list(itertools.islice(restored.batches(), 3)))
        np.testing.assert_array_equal(following, ids[rows : rows + len(following)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shares": {"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.2}}, "adds up to 1.1, expected 1"),
        ({"shares": {"a": 0.5, "b": 0.3, "e": 0.2}}, "shares has the unknown class 'e'.*'a', 'b'"),
        ({"shares": {"a": 0.5, "b": 0.5}}, "shares lacks the class 'c'"),
        ({"shares": {"a": -1, "b": 1, "c": 0.5, "d": 0.5}}, "share of class 'a' is -1"),
        ({"shares": {"a": float("nan"), "b": 1, "c": 0, "d": 0}}, "share of class 'a' is nan"),
        ({"shares": "even"}, "shares is 'even', expected one of 'natural'"),
        ({"shares": [0.5, 0.5]}, r"shares is \[0.5, 0.5\], expected a dict by label"),
        ({"rows": {"a": 1, "b": 1, "c": 1, "d": -1}}, "number of rows is -1, expected a whole"),
        ({"rows": 0}, "rows is 0"),
        ({"rows": dict.fromkeys("abcd", 0)}, "expected a class with some"),
        ({"rows": 5, "epoch": "majority"}, "rows is 5 beside shares or epoch"),
        ({"rows": 5, "shares": "natural"}, "rows is 5 beside shares or epoch"),
        ({"epoch": "all"}, "epoch is 'all', expected one of 'minority', 'majority', 'natural'"),
        ({"epoch": 0}, "epoch is 0, expected a whole number"),
        ({"weight": "even"}, "weight is 'even', expected one of 'auto', 'balanced'"),
        ({"weight": {"a": 1, "b": 0, "c": 1, "d": 1}}, "weight is 0, expected a finite number"),
        ({"weight": {"a": 1}}, "weight lacks the class 'b'"),
    ],
)
def test_bad_arguments_are_refused(four, options, message):
    with pytest.raises(ValueError, match=message):
        four(**options)


def test_bad_classes_are_refused(tmp_path):
    globs = write_classes(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "empty.csv").write_text("id,x,label\n")
    with pytest.raises(ValueError, match="class 'c': found no row in .*empty.csv"):
        InputFnStratified({**globs, "c": str(tmp_path / "empty.csv")}, SCHEMA)
    with pytest.raises(ValueError, match="class 'c': no file matches"):
        InputFnStratified({**globs, "c": str(tmp_path / "no*.csv")}, SCHEMA)
    with pytest.raises(ValueError, match="found the class 1, expected a label of type STRING"):
        InputFnStratified({**globs, 1: globs["a"]}, SCHEMA)
    with pytest.raises(ValueError, match="classes is {}, expected a dict of label: glob"):
        InputFnStratified({}, SCHEMA)
    unlabelled = Schema.from_dict({"id": int, "x": float, "label": str})
    with pytest.raises(ValueError, match="the schema names no label"):
        InputFnStratified(globs, unlabelled)


# --- is the sample a fair one? ---


def test_every_row_of_a_class_is_equally_likely(tmp_path):
    """The large class is of one round: the first epochs of many seeds have each row as often."""
    globs = write_classes(tmp_path, {"few": 10, "many": 200})
    draws = 400
    visits = np.zeros(200)
    for seed in range(draws):
        ids = ids_of(list(InputFnStratified(globs, SCHEMA, seed=seed).batches()))
        visits[ids[ids >= 10] - 10] += 1
    expected = draws * 10 / 200
    # Without replacement: a count has (1 - 10 / 200) of the variance, and there are 199 free.
    chi_square = ((visits - expected) ** 2 / expected).sum() / (1 - 10 / 200)
    assert 1e-4 < stats.chi2.sf(chi_square, 199) < 1 - 1e-4


def test_classes_are_mixed_at_random(tmp_path):
    """Which class stands at a place in the epoch: each as likely as its share, at every place."""
    globs = write_classes(tmp_path, {"a": 30, "b": 20, "c": 10})
    draws = 400
    at_place = np.zeros((60, 3))
    for seed in range(draws):
        input_fn = InputFnStratified(globs, SCHEMA, shares="natural", seed=seed)
        labels = np.concatenate([labels for _, labels, _ in input_fn.batches()])
        at_place[np.arange(60), [b"abc".index(label) for label in labels]] += 1
    expected = draws * np.array([30, 20, 10]) / 60
    p_values = stats.chisquare(at_place, expected, axis=1).pvalue
    assert p_values.min() > 1e-4 / 60
