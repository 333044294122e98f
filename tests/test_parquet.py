"""Parquet files: row groups as blocks, types, what is damaged."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from sampling import Field, InputFn, InputFnDownsampleWithWeight, Schema
from sampling.formats import base
from sampling.formats.columnar import groups, parquet
from tests import flips
from tests.conftest import SCHEMA, frame, ids_of
from tests.written import write

PLAIN = Schema.from_dict({"id": int, "x": float})


def write_table(folder, columns, name="a.parquet", **options):
    pq.write_table(pa.table(columns), folder / name, **options)
    return folder / name


def values(path, schema, **options):
    """All columns of a file, in its order."""
    batches = list(InputFn(str(path), schema, batch_size=1000, **options).batches())
    features = [batch[0] if isinstance(batch, tuple) else batch for batch in batches]
    return {name: np.concatenate([each[name] for each in features]) for name in features[0]}


def test_only_the_columns_of_the_schema_are_read(tmp_path):
    big = pa.array(["x" * 1000] * 5000)
    path = write_table(tmp_path, {"big": big, "x": np.ones(5000), "id": np.arange(5000)})
    input_fn = InputFn(str(path), PLAIN)
    assert list(next(input_fn.batches())) == ["id", "x"]
    assert 0 < input_fn.describe()["bytes"] < path.stat().st_size


def test_values_that_stay_what_they_are_are_converted(tmp_path):
    when = datetime.datetime(2020, 1, 31, 12, 30)
    path = write_table(
        tmp_path,
        {
            "whole": pa.array([1.0, 2.0]),
            "small": pa.array([1, -2], pa.int8()),
            "fraction": pa.array([decimal.Decimal("1.25"), decimal.Decimal("2.5")]),
            "number": pa.array([1, 2**40]),
            "flag": pa.array([True, False]),
            "bits": pa.array([0, 1]),
            "word": pa.array(["a", "b"]).dictionary_encode(),
            "day": pa.array([when.date(), when.date()]),
            "time": pa.array([when, when], pa.timestamp("s")),
            "none": pa.nulls(2),
        },
    )
    types = {"whole": int, "small": int, "fraction": "NUMERIC", "number": float}
    types |= {"flag": bool, "bits": bool, "word": str, "day": "DATE", "time": "TIMESTAMP"}
    found = values(path, Schema.from_dict({**types, "none": int}))
    assert {name: column.tolist() for name, column in found.items()} == {
        "whole": [1, 2],
        "small": [1, -2],
        "fraction": [1.25, 2.5],
        "number": [1, np.float32(2**40)],
        "flag": [1, 0],
        "bits": [0, 1],
        "word": [b"a", b"b"],
        "day": [b"2020-01-31"] * 2,
        "time": [b"2020-01-31 12:30:00"] * 2,
        "none": [0, 0],
    }
    assert found["whole"].dtype == np.int64 and found["number"].dtype == np.float32


def test_empty_values_are_the_defaults(tmp_path):
    path = write_table(tmp_path, {"id": pa.array([1, None]), "city": pa.array([None, "Rome"])})
    schema = Schema((Field("id", int, default=7), Field("city", str)))
    found = values(path, schema)
    assert (found["id"].tolist(), found["city"].tolist()) == ([1, 7], [b"", b"Rome"])


@pytest.mark.parametrize(
    ("schema", "column", "message"),
    [
        (PLAIN, {"id": pa.array(["1"])}, r"'id': found the type string, expected a whole number"),
        (PLAIN, {"x": pa.array(["1"])}, r"'x': found the type string, expected a number"),
        (Schema.from_dict({"c": str}), {"c": [0.5]}, "'c': found the type double, expected text"),
        (Schema.from_dict({"c": bool}), {"c": ["t"]}, "'c': found the type string, expected true"),
        (Schema.from_dict({"c": str, "d": str}), {"c": ["a"]}, "found c, expected the column 'd'"),
        (PLAIN, {"id": pa.array([[1]])}, r"'id': found the type list"),
    ],
)
def test_a_column_that_does_not_fit_is_refused_at_once(tmp_path, schema, column, message):
    others = {"id": [1], "x": [1.0]} if schema is PLAIN else {}
    path = write_table(tmp_path, {**others, **column})
    with pytest.raises(ValueError, match=rf"{path}.*{message}"):
        InputFn(str(path), schema)


@pytest.mark.parametrize(
    ("type_", "bad", "message"),
    [
        (int, 1.5, "found 1.5, expected a whole number"),
        (bool, 2, "found 2, expected true or false"),
        (float, float("inf"), "found inf, expected a finite number"),
        (float, 1e300, r"found 1e\+300, expected a finite number"),
        (Field("c", int, "REQUIRED"), None, "found nothing, expected a value, as of keys"),
    ],
)
def test_a_bad_value_is_named_by_its_row(tmp_path, type_, bad, message):
    good = [1, 0] * 2000
    path = write_table(tmp_path, {"c": pa.array([*good, bad, *good])}, row_group_size=300)
    field = type_ if isinstance(type_, Field) else Field("c", type_)
    with pytest.raises(ValueError, match=f"{path}, row 4,000, column 'c': {message}"):
        values(path, Schema((field,)), shuffle=True, pool_rows=500)


def test_labels_and_weights_are_never_made_up(tmp_path):
    path = write_table(tmp_path, {"id": [1, 2], "x": [1.0, 2.0], "y": pa.array([1, None])})
    with pytest.raises(ValueError, match=r"row 1, column 'y': found nothing.* no label is made"):
        values(path, Schema.from_dict({"id": int, "y": int}, label="y"))
    with pytest.raises(ValueError, match=r"row 1, column 'y': found nothing.* no weight is made"):
        values(path, Schema.from_dict({"id": int, "y": int}, weight="y"))


def test_class_files_may_lack_the_label(tmp_path):
    ids = np.arange(40)
    for name, rows in (("positive", ids[:10]), ("negative", ids[10:])):
        write(frame(rows, 0).drop(columns="label"), tmp_path / f"{name}.parquet")
    paths = str(tmp_path / "positive.parquet"), str(tmp_path / "negative.parquet")
    input_fn = InputFnDownsampleWithWeight(*paths, schema=SCHEMA, is_train=True)
    for features, labels, _ in input_fn.batches():
        np.testing.assert_array_equal(labels, features["id"] < 10)
    assert not isinstance(next(InputFn(paths[0], SCHEMA).batches()), tuple)
    write(frame(ids, 0), tmp_path / "with.parquet")
    with pytest.raises(ValueError, match="negative.parquet lacks the column 'label'"):
        InputFn(str(tmp_path), SCHEMA)


def test_files_may_have_their_own_types_and_orders(tmp_path):
    write_table(tmp_path, {"id": pa.array([1], pa.int32()), "x": pa.array([1.0])}, "a.parquet")
    write_table(tmp_path, {"x": pa.array([2], pa.int64()), "id": pa.array([2.0])}, "b.parquet")
    write_table(tmp_path, {"x": pa.array([], pa.float32()), "id": pa.array([], pa.int64())}, "c.pq")
    found = values(tmp_path, PLAIN)
    assert (found["id"].tolist(), found["x"].tolist()) == ([1, 2], [1, 2])


def test_no_row_at_all(tmp_path):
    path = write_table(tmp_path, {"id": pa.array([], pa.int64()), "x": pa.array([], pa.float32())})
    with pytest.raises(ValueError, match=f"files: found no row in {path}"):
        InputFn(str(path), PLAIN)


@pytest.mark.parametrize("held", [2**26, 60_000, 2_000])
@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_are_the_same_however_row_groups_are_decoded(tmp_path, monkeypatch, held, shuffle):
    """As a whole, several held, or too large to be held and decoded piece by piece."""
    for module in (base, groups):
        monkeypatch.setattr(module, "HELD_BYTES", held)
    for part in range(3):
        ids = np.arange(part * 2000, (part + 1) * 2000)
        write(frame(ids, 0), tmp_path / f"{part}.parquet", row_group_rows=700)
    input_fn = InputFn(str(tmp_path), SCHEMA, shuffle=shuffle, pool_rows=1000, num_epochs=3)
    batches = list(input_fn.batches())
    for features, *_ in batches:
        np.testing.assert_array_equal(features["x"], features["id"] / np.float32(4))
    for epoch in np.split(ids_of(batches), 3):
        assert shuffle != np.array_equal(epoch, np.arange(6000))
        np.testing.assert_array_equal(np.sort(epoch), np.arange(6000))


def test_a_row_group_is_decoded_once_in_a_pass(tmp_path, monkeypatch):
    write(frame(np.arange(20_000), 0), tmp_path / "a.parquet", row_group_rows=1000)
    read = []
    original = parquet.ParquetFile.read

    def noting(file, groups, *options):
        read.extend(groups)
        return original(file, groups, *options)

    monkeypatch.setattr(parquet.ParquetFile, "read", noting)
    list(InputFn(str(tmp_path), SCHEMA, shuffle=True, pool_rows=1000).batches())
    assert sorted(read) == list(range(20))


def test_a_huge_row_group_is_read_within_bounds(tmp_path):
    """A class of 3 million rows in one row group, 72 MB decoded: pieces of it are held, not all."""
    rows = 3_000_000
    columns = {"id": np.arange(rows), "x": np.arange(rows) / 7.0, "y": np.arange(rows)}
    path = write_table(tmp_path, columns, row_group_size=rows)
    before = pa.total_allocated_bytes()
    input_fn = InputFn(str(path), Schema.from_dict({"id": int, "x": float, "y": int}), shuffle=True)
    batches, most = input_fn.batches(), 0
    for features in (next(batches) for _ in range(1500)):
        most = max(most, pa.total_allocated_bytes() - before)
        np.testing.assert_array_equal(features["id"], features["y"])
    assert most < 2**25
    assert input_fn.rows_per_epoch == rows


@pytest.mark.parametrize("place", ["beginning", "data", "end", "half"])
def test_a_damaged_file_is_named(tmp_path, place):
    path = write(frame(np.arange(3000), 0), tmp_path / "a.parquet", row_group_rows=1000)
    data = bytearray(path.read_bytes())
    if place == "data":
        second = pq.read_metadata(path).row_group(1).column(1)
        data[second.dictionary_page_offset + 200] ^= 0xFF
    elif place == "beginning":
        data = bytearray(b"id,x,city,label\n1,2,Rome,0\n")
    elif place == "end":
        data[-8:] = b"\0" * 8
    else:
        data = data[: len(data) // 2]
    path.write_bytes(data)
    where = ", row group 1, column 'x'" if place == "data" else ""
    with pytest.raises(ValueError, match=f"{path}{where}: found what Parquet can't be read from"):
        values(path, SCHEMA)


@pytest.mark.parametrize("part", ["pages", "footer"])
def test_a_flipped_bit_is_an_error_and_never_the_end_of_the_process(tmp_path, part):
    path = tmp_path / "a.parquet"
    data = flips.write(path)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    places = range(4, footer) if part == "pages" else range(footer, len(data))
    found = flips.outcomes(path, data, places, 30, seed=3)
    assert set(found) <= {"same", "SamplingError"} and found["SamplingError"] > 5


@pytest.mark.parametrize(
    ("name", "reader", "method"),
    [("a.parquet", pq.ParquetFile, "iter_batches"), ("a.arrow", pa.ipc, "open_file")],
)
def test_a_file_without_the_rows_that_it_says_is_named(tmp_path, monkeypatch, name, reader, method):
    def ends(*_, **__):
        raise StopIteration  # as pyarrow does

    path = write(frame(np.arange(300), 0), tmp_path / name)
    monkeypatch.setattr(reader, method, ends)
    with pytest.raises(ValueError, match=rf"{path}.*it ends too early"):
        InputFn(path, SCHEMA)


def test_a_footer_that_pyarrow_ends_the_process_for(tmp_path):
    """Levels of a column that has none: `RowGroupMetaData.column` is not to be asked."""
    rows = pa.table({"id": np.arange(300), "x": np.arange(300) / 4})
    path = write_table(tmp_path, rows, row_group_size=100, write_page_checksum=True)
    data = bytearray(path.read_bytes())
    groups = [place for place in range(len(data)) if data[place : place + 2] == b"<)"]
    for place in groups:  # the statistics of sizes begin: an empty list becomes one of four
        data[place + 2] ^= 1 << 6
    path.write_bytes(data)
    code = f"""
