"""What every format does alike: one table of cases, each in each format, through `InputFn`."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
import math
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from sampling import Field, InputFn, InputFnStratified, Schema
from sampling.files import listing
from sampling.formats import registry
from sampling.formats.csv.options import CsvOptions
from sampling.order.block_size import fixed
from tests import written

PACKED = ("csv.gz", "csv.bz2", "csv.xz", "csv.zst")
TEXT = ("csv", *PACKED)
TYPED = ("parquet", "arrow", "feather", "tfrecord", "tfrecord.gz", "DataFrame", "Table")
FORMATS = TEXT + TYPED
every_format = pytest.mark.parametrize("file_format", FORMATS)


def made(columns: dict[str, list[Any]], file_format: str, folder: Path, name: str = "a") -> Any:
    """What an `InputFn` takes: a file's path, or a table. None is what is missing."""
    path = folder / f"{name}.{file_format}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if file_format == "DataFrame":
        return pd.DataFrame({n: pd.Series(v) for n, v in columns.items()})
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if file_format in TEXT:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if v is None else v for v in row.values()] for row in rows)
        path.write_bytes(written.packed(text.getvalue().encode(), path))
    elif file_format.startswith("tfrecord"):
        written.write_examples([{n: _plain(v) for n, v in r.items()} for r in rows], path)
    else:
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        if file_format == "Table":
            return table
        write = pq.write_table if file_format == "parquet" else pa.feather.write_feather
        write(table, path)
    return str(path)


def _plain(value: Any) -> Any:
    """What an Example can hold."""
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    return str(value) if isinstance(value, (decimal.Decimal, datetime.date)) else value


def read(data: Any, schema: Schema, **options: Any) -> dict[str, list[Any]]:
    """All columns, the label too, in the order of the rows."""
    found: dict[str, list[Any]] = {}
    for batch in InputFn(data, schema, batch_size=3, **options).batches():
        features, labels = batch[:2] if isinstance(batch, tuple) else (batch, None)
        columns = {**features} if labels is None else {**features, "label": labels}
        for name, values in columns.items():
            assert values.dtype == (np.dtype(object) if values.dtype.hasobject else values.dtype)
            found.setdefault(name, []).extend(values.tolist())
    return found


def refused(*parts: str) -> Any:
    return pytest.raises(ValueError, match=".*".join(parts))


# (field, values, options, what batches have, and where they say "missing")
NAN = math.nan
MISSING = {
    "whole numbers": (Field("x", int), [1, None, 3], {}, [1, 0, 3]),
    "with a default": (Field("x", int, default=-1), [1, None, 3], {}, [1, -1, 3]),
    "numbers": (Field("x", float), [0.5, None, NAN], {}, [0.5, 0, 0]),
    "numbers, NaN": (Field("x", float, default=NAN), [0.5, None, NAN], {}, [0.5, NAN, NAN]),
    "numbers, default": (Field("x", float, default=-2), [0.5, None, NAN], {}, [0.5, -2, -2]),
    "whole with NaN": (Field("x", int, default=7), [4.0, NAN, 2.0], {}, [4, 7, 2]),
    "flags": (Field("x", bool, default=1), [False, None, True], {}, [0, 1, 1]),
    "text": (Field("x", str), ["a", None, ""], {}, [b"a", b"", b""]),
    "text, default": (Field("x", str, default="?"), ["a", None, ""], {}, [b"a", b"?", b"?"]),
    "spelled": (
        Field("x", str, default="?"),
        ["a", "NA", ""],
        {"null_values": ["NA"]},
        [b"a", b"?", b"?"],
    ),
    "spelled, blank anyway": (
        Field("x", str),
        ["a", "NA", ""],
        {"null_values": ("", "NA")},
        [b"a", b"", b""],
    ),
}


def same(found: list[Any], expected: list[Any]) -> bool:
    return np.array_equal(np.array(found), np.array(expected), equal_nan=found[0] in (0.5,))


@every_format
@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_is_one_thing(tmp_path, file_format, case, indicator):
    field, values, options, expected = MISSING[case]
    schema = Schema((Field("id", int), _with(field, indicator=indicator)))
    found = read(made({"id": [5, 6, 7], "x": values}, file_format, tmp_path), schema, **options)
    assert list(found) == ["id", "x", *["x_missing"] * indicator]
    assert found["id"] == [5, 6, 7] and same(found["x"], expected)
    is_missing = [v is None or v != v or v in ("", *options.get("null_values", ())) for v in values]
    assert found.get("x_missing", []) == [int(each) for each in is_missing] * indicator


