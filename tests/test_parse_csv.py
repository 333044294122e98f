"""The graph's CSV parser against pyarrow's, which reads the files of training."""

from __future__ import annotations

import csv
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sampling import Field, InputFn, Schema
from sampling.estimator.serving import parse_csv

# label and weight stand among the features: rows to be served are without them
SCHEMA = Schema(
    (
        Field("id", int, "REQUIRED"),
        Field("label", int),
        Field("amount", float, default=-1.5),
        Field("vip", bool),
        Field("importance", float),
        Field("day", "DATE"),
        Field("city", str, default="nowhere"),
        Field("count", int, default=7),
    ),
    label="label",
    weight="importance",
    features_to_forward=("id", "city"),
)
NULLS = ("", "NA")
ROWS = [
    "1,2.5,true,2024-02-29,Rome,3",
    "2,,,,,",  # empty: the defaults
    "3,NA,NA,NA,NA,NA",
    '4,"-1e-3",False,"","Rome, ""GA""","12"',
    "  5 ,\t.5 ,0,  , blanks are kept ,  -9 ",
    "6,+7.25E2,TRUE,x,Zürich,0012",
    "9223372036854775807,16777217,1,,NAN,-9223372036854775808",
    '"8","0.1","1","NA","NA",""',
    "9,3.4028235e38,FALSE,,é,1\r\n",
    '10,0,0,,5" pipe of 3",1',
    "11.0,nan,yes,,x, -12.00 ",
    "12,NaN,N,,x,nan",
]


def of_training(folder, rows):
    """What the features of these rows are in training, by way of a file."""
    path = Path(folder, "rows.csv")
    header = ",".join(field.name for field in SCHEMA.features) + ",label,importance"
    lines = [header, *(row.rstrip("\r\n") + ",1,1" for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    input_fn = InputFn(str(path), SCHEMA, null_values=NULLS, batch_size=1000)
    ((features, _, _),) = input_fn.batches()
    return features


def same(parsed, expected):
    assert list(parsed) == [field.name for field in SCHEMA.features]
    for name, values in parsed.items():
        assert values.shape == expected[name].shape
        assert values.numpy().dtype == expected[name].dtype
        assert values.numpy().tolist() == expected[name].tolist(), name


def test_same_values_as_in_training(tmp_path):
    same(parse_csv(ROWS, SCHEMA, null_values=NULLS), of_training(tmp_path, ROWS))


def test_missing_values_and_indicators_are_those_of_training(tmp_path):
    fields = (
        Field("a", int, default=7, indicator=True),
        Field("x", float, default=math.nan, indicator=True),
        Field("flag", bool, indicator=True),
        Field("city", str, default="nowhere", indicator=True),
    )
    rows = ["1,2.5, yes\t,Rome", ",,,", "NA,NaN,NA,NA", "0,nan,no,nowhere", "nan,1,f, "]
    schema = Schema(fields)
    (tmp_path / "rows.csv").write_text("\n".join(["a,x,flag,city", *rows]) + "\n")
    [expected] = InputFn(str(tmp_path), schema, null_values=NULLS).batches()
    parsed = parse_csv(rows, schema, null_values=NULLS)
    assert list(parsed) == list(expected) == [field.name for field in schema.batch_features]
    for name, values in parsed.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False).map(repr)
whole = st.integers(-(2**63), 2**63 - 1).map(str)
maybe = st.sampled_from(NULLS)
booleans = st.sampled_from(["true", "True", "TRUE", "1", "false", "False", "FALSE", "0"])
rows_of_texts = st.tuples(whole, numbers | maybe, booleans | maybe, texts, texts, whole | maybe)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows_of_texts, min_size=1, max_size=5), st.booleans())
@example([("1", "1", "1", '"', '""', "1"), ("1", "", "", ",", " ", "")], False)
def test_same_values_as_in_training_for_any_text(rows, quote_all):
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    names = [field.name for field in SCHEMA.features]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        with path.open("w", newline="") as file:
            writer = csv.writer(file, quoting=quoting, lineterminator="\n")
            writer.writerows([[*names, "label", "importance"], *([*row, 1, 1] for row in rows)])
        input_fn = InputFn(str(path), SCHEMA, null_values=NULLS, batch_size=1000)
        ((expected, _, _),) = input_fn.batches()
        lines = path.read_text().split("\n")[1:-1]
    served = [line.removesuffix(',"1","1"' if quote_all else ",1,1") for line in lines]
    same(parse_csv(served, SCHEMA, null_values=NULLS), expected)


def test_delimiter():
    schema = Schema.from_dict({"a": int, "b": str})
    parsed = parse_csv(["1;x,y"], schema, delimiter=";")
    assert parsed["b"].numpy().tolist() == [b"x,y"]


def test_decimal_comma(tmp_path):
    schema = Schema.from_dict({"x": float, "n": int, "b": str})
    rows = ["3,5;17,0;a,b", "-,25;2;1.5", "1;0;"]
    (tmp_path / "rows.csv").write_text("\n".join(["x;n;b", *rows]) + "\n")
    [expected] = InputFn(str(tmp_path), schema, delimiter=";", decimal=",").batches()
    assert expected["x"].tolist() == [3.5, -0.25, 1]
    for name, values in parse_csv(rows, schema, ";", decimal=",").items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    with pytest.raises(tf.errors.InvalidArgumentError):
        parse_csv(["3.5;1;"], schema, ";", decimal=",")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (",1,1,,,1", ["'id'", "REQUIRED"]),
        ("NA,1,1,,,1", ["'id'", "REQUIRED"]),
        ("1,abc,1,,,1", ["'amount'", "FLOAT", "abc"]),
        ("1,0x1F,1,,,1", ["'amount'", "FLOAT", "0x1F"]),
        ("1,inf,1,,,1", ["'amount'", "FLOAT", "inf"]),
        ("1,1e39,1,,,1", ["'amount'", "FLOAT", "inf"]),
        ("1, ,1,,,1", ["'amount'", "FLOAT"]),
        ("1,1,maybe,,,1", ["'vip'", "BOOLEAN", "maybe"]),
        ("1,1,tr ue,,,1", ["'vip'", "BOOLEAN", "tr ue"]),
        ("1,1,1,,,1.5", ["'count'", "INTEGER", "1.5"]),
        ("1,1,1,,,9223372036854775808", ["9223372036854775808"]),
        ("1,1,1,,,", None),
        ("1,1,1,,", ["6 fields", "5"]),
        ("1,1,1,,,1,1", ["6 fields", "7"]),
        ('1,1,1,"x",a"b,1', ["quotes"]),
        ('1,1,1,,"a"b,1', ["escaped by another quote"]),
        ('1,1,1,,"ab,1', ["Quoted field"]),
        ("1,1,1,,a\nb,1", ["CRLFs"]),
    ],
)
def test_what_is_not_of_the_type_is_an_error_never_a_zero(row, words):
    parse = tf.function(lambda rows: parse_csv(rows, SCHEMA, null_values=NULLS))
    rows = tf.constant([ROWS[0], row])
    if words is None:
        parse(rows)
        return
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        parse(rows)
    message = error.value.message.replace("\\'", "'")
    assert all(word in message for word in words), message