from sampling import InputFn, Schema
InputFn({str(path)!r}, Schema.from_dict({{"id": int, "x": float}})).describe()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and f"{path}" in done.stderr and "whole Parquet" in done.stderr


def test_codes_beyond_the_dictionary_are_an_error(tmp_path):
    """As an index of 3 in a dictionary of three values, in a page without a checksum."""
    words = pa.array(["a", "b", "c", "a"] * 8)
    path = write_table(tmp_path, {"city": words}, compression="none")
    data = bytearray(path.read_bytes())
    codes = bytes(int("".join(f"{c:02b}"[::-1] for c in [0, 1, 2, 0])[::-1], 2) for _ in range(8))
    at = data.index(codes)
    data[at + 2] |= 0b11
    path.write_bytes(data)
    schema = Schema.from_dict({"city": str})
    with pytest.raises(ValueError, match=f"{path}, row group 0.*: found what Parquet"):
        values(path, schema)


def test_a_row_group_without_a_text(tmp_path):
    table = pa.table({"id": [1, 2], "city": pa.array([None, None], pa.string())})
    pq.write_table(table, tmp_path / "a.parquet")
    schema = Schema.from_dict({"id": int, "city": str})
    assert values(tmp_path, schema)["city"].tolist() == [b"", b""]


def test_a_column_that_is_there_twice(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="a.parquet: the column 'id' is there twice; rename one"):
        InputFn(str(tmp_path), Schema.from_dict({"id": int}))
    more = pa.Table.from_arrays([pa.array([1])] * 3, names=["id", "z", "z"])
    pq.write_table(more, tmp_path / "a.parquet")
    assert values(tmp_path, Schema.from_dict({"id": int}))["id"].tolist() == [1]


