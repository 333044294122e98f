"""Schemas from files as they are: `Schema.infer` and `tf-sampling schema`."""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from sampling import InputFn, Schema
from sampling.errors import SamplingError

HERE = Path(__file__).resolve()
DATA = next((up / "shared/data" for up in HERE.parents if (up / "shared/data").is_dir()), HERE)


def infer(folder, text, **options):
    """The schema of one CSV file."""
    (folder / "a.csv").write_text(text)
    return Schema.infer(folder / "a.csv", **options)


def column(folder, *fields, **options):
    """The field of a column of these texts, and what is said of it."""
    text = "other,x\n" + "".join(f"{i % 7}.5,{field}\n" for i, field in enumerate(fields))
    schema = infer(folder, text, **options)
    return schema["x"], " ".join(schema.statistics["x"].remarks)


@pytest.mark.parametrize(
    ("fields", "type_", "said"),
    [
        (["1", "2", "-3"], "INTEGER", ""),
        (["1", "", "2", ""], "INTEGER", ""),
        (["17.0", "", "18.0", "19"], "INTEGER", ""),
        (["1000000001", "", "1000000002"], "INTEGER", ""),
        ([str(2**63 - 1), str(-(2**63))], "INTEGER", ""),
        ([str(2**63), "1"], "STRING", "beyond 64 bits"),
        (["007", "12"], "STRING", "leading zeros"),
        (["0x1F", "0x2F"], "STRING", ""),
        (["0.5", "7", "1e-3", "-.5", "+0.5"], "FLOAT", ""),
        (["20000001", "0.5"], "FLOAT", "whole numbers above 2^24 (1 row)"),
        (["1e39", "1"], "STRING", "beyond float32"),
        (["true", "false", ""], "BOOLEAN", ""),
        (["True", "FALSE"], "BOOLEAN", ""),
        (["yes", "No"], "BOOLEAN", ""),
        (["Y", "N"], "BOOLEAN", ""),
        (["t", "f"], "BOOLEAN", ""),
        ([" yes", "no", "", "yes "], "BOOLEAN", ""),
        (["yes", "false"], "STRING", ""),
        (["yes", "yes"], "STRING", "one value only"),
        (["1", "0"], "INTEGER", ""),
        (["2024-01-01", "", "2024-12-31"], "DATE", ""),
        (["2024-01-01 10:30", "2024-01-01T10:30:00.5"], "DATETIME", ""),
        (["2024-01-01", "2024-01-01T10:30:00"], "DATETIME", ""),
        (["2024-01-01T10:30:00Z", "2024-01-01 10:30:00+02:00"], "TIMESTAMP", ""),
        (["2024-01-01 10:30:00 UTC", "2024-01-01 10:31:00 UTC"], "TIMESTAMP", ""),
        (["10:30", "23:59:59"], "TIME", ""),
        (["10:30", "2024-01-01"], "STRING", ""),
        (["a", "b", "1"], "STRING", ""),
        (["", ""], "STRING", "no value"),
        (['"3,14"', '"2,5"', "7"], "STRING", "decimal comma (3,14), kept as text"),
        (['"1,234"', '"1,234,567.5"'], "STRING", "groups (1,234)"),
        (["1.234.567", "1.234"], "STRING", "groups (1.234.567)"),
        (["$5", "$12.50"], "STRING", "signs ($5)"),
        (["5 %", "12 %"], "STRING", "signs (5 %)"),
        (["1", "NA", "3", "NA"], "STRING", "'NA' (2 rows): --null_values=NA reads them"),
        ([" 1", "2 ", " 3"], "INTEGER", "blanks around"),
    ],
)
def test_a_type_loses_nothing_and_what_may_be_meant_otherwise_is_said(
    tmp_path, fields, type_, said
):
    field, remarks = column(tmp_path, *fields)
    assert field.type == type_
    assert said in remarks and bool(said) == bool(remarks)


def test_a_decimal_comma_can_be_read_where_commas_are_not_between_fields(tmp_path):
    schema = infer(tmp_path, "x;y\n3,14;1\n2,5;2\n")
    assert schema["x"].type == "STRING"
    assert "(3,14), --decimal=, reads them" in schema.statistics["x"].remarks[0]


