"""Splits keep every field as it was written; labels, keys and classes as people have them."""

from __future__ import annotations

import csv
import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import InputFn, Schema
from sampling.__main__ import main
from sampling.files import manifest
from tests import written


def split(folder, *flags, raw="raw.csv", output="out"):
    main(["split", str(folder / raw), f"--output={folder / output}", *flags])
    return folder / output


def refused(capsys, folder, *flags, raw="raw.csv"):
    with pytest.raises(SystemExit):
        split(folder, *flags, raw=raw)
    assert not (folder / "out").exists()
    return capsys.readouterr().err.splitlines()[-1]


def shards(folder):
    return sorted(path for path in folder.rglob("*.csv"))


def lines(folder):
    """Of all shards, without their headers."""
    return [line for path in shards(folder) for line in path.read_text().splitlines()[1:]]


def records(folder):
    found = []
    for path in shards(folder):
        with open(path, newline="", encoding="utf-8") as file:
            found += list(csv.reader(file))[1:]
    return found


# --- every field of every row ---

PLAIN = st.text(st.characters(exclude_characters='"\r\n\0', exclude_categories=["Cs"]), max_size=12)
ANY = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=9).map(str),
    st.sampled_from(["007", "+5", "1e3", "1.50", "-0", ".5", "NA", "", "nan"]),
)
IDS = st.one_of(st.integers(0, 40).map(lambda i: f"c{i:03}"), PLAIN.filter(str.strip))
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(IDS, NUMBERS, NUMBERS, ANY), min_size=1, max_size=40),
    st.integers(1, 3),
    QUOTING,
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_every_field_is_as_it_was_on_exactly_one_side(
    tmp_path_factory, table, files, quoting, line_end, with_key
):
    folder = tmp_path_factory.mktemp("split")
    (folder / "raw").mkdir()
    names = ["id", "a", "b", "text"]
    for number in range(files):
        with open(folder / f"raw/{number}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, quoting=quoting, lineterminator=line_end)
            writer.writerows([names, *table[number::files]])
    flags = ["--newlines_in_values", "--shards=2", *(["--key=id"] if with_key else [])]
    out = split(folder, *flags, raw="raw/*.csv")
    assert sorted(records(out)) == sorted(map(list, table))
    counted = sum(sums["rows"] for sums in manifest.read(out)["splits"].values())
    assert counted == len(table)


def test_lines_are_copied_byte_for_byte(tmp_path):
    text = 'id,x,t\n1,0.116950644,"a"\n\n02,,""\n3,17.0," b "\n4,NA,x""y\n'
    (tmp_path / "raw.csv").write_text(text)
    out = split(tmp_path, "--key=id", "--splits=all=1", "--shards=1")
    assert shards(out)[0].read_text() == text.replace("\n\n", "\n")


def test_values_are_checked_against_a_schema_and_written_as_they_are(tmp_path, capsys):
    rows = [f"{i},{'' if i == 17 else 1000000001 + i},{i / 7:.9f},{i % 2}" for i in range(400)]
    (tmp_path / "raw.csv").write_text("\n".join(["id,order,x,y", *rows]) + "\n")
    types = {"id": "INTEGER", "order": "FLOAT", "x": "FLOAT", "y": "INTEGER"}
    schema = json.dumps([{"name": name, "type": type_} for name, type_ in types.items()])
    flags = ["--key=id", "--label=y", f"--schema={schema}"]
    assert sorted(lines(split(tmp_path, *flags))) == sorted(rows)
    (tmp_path / "raw.csv").write_text("id,order,x,y\n1,many,3,1\n")
    with pytest.raises(SystemExit):
        split(tmp_path, *flags, output="other")
    assert "raw.csv, line 2, column 'order': found 'many'" in capsys.readouterr().err


def test_files_with_their_columns_in_another_order_are_rearranged(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/1.csv").write_text('a,b\n1,"x, y"\n')
    (tmp_path / "raw/2.csv").write_text('b,a\n"p ""q"" ",2.50\n,3\n')
    out = split(tmp_path, "--key=a", "--splits=all=1", "--shards=1", raw="raw")
    assert shards(out)[0].read_text() == 'a,b\n1,"x, y"\n2.50,"p ""q"" "\n3,\n'


PARQUET = pa.table(
    {
        "id": pa.array([2**53 + 1, 2**53 + 2, 3, 4], pa.int64()),
        "small": pa.array([1, None, 3, 4], pa.uint8()),
        "x": pa.array([0.1234567890123, None, 2.5, 1e30]),
        "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("3.00"), None]),
        "when": pa.array([datetime.datetime(2024, 1, 1), None, None, None], pa.timestamp("us")),
        "city": pa.array(["Ulm", None, "", "Ulm"]).dictionary_encode(),
        "yes": pa.array([True, None, False, True]),
    }
)


def test_parquet_keeps_types_and_nulls(tmp_path):
    pq.write_table(PARQUET, tmp_path / "raw.parquet")
    flags = ["--key=id", "--splits=all=1", "--shards=1"]
    out = split(tmp_path, *flags, "--format=parquet", raw="raw.parquet")
    written = pq.read_table(next(out.rglob("*.parquet")))
    texts = PARQUET["city"].cast(pa.string())
    assert written.equals(PARQUET.set_column(5, "city", texts))
    out = split(tmp_path, *flags, raw="raw.parquet", output="text")
    assert shards(out)[0].read_text() == (
        "id,small,x,price,when,city,yes\n"
        "9007199254740993,1,0.1234567890123,1.50,2024-01-01 00:00:00,Ulm,true\n"
        "9007199254740994,,,,,,\n3,3,2.5,3.00,,,false\n4,4,1e+30,,,Ulm,true\n"
    )


def test_parquet_of_files_with_other_widths_is_of_one_type(tmp_path):
    (tmp_path / "raw").mkdir()
    pq.write_table(pa.table({"id": pa.array([1], pa.int8())}), tmp_path / "raw/1.parquet")
    pq.write_table(pa.table({"id": pa.array([2**40], pa.int64())}), tmp_path / "raw/2.parquet")
    flags = ["--splits=all=1", "--shards=1", "--format=parquet"]
    out = split(tmp_path, *flags, raw="raw/*.parquet")
    assert pq.read_table(next(out.rglob("*.parquet")))["id"].to_pylist() == [1, 2**40]


def test_text_to_parquet_keeps_what_is_missing(tmp_path):
    (tmp_path / "raw.csv").write_text("id,n,x,t\n1,,0.116950644,\n2,5,NA,a\n")
    types = {"id": "INTEGER", "n": "INTEGER", "x": "FLOAT", "t": "STRING"}
    schema = json.dumps([{"name": name, "type": type_} for name, type_ in types.items()])
    flags = ["--key=id", "--splits=all=1", "--shards=1", "--format=parquet", "--null_values=NA"]
    out = split(tmp_path, *flags, f"--schema={schema}")
    assert pq.read_table(next(out.rglob("*.parquet"))).to_pylist() == [
        {"id": 1, "n": None, "x": 0.116950644, "t": None},
        {"id": 2, "n": 5, "x": None, "t": "a"},
    ]


# --- keys and labels ---


def test_without_a_key_every_row_is_on_its_own(tmp_path):
    (tmp_path / "raw/b").mkdir(parents=True)
    frame = pd.DataFrame({"id": np.arange(6000), "x": 1})
    frame[:3000].to_csv(tmp_path / "raw/a.csv", index=False)
    frame[3000:].to_csv(tmp_path / "raw/b/a.csv", index=False)
    out = split(tmp_path, raw="raw/**/*.csv")
    assert sorted(int(line.split(",")[0]) for line in lines(out)) == list(range(6000))
    rows = {name: sums["rows"] for name, sums in manifest.read(out)["splits"].items()}
    assert abs(rows["train"] - 4800) < 150 and abs(rows["dev"] - 600) < 100
    (tmp_path / "raw").rename(tmp_path / "elsewhere")  # the place is within the folder
    again = split(tmp_path, raw="elsewhere/**/*.csv", output="again")
    assert [p.read_text() for p in shards(again)] == [p.read_text() for p in shards(out)]


@pytest.mark.parametrize(
    ("labels", "flags", "positive"),
    [
        (["yes"] * 3 + ["no"] * 9, [], "yes"),
        ([" >50K"] * 9 + [" <=50K"] * 3, [], " <=50K"),
        ([" >50K"] * 9 + [" <=50K"] * 3, ["--positive= >50K"], " >50K"),
        (["2"] * 3 + ["1"] * 9, [], "2"),
        (["1"] * 9 + ["0"] * 3, [], "1"),
        (["1.0"] * 9 + ["0.0"] * 3, [], "1.0"),
        (["True"] * 9 + ["False"] * 3, [], "True"),
        (["1"] * 9 + ["-1"] * 3, [], "1"),
        (["no"] * 9 + ["yes"] * 3, ["--positive=no"], "no"),
        (["no"] * 9 + ["yes"] * 3, ["--negative=no"], "yes"),
        (["a"] * 9 + ["b"] * 3 + ["c"] * 4, ["--positive=b,c"], ("b", "c")),
    ],
)
def test_labels_are_found(tmp_path, capsys, labels, flags, positive):
    text = "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    (tmp_path / "raw.csv").write_text("id,y\n" + text)
    out = split(tmp_path, "--label=y", "--splits=train=1", *flags)
    of_class = {
        folder: {line.split(",")[1] for line in lines(out / "train" / folder)}
        for folder in ("positive", "negative")
    }
    expected = set([positive] if isinstance(positive, str) else positive)
    assert of_class == {"positive": expected, "negative": set(labels) - expected}
    assert sorted(path.name for path in (out / "train").iterdir()) == ["negative", "positive"]
    made = manifest.read(out)
    assert made["labels"] == {c: sorted(values) for c, values in of_class.items()}
    assert set(made["splits"]["train"]["classes"]) == {"positive", "negative"}
    assert f"positive: y is {sorted(expected)[0]!r}" in capsys.readouterr().out


def test_a_side_or_a_class_without_rows_is_said(tmp_path, capsys):
    (tmp_path / "raw.csv").write_text("id,y\n1,1\n2,1\n")
    split(tmp_path, "--label=y", "--splits=train=0.9999,test=0.0001")
    warnings = capsys.readouterr().err.splitlines()[-2:]
    assert warnings == [
        "tf-sampling: warning: test has no row",
        "tf-sampling: warning: train/negative has no row",
    ]


def test_an_empty_label_is_refused(tmp_path, capsys):
    pq.write_table(pa.table({"id": [1, 2], "y": ["a", ""]}), tmp_path / "raw.parquet")
    error = refused(capsys, tmp_path, "--label=y", "--classes=each", raw="raw.parquet")
    assert "raw.parquet, row 1, column 'y': found nothing, expected a value" in error
    pq.write_table(pa.table({"id": [1, 2], "y": ["a", " "]}), tmp_path / "raw.parquet")
    assert "found ' '" in refused(capsys, tmp_path, "--label=y", raw="raw.parquet")


def test_folders_of_classes_are_not_hidden(tmp_path):
    (tmp_path / "raw.csv").write_text("id,y\n1,_a\n2,.b\n3,c\n")
    out = split(tmp_path, "--label=y", "--classes=each", "--splits=train=1")
    assert {path.parent.name for path in shards(out)} == {"%5Fa", "%2Eb", "c"}
    assert manifest.read(out)["labels"] == {"%5Fa": ["_a"], "%2Eb": [".b"], "c": ["c"]}


# --- exact shares, and time ---


def of_sides(out, column=0):
    sides = ["train", "dev", "test"]
    return {
        side: [line.split(",")[column] for line in lines(out / side)]
        if (out / side).exists()
        else []
        for side in sides
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 5), st.integers(1, 3))
def test_every_class_has_its_exact_share_on_each_side(
    tmp_path_factory, positives, negatives, seed, rows_per_key
):
    folder = tmp_path_factory.mktemp("stratified")
    labels = ["1"] * positives + ["0"] * negatives
    rows = [f"{key},{y}" for key, y in enumerate(labels) for _ in range(rows_per_key)]
    np.random.default_rng(seed).shuffle(rows)
    (folder / "raw.csv").write_text("id,y\n" + "\n".join(rows) + "\n")
    keyed = ["--key=id"] if rows_per_key > 1 else []
    out = split(folder, "--label=y", "--stratify", f"--seed={seed}", *keyed)
    assert sorted(lines(out)) == sorted(rows)
    for label, number in (("1", positives), ("0", negatives)):
        for side, share in (("train", 0.8), ("dev", 0.1), ("test", 0.1)):
            found = sum(line.endswith(f",{label}") for line in lines(out / side))
            assert abs(found / rows_per_key - share * number) <= 1


def test_stratified_keys_have_one_class(tmp_path, capsys):
    (tmp_path / "raw.csv").write_text("id,y\n1,1\n1,0\n2,0\n3,1\n3,0\n")
    error = refused(capsys, tmp_path, "--label=y", "--key=id", "--stratify")
    assert "column 'id': found 2 keys with rows of several classes" in error
    assert "--label is missing, which --stratify needs" in refused(capsys, tmp_path, "--stratify")
    error = refused(capsys, tmp_path, "--label=y", "--stratify", "--time=id")
    assert "--time and --stratify are both given" in error


TIMES = [
    [str(second) for second in range(100)],
    [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(100)],
    [f"2024-01-01 {minute // 60:02}:{minute % 60:02}:00 UTC" for minute in range(100)],
    [f"2024-01-01T{minute // 60:02}:{minute % 60:02}:00.5Z" for minute in range(100)],
]


@pytest.mark.parametrize("times", TIMES)
def test_earlier_rows_are_before_later_ones(tmp_path, times):
    order = np.random.default_rng(0).permutation(100)
    text = "".join(f"{place},{times[place]}\n" for place in order)
    (tmp_path / "raw.csv").write_text("id,t\n" + text)
    out = split(tmp_path, "--time=t", "--splits=train=0.7,dev=0.2,test=0.1")
    found = {side: sorted(map(int, ids)) for side, ids in of_sides(out).items()}
    expected = {"train": range(70), "dev": range(70, 90), "test": range(90, 100)}
    assert found == {side: list(ids) for side, ids in expected.items()}
    made = manifest.read(out)
    assert made["time"] == "t" and set(made["begins"]) == {"dev", "test"}


def test_equal_times_stay_together(tmp_path):
    days = ["2024-01-01"] * 79 + ["2024-01-02"] * 15 + ["2024-01-03"] * 6
    (tmp_path / "raw.csv").write_text("id,t\n" + "".join(f"{i},{d}\n" for i, d in enumerate(days)))
    out = split(tmp_path, "--time=t")
    found = {side: set(values) for side, values in of_sides(out, 1).items()}
    assert found == {"train": {days[0]}, "dev": {days[80]}, "test": {days[-1]}}
    begins = manifest.read(out)["begins"]
    assert begins["dev"].startswith("2024-01-02T00") and begins["test"].startswith("2024-01-03")


def test_zones_are_heeded(tmp_path):
    times = ["2024-01-01 10:00:00+05:00", "2024-01-01 06:00:00", "2024-01-01T07:00:00+0000"]
    (tmp_path / "raw.csv").write_text("id,t\n" + "".join(f"{i},{t}\n" for i, t in enumerate(times)))
    out = split(tmp_path, "--time=t", "--splits=train=0.34,dev=0.33,test=0.33")
    assert of_sides(out) == {"train": ["0"], "dev": ["1"], "test": ["2"]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("soon", "raw.csv, line 3, column 't': found 'soon', expected a date or time"),
        ("", "raw.csv, line 3, column 't': found nothing, expected a value"),
    ],
)
def test_what_is_no_time_is_refused(tmp_path, capsys, value, message):
    (tmp_path / "raw.csv").write_text(f"id,t\n1,2024-01-01\n2,{value}\n")
    assert message in refused(capsys, tmp_path, "--time=t")
    schema = '[{"name": "id", "type": "INTEGER"}, {"name": "t", "type": "FLOAT"}]'
    (tmp_path / "raw.csv").write_text("id,t\n1,2.5\n")
    error = refused(capsys, tmp_path, "--time=t", f"--schema={schema}")
    assert "--time: the column 't' is of type FLOAT, expected" in error