def test_what_is_written_carries_checksums(tmp_path):
    path = write(frame(np.arange(300), 0), tmp_path / "a.csv")
    InputFn(str(path), SCHEMA).write_epoch(tmp_path / "out", shards=1, format="parquet")
    [shard] = (tmp_path / "out").glob("*.parquet")
    data = shard.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    found = []
    for place in range(100, footer, footer // 12):
        shard.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ValueError, match=f"{shard}.*found what Parquet can't be read"):
            values(shard, SCHEMA)
        found.append(place)
    assert len(found) > 10


def test_a_file_that_changes_is_noticed(tmp_path):
    path = write(frame(np.arange(300), 0), tmp_path / "a.parquet")
    input_fn = InputFn(str(path), SCHEMA)
    write(frame(np.arange(301), 0), path)
    with pytest.raises(ValueError, match=f"{path} has changed"):
        list(input_fn.batches())


def test_mixed_formats_are_refused_and_named(tmp_path):
    write(frame(np.arange(3), 0), tmp_path / "a.csv")
    write(frame(np.arange(3), 0), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"files: .*a.csv \(csv\) and .*b.parquet \(parquet\)"):
        InputFn(str(tmp_path), SCHEMA)
    classes = str(tmp_path / "a.csv"), str(tmp_path / "b.parquet")
    assert InputFnDownsampleWithWeight(*classes, schema=SCHEMA, is_train=True).rows_per_epoch == 6