def test_what_is_named_as_missing_is_missing(tmp_path):
    field, remarks = column(tmp_path, "1", "NA", "3", null_values=["NA"])
    assert (field.type, remarks) == ("INTEGER", "")
    assert Schema.infer(tmp_path / "a.csv", null_values="NA").statistics["x"].missing == 1


def test_a_value_late_in_the_file_decides_too(tmp_path):
    numbers = "".join(f"{i}\n" for i in range(30_000))
    assert infer(tmp_path, f"x\n{numbers}0.5\n")["x"].type == "FLOAT"
    assert infer(tmp_path, f"x\n{numbers}a\n")["x"].type == "STRING"
    assert infer(tmp_path, f"x\n{numbers}0.5\n", rows=1000)["x"].type == "INTEGER"
    assert Schema.infer(tmp_path / "a.csv", rows=1000).statistics["x"].rows == 1000


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", range(10), "id"),
        ("customerId", range(10), "id"),
        ("Unnamed: 0", range(10), "id"),
        ("user_id", [1, 2] * 5, "category"),
        ("paid", range(10), "number"),
        ("age", range(10), "number"),
        ("order", range(1000, 3000), "id"),
        ("profit", range(-1000, 1000), "number"),
        ("phone", [f"382-{i:04d}" for i in range(100)], "id"),
        ("city", [f"city {i % 7}" for i in range(100)], "category"),
        ("day", ["2024-01-01", "2024-01-02"], "date"),
        ("flag", ["true", "false"], "number"),
    ],
)
def test_kinds_follow_from_values_and_names(tmp_path, name, values, kind):
    schema = infer(tmp_path, f"{name},y\n" + "".join(f"{value},0.5\n" for value in values))
    assert schema[name].kind == kind
    assert (name in schema.features_to_forward) == (kind == "id")


def test_kinds_that_are_asked_for_go_first(tmp_path):
    rows = "".join(f"{i},{i % 3},{i},2024010{i % 9},{i % 2}\n" for i in range(2000))
    schema = infer(
        tmp_path,
        f"a,app,order,day,y\n{rows}",
        label="y",
        key="a",
        categories=["app"],
        numbers="order",
        dates=["day"],
    )
    assert [field.kind for field in schema] == ["id", "category", "number", "date", "number"]
    assert schema.label == "y" and schema.features_to_forward == ("a",)
    assert schema["app"].type == "INTEGER"
    assert infer(tmp_path, f"a,app,order,day,y\n{rows}", drop=["a", "y"]).names == (
        "app",
        "order",
        "day",
    )