def _with(field: Field, **changes: Any) -> Field:
    known = {"name": field.name, "type": field.type, "mode": field.mode, "default": field.default}
    return Field(**known | changes)


@every_format
@pytest.mark.parametrize("role", ["REQUIRED", "label", "weight", "classes"])
@pytest.mark.parametrize("value", [None, NAN])
def test_what_must_be_there_is_named(tmp_path, file_format, role, value):
    if role == "classes" and value is NAN and file_format in TEXT:
        pytest.skip("a class may be called nan in text")
    field = Field("x", float, "REQUIRED" if role == "REQUIRED" else "NULLABLE")
    classes = (1, 2) if role == "classes" else ()
    named = {"classes": "label"}.get(role, role)
    roles = {named: "x"} if named in ("label", "weight") else {}
    schema = Schema((Field("id", int), field), **roles, classes=classes)
    data = made({"id": [5, 6, 7], "x": [1.0, value, 2.0]}, file_format, tmp_path)
    with refused("(row 1|line 3), column 'x': found (nothing|'nan'), expected a value"):
        read(data, schema)


@every_format
def test_infinity_is_no_missing_value(tmp_path, file_format):
    schema = Schema((Field("x", float, default=NAN),))
    data = made({"x": [0.5, math.inf]}, file_format, tmp_path)
    with refused("(row 1|line 3), column 'x': found '?inf'?, expected a finite number"):
        read(data, schema)


# (the label's values in a file, classes, places)
LABELS: dict[str, tuple[list[Any], tuple[Any, ...], list[int]]] = {
    "words": (["yes", "no", "yes"], ("no", "yes"), [1, 0, 1]),
    "True and False": ([True, False, True], (False, True), [1, 0, 1]),
    "true as text": (["True", "False", "True"], ("False", "True"), [1, 0, 1]),
    "fractions": ([1.0, 0.0, 1.0], (0, 1), [1, 0, 1]),
    "signs": ([1, -1, 1], (-1, 1), [1, 0, 1]),
    "2 and 1": ([2, 1, 2], (1, 2), [1, 0, 1]),
    "2.0 and 1.0": ([2.0, 1.0, 2.0], ("1", "2"), [1, 0, 1]),
    "blanks around": ([" >50K", " <=50K", " >50K"], (" <=50K", " >50K"), [1, 0, 1]),
    "blanks not said": ([" >50K", " <=50K", " >50K"], ("<=50K", ">50K"), [1, 0, 1]),
    "full stops": (["False.", "True.", "False."], ("False.", "True."), [0, 1, 0]),
    "three": (["c", "a", "b"], ("a", "b", "c"), [2, 0, 1]),
    "other order": ([0, 1, 2], (2, 0, 1), [1, 2, 0]),
}


@every_format
@pytest.mark.parametrize("type_", ["STRING", "INTEGER"])
@pytest.mark.parametrize("case", LABELS)
def test_labels_are_places_of_classes(tmp_path, file_format, case, type_):
    values, classes, places = LABELS[case]
    schema = Schema((Field("x", int), Field("y", type_)), label="y", classes=classes)
    data = made({"x": [1, 2, 3], "y": values}, file_format, tmp_path)
    [(features, labels, _)] = InputFn(data, schema).batches()
    assert labels.dtype == np.int64 and labels.tolist() == places
    assert features["x"].tolist() == [1, 2, 3]


@every_format
def test_a_label_of_no_class_is_named(tmp_path, file_format):
    schema = Schema.from_dict({"x": int, "y": str}, label="y", classes=("no", "yes"))
    data = made({"x": [1, 2, 3], "y": ["no", "maybe", "yes"]}, file_format, tmp_path)
    with refused("(row 1|line 3), column 'y': found 'maybe', expected one of .* 'no', 'yes'"):
        read(data, schema)


@every_format
def test_rows_without_a_label_can_be_read_for_their_features(tmp_path, file_format):
    """What is not asked for is neither parsed nor checked."""
    schema = Schema.from_dict({"x": int, "z": float, "y": str}, label="y", classes=("no", "yes"))
    columns = {"x": [1, 2, 3], "z": [0.5, math.inf, 1.0], "y": ["no", None, "what"]}
    data = made(columns, file_format, tmp_path)
    blocks = registry.open_blocks(data, "files", schema, CsvOptions(), fixed(10))
    assert blocks.read(np.arange(1), ["x"]).to_pydict() == {"x": [1, 2, 3]}
    with refused("column 'y'"):
        blocks.read(np.arange(1), ["y", "x"])
    with refused("columns is \\['nope'\\], expected names among x, z, y"):
        blocks.read(np.arange(1), ["nope"])
    columns["y"] = ["no", "yes", "no"]
    input_fn = InputFn(made(columns, file_format, tmp_path), schema)
    [(features, labels, _)] = input_fn.batches(["x"])
    assert (list(features), labels.tolist()) == (["x"], [0, 1, 0])
    with refused("column 'z': found '?inf"):
        list(input_fn.batches(["z"]))


