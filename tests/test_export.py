"""An epoch written to files: what is in them, what is refused, what a failure leaves."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import Field, InputFn, InputFnDownsampleWithWeight, Schema
from sampling.__main__ import main
from sampling.files import manifest
from sampling.formats.writing import Layout
from sampling.prepare import sample
from sampling.rows.encoding import TableRows
from tests.conftest import SCHEMA, write_classes

WEIGHTED = Schema.from_dict(
    {"id": int, "importance": float, "when": "DATE", "label": int},
    label="label",
    weight="importance",
    features_to_forward=["id"],
)


@pytest.fixture
def weighted(tmp_path):
    for name, ids, label in (("positive", range(10), 1), ("negative", range(10, 100), 0)):
        frame = pd.DataFrame({"id": ids, "importance": 0.5, "when": "2019-10-28", "label": label})
        frame.to_csv(tmp_path / f"{name}.csv", index=False, sep=";")
    return tmp_path


def train(folder, **options):
    files = str(folder / "positive.csv"), str(folder / "negative.csv")
    defaults = {"schema": WEIGHTED, "is_train": True, "weight": "auto", "delimiter": ";"}
    return InputFnDownsampleWithWeight(*files, **defaults | options)


def test_weights_are_a_column_of_their_own(weighted, capsys):
    made = train(weighted).write_epoch(weighted / "sample", shards=2)
    frame = pd.concat(pd.read_csv(weighted / "sample" / path, sep=";") for path in made["files"])
    assert list(frame.columns) == ["id", "when", "label", "weight"]
    assert frame.groupby("label")["weight"].agg(["size", "sum"]).to_numpy().tolist() == [
        [10, 45.0],
        [10, 5.0],
    ]
    schema = Schema.from_manifest(weighted / "sample")
    assert (schema.label, schema.weight, schema.features_to_forward) == ("label", "weight", ("id",))
    assert [field.type for field in schema] == ["INTEGER", "DATE", "INTEGER", "FLOAT"]
    assert made["splits"]["epoch"]["classes"] == {"0": {"rows": 10}, "1": {"rows": 10}}
    assert made["made_with"]["sampler"] == "Downsample"
    assert re.search("writing +100% .*20 rows", capsys.readouterr().err)


def test_it_is_the_first_epoch_wherever_the_input_function_is(weighted):
    input_fn = train(weighted, num_epochs=None)
    first = input_fn.write_epoch(weighted / "first")
    batches = input_fn.batches()
    for _ in range(3):
        next(batches)
    input_fn.restore(input_fn.state(13))
    again = input_fn.write_epoch(weighted / "again")
    assert first["files"] == again["files"] and len(first["files"]) == 8
    for path in first["files"]:
        assert (weighted / "first" / path).read_text() == (weighted / "again" / path).read_text()


def test_more_shards_than_rows(weighted):
    made = train(weighted).write_epoch(weighted / "sample", shards=64)
    assert [entry["rows"] for entry in made["files"].values()] == [1] * 20


def test_what_a_transform_adds_is_written(weighted):
    def doubled(table):
        return table.append_column("twice", [np.multiply(table["id"], 2).astype(np.float32)])

    train(weighted, transform=doubled).write_epoch(weighted / "sample", shards=1)
    [path] = (weighted / "sample").glob("*.csv")
    frame = pd.read_csv(path, sep=";")
    np.testing.assert_array_equal(frame["twice"], frame["id"] * 2)
    assert Schema.from_manifest(weighted / "sample")["twice"].type == "FLOAT"


FIELDS = (
    Field("id", int, kind="id"),
    Field("x", float, default=math.nan),
    Field("age", int, default=-1, indicator=True),
    Field("city", str, default="?"),
    Field("seen", bool),
    Field("importance", float),
    Field("y", str),
)
SPELLED = Schema(FIELDS, "y", "importance", classes=("no", "yes"))
POSITIVE = """y;x;age;city;id;seen;importance
 yes ;0,116950644;NA;"a ""b"";c";9007199254740993;yes;0,3
yes;;17,0;Zürich;2;F;1
"""
NEGATIVE = """id;x;age;city;seen;importance;left out
3;17,0;5;NA;t;1;z
4;1e-3;;;no;0,1;z
"""


@pytest.fixture
def spelled(tmp_path):
    (tmp_path / "positive.csv").write_text(POSITIVE)
    (tmp_path / "negative.csv").write_text(NEGATIVE)
    options = {"decimal": ",", "null_values": ["NA"], "shuffle": False}
    return lambda **more: train(tmp_path, schema=SPELLED, **options | more)


def test_fields_are_written_byte_for_byte(spelled, tmp_path):
    made = spelled().write_epoch(tmp_path / "out", shards=1)
    [path] = made["files"]
    assert (
        (tmp_path / "out" / path).read_text()
        == """id;x;age;city;seen;y;weight