def test_columns_can_be_renamed(tmp_path):
    """They may be asked for by either name; files are read by either, and written with the new."""
    rows = "".join(f"{i},{i % 90},{'NY'[i % 2]}\n" for i in range(90))
    text = f"Customer Id,Age,Class\n{rows}"
    rename = {"Customer Id": "id", "Class": "bought"}
    schema = infer(tmp_path, text, label="Class", key="id", rename=rename)
    assert schema.names == ("id", "Age", "bought") and schema.label == "bought"
    assert schema["id"].alias == "Customer Id" and schema["id"].kind == "id"
    assert schema.classes == ("N", "Y") or schema.classes == ("Y", "N")
    assert schema.statistics["bought"].distinct == 2
    [(batch, labels, _)] = InputFn(tmp_path / "a.csv", schema).batches()
    assert batch["id"].tolist() == list(range(90)) and set(labels.tolist()) == {0, 1}
    for wrong, said in (({"Age": "Class"}, "no other column has"), ({"age": "x"}, "mean 'Age'")):
        with pytest.raises(SamplingError, match=said):
            infer(tmp_path, text, rename=wrong)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "agee"}, "there is no column 'agee'.*did you mean 'age'"),
        ({"drop": ["x"]}, "there is no column 'x', expected one of age, city"),
        ({"numbers": "city"}, "'city' is to be of kind number and holds text such as 'oslo'"),
        ({"dates": "age", "ids": "age"}, "'age' is to be of kind id and of kind date"),
        ({"rows": 0}, "rows is 0"),
        ({"file_format": "xml"}, "file_format is 'xml'"),
    ],
)
def test_what_can_not_be_is_told(tmp_path, options, said):
    with pytest.raises(SamplingError, match=said):
        infer(tmp_path, "age,city\n1,oslo\n2,rome\n", **options)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_delimiter_and_header_are_found_out(tmp_path, delimiter, header):
    rows = [["anna", "1.5", "yes"], ["bob", "2", "no"], ["carl, the third", "-3", "yes"]]
    rows = [["name", "score", "y"]] * header + rows
    quoted = [[f'"{f}"' if "," in f and delimiter == "," else f for f in row] for row in rows]
    schema = infer(tmp_path, "".join(delimiter.join(row) + "\n" for row in quoted))
    assert [field.type for field in schema] == ["STRING", "FLOAT", "BOOLEAN"]
    assert schema.statistics[schema.names[0]].rows == 3
    names = ("name", "score", "y") if header else ("column_1", "column_2", "column_3")
    assert schema.names == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", ("a", "b")),  # decimal commas
        ("1,5;2,5\n3,5;4,5\n", ("column_1", "column_2")),
        ("0,1,2\n1.5,2,0\n2.5,3,1\n", ("0", "1", "2")),  # a DataFrame without names
        ("name,city\nanna,rome\nbob,oslo\n", ("name", "city")),  # all text
        ("anna,rome\nbob,oslo\nanna,rome\n", ("column_1", "column_2")),
        ("x,y,y_2\n1,y,n\n2,n,y\n", ("x", "y", "y_2")),  # a label whose name is a value
        ("\ufeffa,b\n1,2\n", ("a", "b")),
        ('a,"b\n1"\n', None),
        ("words\nmore words, and more\nsome\n", None),
        ("a|b,c\n1|x,y\n2|y,z\n", ("a|b", "c")),
        ("KS, 128, no\nOH, 107, yes\n", ("column_1", "column_2", "column_3")),
    ],
)
def test_files_of_many_makes(tmp_path, text, names):
    if names is None:
        with pytest.raises(SamplingError, match="a.csv, line"):
            infer(tmp_path, text)
        return
    assert infer(tmp_path, text).names == names


def test_what_is_said_of_the_files_goes_before_what_is_found(tmp_path):
    text = "1;2\n3;4\n"
    assert infer(tmp_path, text, columns=["a", "b"]).names == ("a", "b")
    assert infer(tmp_path, text, header=True).names == ("1", "2")
    assert infer(tmp_path, "a,b;c\n1,2;3\n", delimiter=";").names == ("a,b", "c")
    with pytest.raises(SamplingError, match="the header has 'a' more than once"):
        infer(tmp_path, "a,a\n1,2\n")


def table():
    """Columns of many types, with missing values."""
    return pa.table(
        {
            "whole": pa.array([1.0, None, 3.0, math.nan]),
            "real": pa.array([0.5, None, 3.0, 2.0], pa.float32()),
            "big": pa.array([2**64 - 1, 1, 2, 3], pa.uint64()),
            "small": pa.array([1, 2, 3, None], pa.uint8()),
            "flag": pa.array([True, None, False, True]),
            "text": pa.array(["1", "2", "3", None]),
            "code": pa.array(["a", "b", "a", None]).dictionary_encode(),
            "bytes": pa.array([b"\xff", b"\x00", None, b"a"]),
            "day": pa.array([19000, 19001, None, 19002], pa.date32()),
            "at": pa.array([0, 1, None, 2], pa.timestamp("us")),
            "utc": pa.array([0, 1, None, 2], pa.timestamp("s", "UTC")),
            "clock": pa.array([0, 1, None, 2], pa.time32("s")),
            "money": pa.array(["1.50", None, "2.25", "3.00"]).cast(pa.decimal128(10, 2)),
            "vector": pa.array([[1.0, 2.5], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]),
            "tags": pa.array([["a"], [], None, ["b", "c"]]),
            "nested": pa.array([{"a": 1}] * 4),
        }
    )


TYPES = {
    "whole": "INTEGER",
    "real": "FLOAT",
    "big": "STRING",
    "small": "INTEGER",
    "flag": "BOOLEAN",
    "text": "STRING",
    "code": "STRING",
    "bytes": "BYTES",
    "day": "DATE",
    "at": "DATETIME",
    "utc": "TIMESTAMP",
    "clock": "TIME",
    "money": "NUMERIC",
    "vector": "FLOAT",
    "tags": "STRING",
}