def test_the_format_can_be_said(tmp_path):
    write(frame(np.arange(3), 0), tmp_path / "a.parquet").rename(tmp_path / "part-0")
    for file_format in ("parquet", None):  # its first bytes say so, too
        input_fn = InputFn(str(tmp_path), SCHEMA, file_format=file_format)
        assert ids_of(list(input_fn.batches())).size == 3
    with pytest.raises(ValueError, match="the beginning of a Parquet file.*file_format='parquet'"):
        InputFn(str(tmp_path), SCHEMA, file_format="csv")
    with pytest.raises(ValueError, match="file_format is 'xml', expected one of 'csv'.* 'parquet'"):
        InputFn(str(tmp_path), SCHEMA, file_format="xml")


def test_from_where_only_tensorflow_can_read(tmp_path):
    path = write(frame(np.arange(300), 0), tmp_path / "a.parquet")
    tf.io.gfile.copy(str(path), "ram://parquet/a.parquet", overwrite=True)
    assert ids_of(list(InputFn("ram://parquet/*", SCHEMA).batches())).tolist() == list(range(300))


def test_a_transform_sees_plain_columns(tmp_path):
    path = write(frame(np.arange(30), 0), tmp_path / "a.parquet")
    seen = []
    values(path, SCHEMA, transform=lambda table: seen.append(table.schema) or table)
    assert seen[0].types == [pa.int64(), pa.float32(), pa.string(), pa.int64()]


def test_a_frame_written_by_pandas_comes_back(tmp_path):
    rows = pd.DataFrame({"id": [1, 2], "x": [0.5, None], "city": ["Rome", None]})
    rows.to_parquet(tmp_path / "a.parquet")
    found = values(tmp_path, Schema.from_pandas(rows))
    assert {name: column.tolist() for name, column in found.items()} == {
        "id": [1, 2],
        "x": [0.5, 0],
        "city": [b"Rome", b""],
    }