@every_format
def test_columns_that_the_schema_lacks_are_left_out(tmp_path, file_format):
    columns = {"": [0, 1], "a": [1, 2], "more": ["p", "q"], "label": [0, 1]}
    if file_format == "Table":
        columns = dict(columns)
    data = made(columns, file_format, tmp_path)
    schema = Schema.from_dict({"label": int, "a": int}, label="label")
    assert read(data, schema) == {"a": [1, 2], "label": [0, 1]}
    blocks = registry.open_blocks(data, "files", schema, CsvOptions(), fixed(10))
    assert sorted(blocks.left_out) == ["", "more"]
    lacking = Schema((Field("a", int), Field("b", int, "REQUIRED")))
    with refused("(lacks the column|expected the column) 'b'"):
        InputFn(data, lacking)


NAMES = ["concave points_mean", "Jitter(%)", "âge", "_age", "a.b", "a", "1", "x,y", " z", "a[0]"]


@every_format
def test_any_name_works(tmp_path, file_format):
    columns = {name: [index, index + 1] for index, name in enumerate(NAMES)}
    schema = Schema.from_dict({name: int for name in reversed(NAMES)})
    assert read(made(columns, file_format, tmp_path), schema) == columns


@every_format
def test_a_column_is_found_by_its_alias_where_its_name_is_not_there(tmp_path, file_format):
    fields = Field("label", int, alias="Class (0/1)"), Field("a", str, alias="b"), Field("c", float)
    schema = Schema(fields, label="label")
    expected = {"a": [b"x", b"y", b"x"], "c": [0.5, 1, 2], "label": [1, 0, 1]}
    columns = {"c": [0.5, 1.0, 2.0], "b": ["x", "y", "x"], "Class (0/1)": [1, 0, 1]}
    data = made(columns, file_format, tmp_path)
    assert read(data, schema) == read(data, schema, transform=lambda table: table) == expected
    assert InputFn(data, schema).describe()["columns_left_out"] == 0
    data = made({**columns, "a": ["p", "q", "p"]}, file_format, tmp_path, "b")
    assert read(data, schema) == {**expected, "a": [b"p", b"q", b"p"]}
    assert InputFn(data, schema).describe()["columns_left_out"] == 1
    assert Schema.from_json(json.dumps(schema.to_manifest())) == schema


def test_columns_of_a_dataframe_may_be_numbers():
    frame = pd.DataFrame(np.arange(6).reshape(3, 2))
    frame[2] = [0, 1, 0]
    schema = Schema.from_pandas(frame, label="2")
    assert read(frame, schema) == {"0": [0, 2, 4], "1": [1, 3, 5], "label": [0, 1, 0]}


AS_TEXT = {
    "whole": ([3, 5], [b"3", b"5"]),
    "negative": ([-3, 0], [b"-3", b"0"]),
    "of 64 bits": (np.array([2**64 - 1, 5], np.uint64).tolist(), [b"18446744073709551615", b"5"]),
    "decimals": ([decimal.Decimal("1.50"), decimal.Decimal("-2.25")], [b"1.50", b"-2.25"]),
}


@every_format
@pytest.mark.parametrize("case", AS_TEXT)
@pytest.mark.parametrize("transform", [None, lambda table: table])  # as codes, and as text
def test_numbers_that_are_categories(tmp_path, file_format, case, transform):
    values, expected = AS_TEXT[case]
    if case == "of 64 bits":
        if file_format.startswith("tfrecord"):
            pytest.skip("an Example has no such number")
        if file_format not in TEXT:
            values = np.array(values, np.uint64)
    data = made({"store": values, "y": [0, 1]}, file_format, tmp_path)
    schema = Schema.from_dict({"store": str, "y": int}, label="y")
    assert read(data, schema, transform=transform)["store"] == expected


@every_format
def test_whole_numbers_with_a_fraction_of_nothing(tmp_path, file_format):
    schema = Schema.from_dict({"x": int, "z": int})
    data = made({"x": [17.0, -3.0, 0.0], "z": [1, 2, 3]}, file_format, tmp_path)
    assert read(data, schema) == {"x": [17, -3, 0], "z": [1, 2, 3]}
    data = made({"x": [17.0, 1.5, 0.0], "z": [1, 2, 3]}, file_format, tmp_path)
    with refused("(row 1|line 3), column 'x': found '?1.5'?, expected a whole number"):
        read(data, schema)


