"""Columns of lists: of one length, filled up to one, and padded to each batch's longest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import Field, InputFn, InputFnDownsampleWithWeight, Schema
from tests.written import write_examples

SCHEMA = Schema(
    (
        Field("id", int),
        Field("vector", float, length=3),
        Field("words", str, length=2),
        Field("tags", str, "REPEATED"),
        Field("counts", int, "REPEATED"),
        Field("few", int, "REPEATED", length=4),
        Field("label", int),
    ),
    label="label",
)
SHAPES = {"id": [], "vector": [3], "words": [2], "tags": [None], "counts": [None], "few": [4]}


def row(i):
    """What follows from an id, so that a mixed-up row shows."""
    return {
        "id": i,
        "vector": [i / 2, -float(i), 0.5],
        "words": [f"a{i}", f"b{i}"],
        "tags": [f"t{i}-{j}" for j in range(i % 4)],
        "counts": [i * j for j in range(1, 1 + i % 3)],
        "few": list(range(i % 5)),
        "label": int(i < 40),
    }


def write(folder, file_format, ids):
    rows = [row(i) for i in ids]
    if file_format == "table":
        return pa.Table.from_pylist(rows)
    if file_format == "DataFrame":
        return pd.DataFrame(rows)
    path = folder / f"{ids[0]}.{file_format}"
    if file_format == "parquet":
        pa.parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=70)
    else:
        write_examples(rows, path)
    return str(path)


FORMATS = ["parquet", "tfrecord", "tfrecord.gz", "table", "DataFrame"]


def check(features, labels):
    for index, i in enumerate(features["id"]):
        expected = row(int(i))
        for name in ("vector", "words", "tags", "counts", "few"):
            values = [v.encode() if isinstance(v, str) else v for v in expected[name]]
            found = features[name][index].tolist()
            filler = [0 if name in ("counts", "few") else b""] * (len(found) - len(values))
            assert found == [*values, *filler], (name, i)
        assert labels[index] == expected["label"]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("pool_rows", [60, 131_072])
def test_lists_stay_with_their_rows(tmp_path, file_format, pool_rows):
    classes = [write(tmp_path, file_format, range(*span)) for span in ((0, 40), (40, 400))]
    input_fn = InputFnDownsampleWithWeight(
        *classes, schema=SCHEMA, is_train=True, num_epochs=9, batch_size=23, pool_rows=pool_rows
    )
    seen = []
    for (features, labels, _), element in zip(input_fn.batches(), input_fn.dataset(), strict=True):
        check(features, labels)
        seen.extend(features["id"])
        longest = max(int(i) % 4 for i in features["id"])
        assert features["tags"].shape == (len(labels), longest)
        for name, column in features.items():
            np.testing.assert_array_equal(column, element[0][name])
    assert sorted(set(seen)) == list(range(400))


@pytest.mark.parametrize("file_format", FORMATS)
def test_shapes_are_known_where_they_are_fixed(tmp_path, file_format):
    dataset = InputFn(write(tmp_path, file_format, range(50)), SCHEMA).dataset()
    shapes = {name: spec.shape.as_list() for name, spec in dataset.element_spec[0].items()}
    assert shapes == {name: [None, *shape] for name, shape in SHAPES.items()}
    features, _ = next(iter(InputFn(write(tmp_path, file_format, range(50)), SCHEMA)("eval")))
    assert features["vector"].dtype == tf.float32 and features["vector"].shape == (50, 3)


def test_lists_of_one_length_are_stacked_and_others_are_not(tmp_path):
    input_fn = InputFn(write(tmp_path, "parquet", range(50)), SCHEMA, batch_size=20)
    for matrix, *_ in input_fn.batches(["vector", "id", "few"], stacked=True):
        for found in matrix:
            expected = row(int(found[3]))
            few = [*expected["few"], 0, 0, 0, 0][:4]
            assert found.tolist() == [*expected["vector"], expected["id"], *few]
    dataset = input_fn.dataset(["vector", "id", "few"], stacked=True)
    assert dataset.element_spec[0].shape.as_list() == [None, 8]
    for name in ("counts", "tags", "words"):
        with pytest.raises(ValueError, match=f"stacked is True with {name}, expected numbers"):
            input_fn.dataset(["id", name], stacked=True)


@pytest.mark.parametrize("file_format", ["parquet", "tfrecord"])
def test_a_restored_state_goes_on_with_lists(tmp_path, file_format):
    files = write(tmp_path, file_format, range(300))
    make = lambda: InputFn(files, SCHEMA, shuffle=True, pool_rows=70, num_epochs=2)  # noqa: E731
    input_fn = make()
    stream = np.concatenate([features["id"] for features, *_ in input_fn.batches()])
    restored = make()
    restored.restore(input_fn.state(123))
    following = list(restored.batches())
    for features, labels, _ in following:
        check(features, labels)
    np.testing.assert_array_equal(np.concatenate([f["id"] for f, *_ in following]), stream[123:])


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=40), st.integers(1, 9)
)
def test_any_lists_are_padded_to_the_longest_of_their_batch(lists, batch_size):
    table = pa.table({"x": pa.array(lists, pa.list_(pa.int64()))})
    input_fn = InputFn(table, Schema((Field("x", int, "REPEATED"),)), batch_size=batch_size)
    for start, features in zip(range(0, len(lists), batch_size), input_fn.batches(), strict=True):
        rows = lists[start : start + batch_size]
        longest = max(map(len, rows))
        assert features["x"].tolist() == [row + [0] * (longest - len(row)) for row in rows]


def test_a_transform_may_make_lists(tmp_path):
    def both(table):
        pairs = np.stack([table["id"].to_numpy(), 2 * table["id"].to_numpy()], axis=1)
        values = pa.FixedSizeListArray.from_arrays(pa.array(pairs.ravel()), 2)
        return table.append_column("both", values)

    table = pa.table({"id": np.arange(100)})
    schema = Schema.from_dict({"id": int})
    for features in InputFn(table, schema, shuffle=True, transform=both).batches():
        np.testing.assert_array_equal(features["both"], features["id"][:, None] * [1, 2])
    nan = lambda table: table.append_column("v", pa.array([[float("nan")]] * len(table)))  # noqa: E731
    with pytest.raises(ValueError, match="NaN or infinity in the column 'v'"):
        list(InputFn(table, schema, transform=nan).batches())


def test_a_missing_list_of_a_length_is_the_default():
    table = pa.table({"x": pa.array([[1.0, 2.0], None, []], pa.list_(pa.float64()))})
    schema = Schema((Field("x", float, default=0.5, length=2),))
    assert next(InputFn(table, schema).batches())["x"].tolist() == [[1, 2], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        (
            [[1], [1, 2]],
            Field("x", int, length=1),
            "row 1, column 'x': found a list of 2, exp",
        ),
        ([[1], None], Field("x", int, "REQUIRED", length=1), "row 1, .*found a list of 0"),
        ([[1], [1, 2]], Field("x", int, "REPEATED", length=1), "row 1, .*expected at most 1"),
        ([[1.0], [2.0, 0.5]], Field("x", int, "REPEATED"), "row 1, column 'x': found 0.5"),
        ([[1.0], [2.0, np.inf]], Field("x", float, "REPEATED"), "row 1, column 'x': found inf"),
        ([1, 2], Field("x", int, "REPEATED"), "found the type int64, expected lists, each value a"),
        ([["a"]], Field("x", int, "REPEATED"), "found the type list<.*string>, expected lists"),
        ([[[1]]], Field("x", int, "REPEATED"), "found the type list<"),
    ],
)
def test_lists_that_do_not_fit_are_refused(values, field, message):
    with pytest.raises(ValueError, match=message):
        list(InputFn(pa.table({"x": values}), Schema((field,))).batches())


def test_text_files_hold_no_lists(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(ValueError, match="files: the column 'x' of the schema hold lists"):
        InputFn(str(tmp_path), Schema((Field("x", int, "REPEATED"),)))


def test_a_label_is_one_value():
    with pytest.raises(ValueError, match="the label 'x' is a list, expected one value"):
        Schema((Field("x", int, "REPEATED"), Field("y", int)), label="x")


def test_a_schema_of_lists_is_written_and_read():
    assert Schema.from_json(SCHEMA.to_json(), label="label") == SCHEMA


@pytest.mark.parametrize("stacked", [False, True])
def test_a_dataset_of_many_columns_has_what_batches_have(stacked):
    """Columns of one kind cross to TensorFlow as one: numbers, texts, lists of one length."""
    random, number = np.random.default_rng(0), 300
    fields, columns = [Field("y", int)], {"y": random.integers(0, 2, number)}
    for index in range(35):
        fields += [
            Field(f"x{index}", float),
            Field(f"n{index}", int),
            Field(f"v{index}", float, length=2),
        ]
        columns[f"x{index}"] = random.normal(size=number)
        columns[f"n{index}"] = random.integers(0, 9, number)
        columns[f"v{index}"] = pa.array(random.normal(size=(number, 2)).tolist())
        if not stacked:
            fields += [Field(f"s{index}", str), Field(f"l{index}", int, "REPEATED")]
            columns[f"s{index}"] = [f"{index}.{value}" for value in random.integers(0, 5, number)]
            columns[f"l{index}"] = [list(range(length)) for length in random.integers(0, 4, number)]
    schema = Schema(tuple(fields), label="y")
    input_fn = InputFn(pa.table(columns), schema, shuffle=True, batch_size=64)
    expected = list(input_fn.batches(stacked=stacked))
    found = list(input_fn.dataset(stacked=stacked).as_numpy_iterator())
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)