# --- dialects, folders, what schemas say ---


def test_classes_of_a_schema_are_heeded(tmp_path, capsys):
    schema = {"label": "y", "classes": ["no", "yes"], "schema": [{"name": "y", "type": "STRING"}]}
    (tmp_path / "raw.csv").write_text("y\n" + "yes\n" * 9 + "no\n")
    flags = [f"--schema={json.dumps(schema)}", "--splits=train=1"]
    made = manifest.read(split(tmp_path, *flags))
    assert made["splits"]["train"]["classes"]["positive"]["rows"] == 9
    assert made["classes"] == ["no", "yes"]
    (tmp_path / "raw.csv").write_text("y\nyes\nperhaps\n")
    with pytest.raises(SystemExit):
        split(tmp_path, *flags, output="other")
    assert "line 3, column 'y': found the label 'perhaps', expected one of no, yes" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["b", "a", "a"], ["a", "b"]),
        (["10", "9", "9", "9"], ["9", "10"]),
        (["0", "1", "0"], ["0", "1"]),
    ],
)
def test_labels_that_were_found_are_recorded_as_classes(tmp_path, labels, classes):
    text = "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    (tmp_path / "raw.csv").write_text("id,y\n" + text)
    out = split(tmp_path, "--label=y", "--splits=train=1")
    assert manifest.read(out)["classes"] == classes
    input_fn = InputFn(str(out / "train/*/*.csv"), Schema.from_manifest(out))
    found = sorted(label for _, labels_, _ in input_fn.batches() for label in labels_.tolist())
    assert found == sorted(classes.index(label) for label in labels)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_column_in_the_path_is_written(tmp_path, file_format):
    for day in ("2024-01-01", "2024-01-02"):
        (tmp_path / f"raw/dt={day}").mkdir(parents=True)
        frame = pd.DataFrame({"id": [int(day[-1])], "x": ["1,5"]})
        written.write(frame, tmp_path / f"raw/dt={day}/a.{file_format}")
    schema = Schema.from_dict({"id": int, "x": str, "dt": "DATE"}).to_json()
    flags = [f"--schema={schema}", "--splits=all=1", "--shards=1"]
    out = split(tmp_path, *flags, raw=f"raw/*/*.{file_format}")
    assert shards(out)[0].read_text() == 'id,x,dt\n1,"1,5",2024-01-01\n2,"1,5",2024-01-02\n'