@pytest.mark.parametrize("file_format", [f for f in FORMATS if f not in ("DataFrame", "Table")])
def test_shards_without_bytes_or_rows_are_empty(tmp_path, file_format):
    schema = Schema.from_dict({"a": int, "label": int}, label="label")
    made({"a": [1, 2], "label": [0, 1]}, file_format, tmp_path, "part-1")
    (tmp_path / f"part-0.{file_format}").write_bytes(b"")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    if not file_format.startswith("tfrecord"):
        empty = {"a": pa.array([], pa.int64()), "label": pa.array([], pa.int64())}
        made(empty, file_format, tmp_path, "part-2")
    else:
        made({"a": [], "label": []}, file_format, tmp_path, "part-2")
    assert read(tmp_path, schema) == {"a": [1, 2], "label": [0, 1]}
    for path in tmp_path.glob("part-1*"):
        path.unlink()
    with refused("files: found no (row|record) in .*part-2"):
        InputFn(tmp_path, schema)


@pytest.mark.parametrize("file_format", [f for f in FORMATS if f not in ("DataFrame", "Table")])
def test_first_bytes_say_what_a_file_is(tmp_path, file_format):
    schema = Schema.from_dict({"a": int, "label": int}, label="label")
    path = Path(made({"a": [1, 2], "label": [0, 1]}, file_format, tmp_path / "there"))
    for name in ("part-00000", "train-00000-of-00001", "a.record"):
        path.rename(path.with_name(name))
        path = path.with_name(name)
        assert read(path, schema) == {"a": [1, 2], "label": [0, 1]}
    packed = path.with_name("data.gz")
    path.rename(packed)
    assert read(packed, schema) == {"a": [1, 2], "label": [0, 1]}


@pytest.mark.parametrize("file_format", [f for f in FORMATS if f not in ("DataFrame", "Table")])
def test_folders_name_values(tmp_path, file_format):
    for day, store, ids in (("2024-01-01", 3, [1, 2]), ("2024-01-02", 4, [3]), ("", "x", [4])):
        folder = tmp_path / (f"dt={day}" if day else "dt=__HIVE_DEFAULT_PARTITION__")
        columns = {"a": ids, "label": [i % 2 for i in ids]}
        made(columns, file_format, folder / f"store%20={store if day else 5}")
    types = {"dt": "DATE", "a": int, "store ": int, "label": int}
    schema = Schema.from_dict(types, label="label")
    glob = str(tmp_path / "**" / f"a.{file_format}")
    days = [b"2024-01-01", b"2024-01-01", b"2024-01-02", b""]
    expected = {"dt": days, "a": [1, 2, 3, 4], "store ": [3, 3, 4, 5], "label": [1, 0, 1, 0]}
    found = read(glob, schema)
    assert found == expected
    blocks = registry.open_blocks(glob, "files", schema, CsvOptions(), fixed(10))
    days = blocks.read(np.arange(blocks.num_blocks), ["dt"]).column("dt").to_pylist()
    assert days == [day.decode() for day in expected["dt"]]
    plain = Schema.from_dict({"a": int, "label": int}, label="label")
    assert read(glob, plain) == {"a": [1, 2, 3, 4], "label": [1, 0, 1, 0]}
    wrong = Schema.from_dict({"dt": int, "a": int, "label": int}, label="label")
    with refused("dt=2024-01-01/.*, column 'dt' in its path: found '2024-01-01', expected a whole"):
        InputFn(glob, wrong)


def test_schemas_with_classes_and_indicators_go_round(tmp_path):
    fields = (Field("x", float, default=NAN, indicator=True), Field("y", str))
    schema = Schema(fields, label="y", classes=("no", "yes"))
    text = json.dumps(schema.to_manifest())
    again = Schema.from_json(text), Schema.from_json(schema.to_json(), "y", classes=("no", "yes"))
    for each in again:  # NaN is not equal to itself, so the schemas are not either
        assert json.dumps(each.to_manifest()) == text
    assert [f.name for f in schema.batch_features] == ["x", "x_missing"]
    assert pickle.loads(pickle.dumps(schema)).classes == ("no", "yes")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"classes": ("a", "b")}, ["there is no label"]),
        ({"label": "y", "classes": "ab"}, ["classes is 'ab'"]),
        ({"label": "y", "classes": ("a",)}, ["classes is", "name them all"]),
        ({"label": "y", "classes": (1, "1.0")}, ["'1' and '1.0', which can't be told apart"]),
        ({"fields": (Field("a", int), Field("b", int, alias="a"))}, ["'b' has the alias 'a'"]),
        ({"label": "x_missing"}, ["'x' has an indicator", "column's name already"]),
    ],
)
def test_schemas_that_can_not_be(arguments, parts):
    fields = (Field("x", int, indicator=True), Field("y", str), Field("x_missing", int))
    used = fields if arguments.get("label") == "x_missing" else fields[:2]
    with refused(*parts):
        Schema(**{"fields": used, **arguments})