9007199254740993;0,116950644;;"a ""b"";c";yes; yes ;0,3
3;17,0;5;;t;no;1
2;;17,0;Zürich;F;yes;1
4;1e-3;;;no;no;0,1
"""
    )
    assert made["csv"] == {"delimiter": ";", "decimal": ","}
    assert made["splits"]["epoch"]["classes"] == {"no": {"rows": 2}, "yes": {"rows": 2}}
    again = InputFn(
        str(tmp_path / "out"), Schema.from_manifest(tmp_path / "out"), delimiter=";", decimal=","
    )
    np.testing.assert_equal(list(again.batches()), list(spelled().batches()))


def test_classes_may_be_in_files_of_several_types(spelled, tmp_path):
    columns = {"id": [3, 4], "x": [17.0, 0.001], "age": pa.array([5, None], pa.int8())}
    columns |= {"city": ["NA", None], "seen": [True, False], "importance": [1.0, 0.1]}
    negatives = pa.table(columns | {"y": ["no", "no"]})
    pq.write_table(negatives, tmp_path / "negative.parquet")
    files = str(tmp_path / "positive.csv"), str(tmp_path / "negative.parquet")
    options = {"delimiter": ";", "decimal": ",", "null_values": ["NA"], "shuffle": False}
    input_fn = InputFnDownsampleWithWeight(*files, schema=SPELLED, is_train=True, **options)
    for file_format in ("csv", "parquet"):
        [path] = input_fn.write_epoch(tmp_path / file_format, shards=1, format=file_format)["files"]
        text = {"delimiter": ";", "decimal": ","} if file_format == "csv" else {}
        schema = Schema.from_manifest(tmp_path / file_format)
        again = InputFn(str(tmp_path / file_format / path), schema, **text)
        np.testing.assert_equal(list(again.batches()), list(input_fn.batches()))
    assert pq.read_table(tmp_path / "parquet" / path)["age"].to_pylist() == [None, 5, 17, None]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_what_a_transform_leaves_missing_is_written_so(spelled, tmp_path, file_format):
    def filled(table):
        city = pc.if_else(pc.equal(table["city"], "?"), "none", table["city"])
        place = table.column_names.index("city")
        return table.set_column(place, "city", city).append_column(
            "half", pc.divide(table["age"].cast("float"), 2)
        )

    input_fn = spelled(transform=filled)
    [path] = input_fn.write_epoch(tmp_path / "out", shards=1, format=file_format)["files"]
    path = tmp_path / "out" / path
    if file_format == "csv":
        assert (
            path.read_text()
            == """id;x;age;age_missing;city;seen;y;half;weight