@pytest.mark.parametrize("kind", ["table", "parquet"])
def test_files_that_name_types_keep_them(tmp_path, kind):
    given = table()
    if kind == "parquet":
        pq.write_table(given, tmp_path / "a.parquet")
        given = tmp_path / "*.parquet"
    schema = Schema.infer(given)
    assert {field.name: field.type for field in schema} == TYPES
    assert (schema["vector"].length, schema["tags"].mode) == (2, "REPEATED")
    missing = {name: known.missing for name, known in schema.statistics.items()}
    assert missing["whole"] == 2 and missing["tags"] == 2 and missing["big"] == 0
    assert {missing[name] for name in TYPES} <= {0, 1, 2}
    assert schema.statistics["real"].median == 2 and schema.statistics["at"].minimum[:4] == "1970"


def test_a_data_frame_whose_columns_have_no_names():
    frame = pd.DataFrame({0: [1.0, None], 1: ["a", "b"], 2: [True, False]})
    schema = Schema.infer(frame)
    assert schema.names == ("0", "1", "2")
    assert [field.type for field in schema] == ["INTEGER", "STRING", "BOOLEAN"]
    with pytest.raises(SamplingError, match="column 'x' of the DataFrame holds values of several"):
        Schema.infer(pd.DataFrame({"x": [1, "a"]}))


def test_tfrecords_of_which_the_first_lack_a_feature(tmp_path):
    def value(**kinds):
        return tf.train.Feature(**kinds)

    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        for i in range(100):
            features = {
                "y": value(int64_list=tf.train.Int64List(value=[i % 2])),
                "x": value(float_list=tf.train.FloatList(value=[i / 4])),
                "v": value(float_list=tf.train.FloatList(value=[1.5, 2])),
                "w": value(bytes_list=tf.train.BytesList(value=[b"a"] * (i % 3))),
            }
            if i >= 50:
                features["late"] = value(bytes_list=tf.train.BytesList(value=[b"b"]))
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    schema = Schema.infer(tmp_path / "a.tfrecord", label="y")
    found = {field.name: (field.type, field.mode, field.length) for field in schema}
    assert found == {
        "late": ("STRING", "NULLABLE", None),
        "v": ("FLOAT", "NULLABLE", 2),
        "w": ("STRING", "REPEATED", None),
        "x": ("FLOAT", "NULLABLE", None),
        "y": ("INTEGER", "NULLABLE", None),
    }
    assert schema.statistics["late"].missing == 50 and schema.statistics["x"].missing == 0


@pytest.mark.parametrize(
    ("labels", "type_", "classes"),
    [
        (["0", "1", "0"], "INTEGER", ()),
        (["0.0", "1.0", "0.0"], "INTEGER", ()),
        (["yes", "no", "no"], "STRING", ("no", "yes")),
        (["yes", "yes", "no"], "STRING", ("yes", "no")),  # the rarer one is positive
        (["true", "true", "false"], "STRING", ("false", "true")),  # unless one is true
        (["1", "1", "2"], "INTEGER", ("2", "1")),
        (["-1", "1", "1"], "INTEGER", ("-1", "1")),
        (["2", "3", "3"], "INTEGER", ("3", "2")),
        (["0", "1", "2"], "INTEGER", ()),
        (["b", "c", "a"], "STRING", ("a", "b", "c")),
        ([" >50K", " <=50K", " <=50K"], "STRING", (" <=50K", " >50K")),
        (["0.5", "1.5", "1.5"], "FLOAT", ()),
        (["a", "a", "a"], "STRING", ()),
    ],
)
def test_the_values_of_a_label_are_its_classes(tmp_path, labels, type_, classes):
    rows = "".join(f"{i}.5,{label}\n" for i, label in enumerate(labels))
    schema = infer(tmp_path, f"x,y\n{rows}", label="y")
    assert (schema["y"].type, schema.classes) == (type_, classes)
    if classes:
        assert Schema.from_json(json.dumps(schema.to_manifest())).classes == classes
        [(_, found, *_)] = InputFn(tmp_path / "a.csv", schema).batches()
        assert found.tolist() == [classes.index(label) for label in labels]