def test_columns_that_a_schema_lacks_are_left_out(tmp_path):
    (tmp_path / "raw.csv").write_text(",secret,id,x\n0,s,1,2.50\n")
    schema = Schema.from_dict({"x": float, "id": int}).to_json()
    out = split(tmp_path, f"--schema={schema}", "--splits=all=1", "--shards=1")
    assert shards(out)[0].read_text() == "id,x\n1,2.50\n"
    out = split(tmp_path, "--splits=all=1", "--shards=1", output="untyped")
    assert shards(out)[0].read_text() == "secret,id,x\ns,1,2.50\n"


def test_text_is_written_with_the_delimiter_that_was_found(tmp_path, capsys):
    text = "id;x;y\n" + "".join(f"{i};1,{i};{i % 2}\n" for i in range(100))
    (tmp_path / "raw.csv").write_text(text)
    main(["schema", str(tmp_path / "raw.csv"), "--label=y"])
    (tmp_path / "schema.json").write_text(capsys.readouterr().out)
    flags = [f"--schema={tmp_path / 'schema.json'}", "--splits=all=1", "--by_class=", "--shards=1"]
    out = split(tmp_path, *flags)
    assert shards(out)[0].read_text() == text
    assert manifest.read(out)["csv"] == {"delimiter": ";"}


def test_any_number_of_processes_writes_the_same(tmp_path):
    rows = [f"u{i % 700},{i},{i % 9 == 0:d}" for i in range(2000)]
    (tmp_path / "raw.csv").write_text("\n".join(["who,x,y", *rows, ""]))
    outs = [split(tmp_path, "--key=who", f"--processes={n}", output=f"out-{n}") for n in (1, 2)]
    one, two = ([path.read_bytes() for path in [*shards(out), out / manifest.NAME]] for out in outs)
    assert one == two and len(one) > 4