FILE_FORMATS = [f for f in FORMATS if f not in ("DataFrame", "Table")]


@pytest.mark.parametrize("file_format", FILE_FORMATS)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path, file_format, kept, monkeypatch):
    ids = list(range(4000))
    text = [f"{i * 7919 % 10_007:x}" for i in ids]
    data = made({"id": ids, "s": text}, file_format, tmp_path)
    input_fn = InputFn(data, Schema.from_dict({"id": int, "s": str}), pool_rows=100)
    original = listing.File.check_unchanged

    def and_then_it_shrinks(file):
        original(file)
        os.truncate(file.path, int(file.size * kept))

    monkeypatch.setattr(listing.File, "check_unchanged", and_then_it_shrinks)
    with refused(re.escape(str(data))):
        list(input_fn.batches())


def test_few_files_are_held_open(tmp_path):
    """Of three classes of 60 files each, where the process may open 100."""
    for name, label in (("p", 1), ("n", 0), ("m", 2)):
        for part in range(60):
            path = tmp_path / name / f"{part}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text("a,label\n" + f"{part},{label}\n" * 20)
    code = f"""
import resource
from sampling import InputFnStratified, Schema
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
schema = Schema.from_dict({{"a": int, "label": int}}, label="label")
globs = {{1: "{tmp_path}/p", 0: "{tmp_path}/n", 2: "{tmp_path}/m"}}
input_fn = InputFnStratified(globs, schema, pool_rows=100, num_epochs=2)
print(sum(len(labels) for _, labels, _ in input_fn.batches()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["7200"], done.stderr


# --- what is written again ---


@pytest.mark.parametrize("file_format", ["csv", "csv.gz", *TYPED])
def test_fields_are_written_as_they_are(tmp_path, file_format):
    columns = {
        "id": [2**53 + 1, 2**53 + 3, 5, 7],
        "x": [0.116950644, None, 17.0, 0.001],
        "age": [10**15 + 1, None, None, 17],
        "city": ['a "b", c', "Zürich", None, "NA"],
        "seen": [True, None, False, True],
        "y": ["yes", "no", "no", "yes"],
    }
    fields = (
        Field("id", int, kind="id"),
        Field("x", float, default=math.nan, indicator=True),
        Field("age", int, default=-1),
        Field("city", str, default="?"),
        Field("seen", bool),
        Field("y", str),
    )
    is_file = file_format not in ("DataFrame", "Table")
    if is_file:
        fields += (Field("dt", "DATE"),)
    schema = Schema(fields, "y", classes=("no", "yes"))
    files = made(columns, file_format, tmp_path / "dt=2024-01-01")
    input_fn = InputFnStratified(
        files, schema, epoch=5, shares="natural", oversample=True, weight="auto", null_values=["NA"]
    )
    expected = {
        key: [None if value == "NA" else value for value in values]
        for key, values in columns.items()
    }
    if file_format.startswith("tfrecord"):
        expected["x"] = [v and float(np.float32(v)) for v in expected["x"]]
    expected |= {"dt": ["2024-01-01"] * 4} if is_file else {}
    place = {id_: row for row, id_ in enumerate(columns["id"])}
    for written_as in ("csv", "parquet"):
        out = tmp_path / written_as
        [path] = input_fn.write_epoch(out, shards=1, format=written_as)["files"]
        if written_as == "csv":
            rows = list(csv.DictReader((out / path).read_text().splitlines()))
        else:
            rows = pq.read_table(out / path).to_pylist()
        for row in rows:
            for name, values in expected.items():
                value = values[place[int(row["id"])]]
                if written_as == "parquet" or (file_format in TEXT and value is not None):
                    assert str(row[name]) == str(value) or row[name] == value, name
                else:
                    assert _is_text_of(row[name], value), name
        again = InputFn(str(out / path), Schema.from_manifest(out))
        assert again.schema.classes == schema.classes
        for one, other in zip(input_fn.batches(), again.batches(), strict=True):
            np.testing.assert_equal(one, other)


def _is_text_of(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text in (("true", "1") if value else ("false", "0"))
    if isinstance(value, float):
        return value in (float(text), float(np.float32(text)))  # all digits that there are
    return text == ("" if value is None else str(value))