def test_columns_of_paths_and_of_arrow_files(tmp_path):
    for day in ("2024-01-01", "2024-01-02"):
        folder = tmp_path / f"dt={day}" / "n=7"
        folder.mkdir(parents=True)
        table = pa.table({"x": [1, 2], "y": [0.5, None]})
        pa.feather.write_feather(table, str(folder / "a.arrow"))
        pq.write_table(table, folder / "a.parquet")
        (folder / "a.csv").write_text("x,y\n1,0.5\n2,\n")
    for end in ("arrow", "parquet", "csv"):
        schema = Schema.infer(tmp_path / "*" / "*" / f"*.{end}")
        assert [(field.name, field.type) for field in schema] == [
            ("x", "INTEGER"),
            ("y", "FLOAT"),
            ("dt", "DATE"),
            ("n", "INTEGER"),
        ]
        assert dict(schema.statistics["dt"].values) == {"2024-01-01": 2, "2024-01-02": 2}
        assert len(next(iter(InputFn(tmp_path / "*" / "*" / f"*.{end}", schema).batches()))["n"])


def test_text_as_people_write_it(tmp_path):
    text = "größe;x;y\n1.234,5;3,14;a\\;b\n12,5;nan;c\n"
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    options = {"decimal": ",", "escape": "\\", "encoding": "latin-1"}
    schema = Schema.infer(tmp_path / "a.csv", **options)
    assert [(field.name, field.type) for field in schema] == [
        ("größe", "STRING"),
        ("x", "FLOAT"),
        ("y", "STRING"),
    ]
    assert schema.statistics["x"].median == 3.14 and schema.statistics["x"].missing == 1
    assert set(schema.statistics["y"].values) == {"a;b", "c"}
    [batch] = InputFn(tmp_path / "a.csv", schema, delimiter=";", **options).batches()
    assert batch["x"].tolist() == [np.float32(3.14), 0]


def test_columns_that_pandas_named_are_found(tmp_path):
    """A schema of what pandas read of its own index, or of Excel's commas."""
    for text in (",age,y,\n0,20,1,\n1,30,0,\n", "age,y,\n20,1,\n30,0,\n"):
        (tmp_path / "a.csv").write_text(text)
        schema = Schema.from_pandas(pd.read_csv(tmp_path / "a.csv"), label="y")
        [(batch, *_)] = InputFn(tmp_path / "a.csv", schema).batches()
        assert batch["age"].tolist() == [20, 30]


def test_columns_without_a_name_are_left_out(tmp_path):
    schema = infer(tmp_path, ",age,y,\n0,20,1,\n1,30,0,\n")
    assert schema.names == ("age", "y") and schema.statistics["age"].rows == 2
    made = run(tmp_path / "a.csv")
    assert "left out: '', a column without a name" in made.stderr


def test_a_column_named_weight_is_the_weight(tmp_path):
    schema = infer(tmp_path, "x,weight\n1,0.5\n2,2\n")
    assert schema.weight == "weight" and schema["weight"].type == "FLOAT"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sampling", "schema", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_the_command_prints_json_for_others_and_a_table_for_people(tmp_path):
    rows = "".join(f"{i};{i % 50};{'x' * (i % 3)};{i % 2}\n" for i in range(2000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"id;age;city;y\n{rows}".encode()))
    made = run(tmp_path / "*.csv.gz", "--label=y", "--key=id", "--category=age")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["csv"] == {"delimiter": ";"}
    (tmp_path / "schema.json").write_text(made.stdout)
    schema = Schema.from_json(tmp_path / "schema.json")
    assert schema == Schema.infer(tmp_path / "a.csv.gz", "y", "id", categories=["age"])
    assert (schema.label, schema.features_to_forward) == ("y", ("id",))
    assert schema.statistics["city"].missing_share == pytest.approx(1 / 3, abs=1e-3)
    assert dict(schema.statistics["y"].values) == {"0": 1000, "1": 1000}
    lines = {line.split()[0]: line.split() for line in made.stderr.splitlines()}
    assert lines["age"][1:3] == ["INTEGER", "category"]
    assert lines["city"][1:5] == ["STRING", "category", "33.4%", "2"]