9007199254740993;0,116950646;;1;"a ""b"";c";1;yes;-0,5;0,3
3;17;5;0;none;1;no;2,5;1
2;;17;0;Zürich;0;yes;8,5;1
4;0,001;;1;none;0;no;-0,5;0,1
"""
        )
    text = {"delimiter": ";", "decimal": ","} if file_format == "csv" else {}
    again = InputFn(str(path), Schema.from_manifest(tmp_path / "out"), **text)
    np.testing.assert_equal(list(again.batches()), list(input_fn.batches()))


def test_a_label_that_a_transform_makes_no_class_of_is_refused(spelled, tmp_path):
    def other(table):
        return table.set_column(table.column_names.index("y"), "y", pc.add(table["y"], 1))

    options = {"delimiter": ";", "decimal": ",", "null_values": ["NA"], "transform": other}
    input_fn = InputFn(str(tmp_path / "positive.csv"), SPELLED, **options)
    with pytest.raises(ValueError, match="'y': found 2 to 2 after the transform, expected places"):
        input_fn.write_epoch(tmp_path / "out")


def test_files_without_labels_can_be_written(tmp_path):
    (tmp_path / "new.csv").write_text("id,x,city\n1,0.25,a\n2,0.5,b\n")
    InputFn(str(tmp_path / "new.csv"), SCHEMA).write_epoch(tmp_path / "out", shards=1)
    [path] = (tmp_path / "out").glob("*.csv")
    assert path.read_text() == "id,x,city,weight\n1,0.25,a,1\n2,0.5,b,1\n"
    assert Schema.from_manifest(tmp_path / "out").label is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shards": 0}, "shards is 0, expected a whole number"),
        ({"format": "json"}, "format is 'json', expected one of 'csv', 'parquet'"),
    ],
)
def test_what_can_not_be_is_refused(weighted, options, message):
    with pytest.raises(ValueError, match=message):
        train(weighted).write_epoch(weighted / "sample", **options)


def test_a_folder_is_replaced_only_if_asked(weighted):
    train(weighted).write_epoch(weighted / "sample")
    with pytest.raises(ValueError, match="sample holds _manifest.json already"):
        train(weighted, seed=1).write_epoch(weighted / "sample")
    made = train(weighted, seed=1).write_epoch(weighted / "sample", shards=3, overwrite=True)
    assert len(list((weighted / "sample").glob("*.csv"))) == 3
    assert manifest.read(weighted / "sample") == made


def test_a_bad_row_leaves_nothing(weighted):
    with open(weighted / "negative.csv", "a") as file:
        file.write("x;1;2019-10-28;0\n")
    with pytest.raises(ValueError, match=r"negative.csv, line 92, column 'id'"):
        train(weighted).write_epoch(weighted / "sample")
    assert sorted(path.name for path in weighted.iterdir()) == ["negative.csv", "positive.csv"]


def test_from_the_command_line(weighted, capsys):
    (weighted / "schema.json").write_text(WEIGHTED.to_json())
    arguments = [
        "sample",
        f"--positive_dir={weighted / 'positive.csv'}",
        f"--negative_dir={weighted / 'negative.csv'}",
        f"--schema={weighted / 'schema.json'}",
        "--weight_column=importance",
        "--label=label",
        "--delimiter=;",
        "--multiplier=2.5",
        "--seed=4",
    ]
    main([*arguments, f"--output={weighted / 'sample'}", "--format=parquet", "--shards=1"])
    ours = train(weighted, multiplier=2.5, seed=4).write_epoch(weighted / "ours", shards=1)
    assert manifest.read(weighted / "sample")["splits"]["epoch"]["rows"] == 35
    written = pd.read_parquet(weighted / "sample" / "part-00000-of-00001.parquet")
    expected = pd.read_csv(weighted / "ours" / "part-00000-of-00001.csv", sep=";")
    pd.testing.assert_frame_equal(written, expected, check_dtype=False, rtol=1e-6)
    assert ours["splits"]["epoch"]["rows"] == 35
    assert "35 rows:" in capsys.readouterr().out
    for flag, message in (
        ("--weight=much", "--weight: found 'much', expected a number above 0, or 'auto'"),
        ("--multiplier=0", "--multiplier: found '0', expected a number above 0"),
    ):
        with pytest.raises(SystemExit):
            main([*arguments, f"--output={weighted / 'other'}", flag])
        assert message in capsys.readouterr().err


@settings(max_examples=20)
@given(
    st.integers(1, 40),
    st.integers(1, 300),
    st.sampled_from([0.3, 1, 2.5, 50]),
    st.integers(1, 9),
    st.sampled_from([10, 40, 1000]),
)
def test_shards_can_be_made_one_by_one(
    tmp_path_factory, positives, negatives, multiplier, shards, pool_rows
):
    folder = tmp_path_factory.mktemp("classes")
    classes = write_classes(folder, positives, negatives, 2, 3)
    options = {
        "positive_dir": str(classes.folder / "positive-*.csv"),
        "negative_dir": str(classes.folder / "negative-*.csv"),
        "schema": SCHEMA,
        "weight": "auto",
        "multiplier": multiplier,
        "pool_rows": pool_rows,
    }
    with (
        warnings.catch_warnings(),
        mock.patch.object(TableRows, "chunk_rows", 32),
    ):
        warnings.simplefilter("ignore")  # there may be fewer negatives than asked for
        input_fn = sample.open_input(options)
        layout, blocks = Layout("parquet"), input_fn.blocks_of_classes()
        rows = {name: of_class.rows_of_blocks() for name, of_class in blocks.items()}
        stretches = sample.stretches(input_fn, rows, shards)
        one_by_one = [
            pa.concat_tables(sample.read(sample.open_input(options).as_written(layout), stretch))
            for stretch in reversed(stretches)
        ]
        input_fn.write_epoch(folder / "sample", shards=shards, format="parquet")
    in_order = pa.concat_tables(reversed(one_by_one))
    written = [pq.read_table(path) for path in sorted((folder / "sample").glob("*.parquet"))]
    assert in_order.equals(pa.concat_tables(written))
    assert [len(table) for table in reversed(one_by_one)] == [len(table) for table in written]


def test_preparing_does_not_wait_for_tensorflow(tmp_path):
    (tmp_path / "raw.csv").write_text("who,bought\na,1\nb,0\n")
    program = (
        "import sys; from sampling.__main__ import main; main(sys.argv[1:]);"
        "sys.exit('tensorflow' in sys.modules)"
    )
    flags = ["split", str(tmp_path / "raw.csv"), "--key=who", f"--output={tmp_path / 'out'}"]
    ended = subprocess.run(
        [sys.executable, "-c", program, *flags], cwd=Path(__file__).parent.parent
    )
    assert ended.returncode == 0
    assert json.loads((tmp_path / "out/_manifest.json").read_text())["seed"] == 0
