"""Classes out of mixed files: the rows of each, whole, fair, from bounded memory and reading."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import InputFnDownsampleWithWeight, InputFnStratified, Schema
from sampling.formats.csv.blocks import CsvBlocks
from tests import written
from tests.conftest import SCHEMA as CLASSES_SCHEMA
from tests.conftest import ids_of
from tests.test_stratified import FOUR, SCHEMA, counts, epochs_of, rows_of, write_mixed


@pytest.fixture
def read(monkeypatch):
    """The numbers of rows of every reading from files."""
    rows: list[int] = []
    original = CsvBlocks.read

    def watched(self, blocks, columns=None):
        table = original(self, blocks, columns)
        rows.append(table.num_rows)
        return table

    monkeypatch.setattr(CsvBlocks, "read", watched)
    return rows


@settings(max_examples=40)
@given(
    sizes=st.lists(st.one_of(st.integers(1, 5), st.integers(1, 200)), min_size=1, max_size=8),
    is_sorted=st.booleans(),
    pool_rows=st.integers(1, 120),
    files=st.integers(1, 4),
    seed=st.integers(0, 2**33),
    shuffle=st.booleans(),
)
def test_every_row_of_every_class_comes_in_its_turn(
    sizes, is_sorted, pool_rows, files, seed, shuffle
):
    by_label = {f"class {index}": size for index, size in enumerate(sizes)}
    with tempfile.TemporaryDirectory() as folder:
        glob = write_mixed(Path(folder), by_label, is_sorted, files)
        options = {"pool_rows": pool_rows, "seed": seed, "shuffle": shuffle, "num_epochs": 4}
        input_fn = InputFnStratified(glob, SCHEMA, weight="auto", **options)
        assert input_fn.labels == tuple(sorted(by_label))
        seen: Counter[int] = Counter()
        for ids, labels, weights in epochs_of(input_fn):
            assert counts(labels) == dict.fromkeys(by_label, min(sizes))
            for label, size in by_label.items():
                mass = weights[labels == label].sum(dtype=np.float64)
                assert mass == pytest.approx(size, rel=1e-5)
            np.testing.assert_array_equal(rows_of(by_label)["label"].to_numpy()[ids], labels)
            seen.update(ids.tolist())
    for _, rows in rows_of(by_label).groupby("label"):
        visits = [seen[id_] for id_ in rows["id"]]
        assert max(visits) - min(visits) <= 1


@settings(max_examples=15)
@given(rows=st.integers(0, 1500), seed=st.integers(0, 5), is_sorted=st.booleans())
def test_the_same_rows_follow_a_restored_state(rows, seed, is_sorted):
    with tempfile.TemporaryDirectory() as folder:
        glob = write_mixed(Path(folder), FOUR, is_sorted)

        def make():
            options = {"pool_rows": 60, "epoch": "majority", "batch_size": 8, "seed": seed}
            return InputFnStratified(glob, SCHEMA, num_epochs=None, exact_batches=True, **options)

        input_fn = make()
        stream = ids_of(list(itertools.islice(input_fn.batches(), 220)))
        state = json.loads(json.dumps(input_fn.state(rows)))
        restored = make()
        restored.restore(state)
        following = ids_of(list(itertools.islice(restored.batches(), 20)))
    np.testing.assert_array_equal(following, stream[rows : rows + len(following)])


def test_a_state_of_any_place_is_restored_by_little_reading(tmp_path, read):
    sizes = {"rare": 20, "often": 2000, "most": 4000}
    glob = write_mixed(tmp_path, sizes)

    def make():
        return InputFnStratified(glob, SCHEMA, pool_rows=200, num_epochs=None)

    state = make().state(60 * 150 + 7)
    restored = make()
    read.clear()
    restored.restore(state)
    next(restored.batches())
    # A round of the two large classes, and one more where the chunk runs into the next.
    assert sum(read) <= 2 * (200 * 6020 / 2000 + 200 * 6020 / 4000) * 1.2


def test_a_small_class_is_read_once_and_a_large_one_by_what_an_epoch_takes(tmp_path, read):
    sizes = {"rare": 40, "some": 100, "most": 6000}
    input_fn = InputFnStratified(write_mixed(tmp_path, sizes), SCHEMA, pool_rows=200, num_epochs=30)
    assert sum(read) == 6140  # the index
    read.clear()
    assert len(ids_of(list(input_fn.batches()))) == 30 * 120
    used = 30 * 40 / 6000
    assert used <= sum(read) / 6140 <= used + 2 * 200 / 6000


def test_no_more_rows_are_read_at_a_time_than_the_pool_has(tmp_path, read):
    input_fn = InputFnStratified(
        write_mixed(tmp_path, {"a": 500, "b": 3000}), SCHEMA, pool_rows=100, epoch="majority"
    )
    list(input_fn.batches())
    assert max(read) <= 100 + 2 * 25  # and a block over


def test_sorted_files_cost_what_files_by_class_cost(tmp_path):
    sizes = {"a": 500, "b": 3000, "c": 2500}
    options = {"pool_rows": 100, "num_epochs": 2}
    input_fn = InputFnStratified(write_mixed(tmp_path, sizes, is_sorted=True), SCHEMA, **options)
    described = input_fn.describe()
    alone = described["if_split_by_class"]["bytes_per_epoch"]
    assert alone <= described["bytes_per_epoch"] <= 1.1 * alone


def test_what_splitting_would_save_is_described(tmp_path):
    glob = write_mixed(tmp_path, {"a": 50, "b": 3000, "c": 1000})
    described = InputFnStratified(glob, SCHEMA, pool_rows=100).describe()
    total = described["bytes"]
    assert total == sum(path.stat().st_size - len("id,x,label\n") for path in tmp_path.iterdir())
    assert described["bytes_at_the_start"] == total
    assert described["bytes_per_epoch"] == pytest.approx(total * (50 / 3000 + 50 / 1000), rel=0.05)
    split = described["if_split_by_class"]
    assert split["bytes_at_the_start"] == pytest.approx(total * 50 / 4050, rel=0.01)
    assert split["bytes_per_epoch"] == pytest.approx(total * 100 / 4050, rel=0.01)
    assert described["coverage_in_an_epoch"]["class 'b'"] == pytest.approx(50 / 3000)
    assert "if_split_by_class" in str(InputFnStratified(glob, SCHEMA).describe())


def test_of_many_rounds_every_row_of_a_class_is_equally_likely(tmp_path):
    """Rows come in blocks, so the spread over seeds is measured rather than assumed."""
    glob = write_mixed(tmp_path, {"few": 20, "many": 400})
    draws = 300
    visits = np.zeros((draws, 20))
    for seed in range(draws):
        ids = ids_of(list(InputFnStratified(glob, SCHEMA, seed=seed, pool_rows=60).batches()))
        visits[seed] = np.bincount((ids[ids >= 20] - 20) // 20, minlength=20)
    assert set(visits.sum(axis=1)) == {20}
    z = (visits.mean(axis=0) - 1) / (visits.std(axis=0) / np.sqrt(draws))
    assert np.abs(z).max() < 4.5


def test_a_class_that_fits_the_pool_is_sampled_row_by_row(tmp_path):
    glob = write_mixed(tmp_path, {"few": 10, "many": 200}, is_sorted=True)
    draws = 400
    visits = np.zeros(200)
    for seed in range(draws):
        ids = ids_of(list(InputFnStratified(glob, SCHEMA, seed=seed).batches()))
        visits[ids[ids >= 10] - 10] += 1
    expected = draws * 10 / 200
    chi_square = ((visits - expected) ** 2 / expected).sum() / (1 - 10 / 200)
    assert 1e-4 < stats.chi2.sf(chi_square, 199) < 1 - 1e-4


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("type_", "labels"), [(int, [3, -1, 10]), (float, [0.1, 2.5, 1.0]), (str, ["ä", "b c", ""])]
)
def test_labels_of_any_type_in_any_format(tmp_path, ending, type_, labels):
    ids = np.arange(60)
    rows = pd.DataFrame({"id": ids, "label": [labels[i % 3] for i in ids]})
    written.write(rows, tmp_path / f"rows.{ending}")
    schema = Schema.from_dict({"id": int, "label": type_}, label="label")
    if type_ is str:  # an empty label needs a default
        schema = Schema.from_json(
            json.dumps(
                [{"name": "id", "type": "INTEGER"}]
                + [{"name": "label", "type": "STRING", "defaultValueExpression": '""'}]
            ),
            label="label",
        )
    shares = dict(zip(labels, (0.5, 0.3, 0.2), strict=True))
    glob = str(tmp_path / f"*.{ending}")
    for pool_rows in (5, 1000):
        input_fn = InputFnStratified(glob, schema, shares=shares, epoch=20, pool_rows=pool_rows)
        seen = Counter(i % 3 for i in ids_of(list(input_fn.batches())).tolist())
        assert seen == {0: 10, 1: 6, 2: 4}


def test_a_data_frame_has_mixed_classes_too(tmp_path):
    rows = rows_of(FOUR).sample(frac=1, random_state=0)
    [(ids, labels, _)] = epochs_of(InputFnStratified(rows, SCHEMA, rows=2))
    assert counts(labels) == dict.fromkeys(FOUR, 2)
    np.testing.assert_array_equal(rows_of(FOUR)["label"].to_numpy()[ids], labels)


# --- bad input ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shares": {"a": 0.5, "z": 0.5}}, "shares has the unknown class 'z', expected 'a', 'b'"),
        ({"shares": {"a": 0.5, "b": 0.5}}, "shares lacks the class 'c'"),
        ({"rows": {"a": 5, "b": 5, "c": 1, "d": 1, "e": 1}}, "rows has the unknown class 'e'"),
        ({"weight": {"a": 5}}, "weight lacks the class 'b'"),
    ],
)
def test_classes_that_the_files_do_not_have_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        InputFnStratified(write_mixed(tmp_path, FOUR), SCHEMA, **options)


def test_a_column_that_is_no_class_is_refused(tmp_path):
    rows_of({"a": 2000}).to_csv(tmp_path / "rows.csv", index=False)
    schema = Schema.from_dict({"id": int, "x": float, "label": str}, label="id")
    with pytest.raises(ValueError, match="column 'id': found more than 1,000 different labels"):
        InputFnStratified(str(tmp_path / "rows.csv"), schema)


def test_files_without_labels_are_refused(tmp_path):
    rows_of({"a": 20}).drop(columns="label").to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(ValueError, match="have no column 'label', expected it to tell classes"):
        InputFnStratified(str(tmp_path / "rows.csv"), SCHEMA)
    with pytest.raises(ValueError, match="the schema names no label"):
        InputFnStratified(str(tmp_path / "rows.csv"), Schema.from_dict({"id": int, "x": float}))


def test_an_empty_label_is_named_with_its_place(tmp_path):
    (tmp_path / "rows.csv").write_text("id,x,label\n1,1,a\n2,1,\n")
    with pytest.raises(ValueError, match="rows.csv, line 3, column 'label': found nothing"):
        InputFnStratified(str(tmp_path / "rows.csv"), SCHEMA)


@pytest.mark.parametrize("pool_rows", [20, 1000])
def test_a_bad_weight_is_named_with_its_place(tmp_path, pool_rows):
    schema = Schema.from_dict({"id": int, "label": str, "w": float}, label="label", weight="w")
    rows = pd.DataFrame({"id": range(300), "label": list("abc") * 100, "w": 1.0})
    rows.loc[151, "w"] = -2.0
    rows.to_csv(tmp_path / "rows.csv", index=False)
    input_fn = InputFnStratified(str(tmp_path / "rows.csv"), schema, pool_rows=pool_rows)
    with pytest.raises(ValueError, match="rows.csv, line 153, column 'w': found the weight -2.0"):
        list(input_fn.batches())


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path):
    input_fn = InputFnStratified(write_mixed(tmp_path, FOUR), SCHEMA, num_epochs=3)
    (tmp_path / "mixed-1.csv").write_text("id,x,label\n1,1,a\n")
    with pytest.raises(ValueError, match="mixed-1.csv has changed"):
        list(input_fn.batches())


def test_downsampling_takes_mixed_files_under_one_glob(classes):
    files = classes.files("*")

    def make(positive, negative):
        return InputFnDownsampleWithWeight(
            positive, negative, schema=CLASSES_SCHEMA, is_train=True, weight="auto", num_epochs=20
        )

    mixed, apart = make(files, files), make(*map(classes.files, ("positive-*", "negative-*")))
    assert mixed.rows_per_epoch == apart.rows_per_epoch
    assert mixed.prior() == apart.prior()
    seen = Counter()
    for features, labels, _ in mixed.batches():
        np.testing.assert_array_equal(labels, features["id"] < 60)
        seen.update(features["id"].tolist())
    assert {seen[id_] for id_ in range(60)} == {20}
    assert {seen[id_] for id_ in range(60, 1060)} == {1, 2}


def test_the_same_files_under_two_globs_are_refused(classes):
    with pytest.raises(ValueError, match="matched by both positive_dir and negative_dir.*same one"):
        InputFnDownsampleWithWeight(
            classes.files("*"), classes.files("positive-*"), schema=CLASSES_SCHEMA, is_train=True
        )


def test_mixed_files_of_other_labels_are_refused(tmp_path):
    glob = write_mixed(tmp_path, {"a": 5, "b": 30})
    with pytest.raises(ValueError, match="found the labels 'a', 'b', expected 0 and 1"):
        InputFnDownsampleWithWeight(glob, glob, schema=SCHEMA, is_train=True)