def test_split_reads_the_files_as_the_schema_found_them(tmp_path):
    rows = "".join(f"{i};{i / 4};{i % 2}\n" for i in range(200))
    (tmp_path / "a.csv").write_text(rows)
    made = run(tmp_path / "a.csv", "--label=y", "--key=id", "--columns=id,x,y")
    (tmp_path / "schema.json").write_text(made.stdout)
    split = [sys.executable, "-m", "sampling", "split", str(tmp_path / "a.csv"), "--key=id"]
    split += [f"--schema={tmp_path / 'schema.json'}", "--label=y", f"--output={tmp_path / 'out'}"]
    done = subprocess.run(split, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Schema.from_manifest(tmp_path / "out").names == ("id", "x", "y")
    assert "200 rows" in done.stdout


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path):
    made = run(tmp_path / "*.csv")
    assert made.returncode == 1 and made.stdout == ""
    assert made.stderr.startswith("tf-sampling: error: files: no file matches")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    made = run(tmp_path / "a.csv", "--lable=a")
    assert made.returncode == 2 and "--lable" in made.stderr


REAL = {
    "adult/adult_income.csv.gz": (
        {"label": "income"},
        {
            "INTEGER number": "age fnlwgt hours_per_week capital",
            "STRING category": "workclass education marital_status occupation relationship race sex"
            " native_country income",
        },
    ),
    "bank-marketing/bank_marketing.csv": (
        {"label": "y"},
        {
            "INTEGER id": "Unnamed: 0",
            "INTEGER number": "age balance day duration campaign pdays previous",
            "STRING category": "job marital education contact month poutcome y",
            "BOOLEAN number": "default housing loan",
        },
    ),
    "churn/churn.all.gz": (
        {"label": "column_21"},
        {
            "STRING id": "column_4",
            "STRING category": "column_1 column_21",
            "BOOLEAN number": "column_5 column_6",
            "INTEGER number": "column_2 column_3 column_7 column_9 column_12 column_15 column_18"
            " column_20",
            "FLOAT number": "column_8 column_10 column_11 column_13 column_14 column_16 column_17"
            " column_19",
        },
    ),
    "card-fraud/creditcard.parquet": (
        {"label": "label"},
        {
            "INTEGER id": "Unnamed: 0.1,Unnamed: 0",
            "INTEGER number": " ".join(f"V{i}" for i in range(28)) + " Amount label",
        },
    ),
}


CLASSES = {
    "adult/adult_income.csv.gz": ("<=50K", ">50K"),
    "bank-marketing/bank_marketing.csv": ("no", "yes"),
    "churn/churn.all.gz": (" False.", " True."),
}


def grouped(schema):
    """{"INTEGER id": names}"""
    found = {}
    for field in schema:
        found.setdefault(f"{field.type} {field.kind}", set()).add(field.name)
    return found


@pytest.mark.parametrize("path", REAL)
def test_real_files_as_they_are(path):
    if not (DATA / path).exists():
        pytest.skip("the data is not here")
    options, expected = REAL[path]
    schema = Schema.infer(DATA / path, **options)
    wanted = {
        key: {"Unnamed: 0"}
        if names == "Unnamed: 0"
        else set(names.split("," if "," in names else " "))
        for key, names in expected.items()
    }
    assert grouped(schema) == wanted
    assert all(known.missing == 0 for known in schema.statistics.values())
    assert schema.classes == CLASSES.get(path, ())


def test_small_files_like_the_real_ones(tmp_path):
    generator = np.random.default_rng(0)
    rows = [
        f"{['KS', 'OH'][i % 2]}, {generator.integers(1, 200)}, 382-{i:04d}, "
        f"{['no', 'yes'][i % 3 == 0]}, {generator.normal(200, 50):.1f}, "
        f"{['False.', 'True.'][i % 7 == 0]}\n"
        for i in range(200)
    ]
    schema = infer(tmp_path, "".join(rows), label="column_6")
    assert [f"{field.type} {field.kind}" for field in schema] == [
        "STRING category",
        "INTEGER number",
        "STRING id",
        "BOOLEAN number",
        "FLOAT number",
        "STRING category",
    ]
    assert list(schema.statistics["column_6"].values) == [" False.", " True."]
    frame = pd.DataFrame(
        {
            "Unnamed: 0": np.arange(2000.0),
            "V1": generator.integers(-3, 4, 2000).astype(float),
            "label": (np.arange(2000) % 100 == 0).astype(float),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    schema = Schema.infer(tmp_path / "a.parquet", label="label")
    assert grouped(schema) == {"INTEGER id": {"Unnamed: 0"}, "INTEGER number": {"V1", "label"}}
