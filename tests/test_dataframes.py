"""DataFrames and pyarrow tables in place of files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sampling import FeatureLookup, InputFn, InputFnDownsampleWithWeight, Schema
from tests.conftest import SCHEMA, frame, ids_of

ROWS = frame(np.arange(3000), np.arange(3000) < 100)


def values(data, schema):
    batches = list(InputFn(data, schema, batch_size=1000).batches())
    features = [batch[0] if isinstance(batch, tuple) else batch for batch in batches]
    return {name: np.concatenate([each[name] for each in features]) for name in features[0]}


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        ROWS.set_index("id", drop=False),
        ROWS.assign(more=1)[["more", "label", "city", "x", "id"]],
        ROWS.assign(city=ROWS.city.astype(object)),
        ROWS.assign(city=ROWS.city.astype("category"), id=ROWS.id.astype("Int32")),
        ROWS.assign(city=ROWS.city.astype("string[pyarrow]")),
        ROWS.assign(label=ROWS.label.astype(bool), x=ROWS.x.astype("float32")),
        pa.Table.from_pandas(ROWS, preserve_index=False),
        [ROWS[:1000], ROWS[1000:1000], ROWS[1000:]],
        [pa.Table.from_pandas(ROWS[:1000]), ROWS[1000:]],
    ],
)
def test_every_kind_of_table_gives_the_rows_of_the_frame(data):
    features, labels, _ = next(InputFn(data, SCHEMA, batch_size=3000).batches())
    np.testing.assert_array_equal(features["id"], ROWS.id)
    np.testing.assert_array_equal(features["x"], ROWS.x.astype(np.float32))
    assert features["city"].tolist() == [city.encode() for city in ROWS.city]
    np.testing.assert_array_equal(labels, ROWS.label)


def test_classes_are_frames_without_labels(tmp_path):
    paths = tmp_path / "p.csv", tmp_path / "n.csv"
    classes = [ROWS[ROWS.label == label].drop(columns="label") for label in (1, 0)]
    for path, rows in zip(paths, classes, strict=True):
        rows.to_csv(path, index=False)
    options = {"schema": SCHEMA, "is_train": True, "num_epochs": 2, "weight": "auto"}
    in_memory = InputFnDownsampleWithWeight(*classes, **options)
    in_files = InputFnDownsampleWithWeight(*map(str, paths), **options)
    assert in_memory.describe()["weights"]["negative_dir"] == 29
    for ours, theirs in zip(in_memory.batches(), in_files.batches(), strict=True):
        np.testing.assert_array_equal(ours[0]["id"], theirs[0]["id"])
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_array_equal(ours[2], theirs[2])


def test_nothing_is_copied():
    rows = pd.DataFrame({f"x{i}": np.arange(1_000_000.0) for i in range(8)})
    before = pa.total_allocated_bytes()
    input_fn = InputFn(rows, Schema.from_pandas(rows), shuffle=True, pool_rows=10_000)
    assert pa.total_allocated_bytes() - before < rows.memory_usage().sum() / 100
    assert np.isfinite(next(input_fn.batches())["x0"]).all()


def test_missing_values_are_empty_ones():
    rows = pd.DataFrame({"x": [1.5, np.nan], "city": ["Rome", None], "n": [1, np.nan]})
    rows["when"] = pd.to_datetime(["2020-01-31 12:00", None])
    schema = Schema.from_dict({"x": float, "city": str, "n": int, "when": "TIMESTAMP"})
    found = {name: column.tolist() for name, column in values(rows, schema).items()}
    times = [b"2020-01-31 12:00:00", b""]
    assert found == {"x": [1.5, 0], "city": [b"Rome", b""], "n": [1, 0], "when": times}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS.drop(columns="x"), r"files \(DataFrame\): found id, city, label, expected .*'x' too"),
        (ROWS[:0], "files: found no row"),
        (ROWS.assign(id="a"), r"files \(DataFrame\), column 'id': found the type .*string"),
        (ROWS.assign(city=[1, "a"] * 1500), "column 'city': found values of several kinds"),
        (ROWS.assign(x=np.inf), r"files \(DataFrame\), row 0, column 'x': found inf"),
        (pd.concat([ROWS, ROWS.id], axis=1), "'id' is there twice"),
        ([ROWS, "a.csv"], "files has tables and globs"),
        ([ROWS, ROWS.drop(columns="label")], r"files \(DataFrame 1\) lacks the column 'label'"),
        ([ROWS, ROWS.assign(id=0.5)], r"files \(DataFrame 1\), row 0, column 'id': found 0.5"),
    ],
)
def test_tables_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        list(InputFn(rows, SCHEMA).batches())


def test_a_state_is_of_its_table():
    input_fn = InputFn(ROWS, SCHEMA, shuffle=True, num_epochs=2)
    stream, state = ids_of(list(input_fn.batches())), input_fn.state(1000)
    restored = InputFn(ROWS, SCHEMA, shuffle=True, num_epochs=2)
    restored.restore(state)
    np.testing.assert_array_equal(ids_of(list(restored.batches())), stream[1000:])
    with pytest.raises(ValueError, match="the state was made with .* files = "):
        InputFn(ROWS[:2000], SCHEMA, shuffle=True, num_epochs=2).restore(state)
    with pytest.raises(ValueError, match="the state was made with contents"):
        InputFn(ROWS.assign(id=ROWS["id"] + 1), SCHEMA, shuffle=True, num_epochs=2).restore(state)


def test_features_are_looked_up_in_a_frame():
    cities = pd.DataFrame({"city": [f"city {i}" for i in range(7)], "size": np.arange(7) * 10})
    lookup = FeatureLookup(cities, Schema.from_pandas(cities), "city")
    assert lookup(np.array([b"city 3", b"elsewhere"], object))["size"].tolist() == [30, 0]
    with pytest.raises(ValueError, match=r"filename \(DataFrame\), row 7, column 'city'.*second"):
        FeatureLookup(pd.concat([cities, cities]), Schema.from_pandas(cities), "city")
