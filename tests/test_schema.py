import dataclasses
import datetime
import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sampling import Field, InputFn, Schema

TYPES = {
    "STRING": ["STRING", "string", str, bytes, np.str_, np.bytes_, np.dtype("U5"), "object"]
    + [object, np.dtype(object), tf.string],
    "INTEGER": ["INTEGER", "INT64", "int64", int, np.int8, np.uint32, np.dtype("int64"), "int32"]
    + [tf.int64, tf.uint8],
    "FLOAT": ["FLOAT", "FLOAT64", "float", float, np.float16, np.dtype("float64"), tf.float32],
    "BOOLEAN": ["BOOLEAN", "BOOL", bool, np.bool_, np.dtype(bool), tf.bool],
    "NUMERIC": ["NUMERIC", "numeric"],
    "BIGNUMERIC": ["BIGNUMERIC"],
    "DATE": ["DATE", "date"],
    "DATETIME": ["DATETIME"],
    "TIME": ["TIME"],
    "TIMESTAMP": ["TIMESTAMP", np.datetime64, "datetime64[ns]"],
}
REFUSED = ["RECORD", "STRUCT", "JSON", "GEOGRAPHY", "ARRAY<INT64>", "", "i4,f8", None, 5]
REFUSED += [dict, list, complex, datetime.date, [], {}, {"names": ["a"]}, np.void, np.timedelta64]
REFUSED += [tf.complex64, tf.resource, tf.variant, tf.bfloat16, "integr"]

BQ = """[
  {"mode": "REQUIRED", "name": "id", "type": "INTEGER", "description": "who"},
  {"mode": "NULLABLE", "name": "at", "type": "TIMESTAMP"},
  {"name": "price", "type": "NUMERIC", "defaultValueExpression": "1.5"},
  {"name": "clicked", "type": "BOOLEAN", "mode": null}
]"""
BQ_FIELDS = (
    Field("id", int, "REQUIRED"),
    Field("at", "TIMESTAMP"),
    Field("price", "NUMERIC", default=1.5),
    Field("clicked", bool),
)


def refused(*parts):
    """Every part is in the message, in any order."""
    return pytest.raises(ValueError, match="".join(rf"(?=[\s\S]*{part})" for part in parts))


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name in TYPES for given in TYPES[name]], ids=repr
)
def test_types_of_all_four_kinds_have_one_name(name, given):
    assert Field("x", given).type == name


@pytest.mark.parametrize(
    ("name", "dtype", "empty"),
    [
        ("STRING", object, ""),
        ("TIMESTAMP", object, ""),
        ("INTEGER", np.int64, 0),
        ("BOOLEAN", np.int64, 0),
        ("FLOAT", np.float32, 0),
        ("NUMERIC", np.float32, 0),
    ],
)
def test_dtype_and_default_follow_from_the_type(name, dtype, empty):
    field = Field("x", name)
    assert (field.numpy_dtype, field.empty_value) == (np.dtype(dtype), empty)
    assert type(field.empty_value) is type(empty)
    assert (field.mode, field.default) == ("NULLABLE", None)


@pytest.mark.parametrize("type_", REFUSED, ids=repr)
def test_other_types_are_refused_by_the_fields_name(type_):
    with refused("field 'city'", "has the type", "expected one of STRING, "):
        Field("city", type_)


def test_a_record_is_refused_with_what_to_do():
    with refused("'address'", "'RECORD'", "give each of its fields a column"):
        Field("address", "RECORD")


@pytest.mark.parametrize("mode", ["REQUIRED", "required", "NULLABLE", None, ""])
def test_modes(mode):
    assert Field("x", int, mode).mode == (mode or "NULLABLE").upper()


def test_repeated_and_unknown_modes_are_refused_by_name():
    with refused("'tags'", "REPEATED", "default"):
        Field("tags", str, "REPEATED", default="a")
    with refused("'tags'", "length is 0"):
        Field("tags", str, length=0)
    with refused("'tags'", "'OPTIONAL'", "expected NULLABLE, REQUIRED, REPEATED"):
        Field("tags", str, "OPTIONAL")


@pytest.mark.parametrize("name", ["", " ", None, 5])
def test_a_field_has_a_name(name):
    with refused("name"):
        Field(name, int)


@pytest.mark.parametrize(
    ("type_", "default", "read_as"),
    [
        (int, 7, 7),
        (int, np.int64(7), 7),
        (float, 2, 2.0),
        (float, np.float32(0.5), 0.5),
        (str, "none", "none"),
        (bool, True, 1),
        ("DATE", "1970-01-01", "1970-01-01"),
    ],
)
def test_defaults(type_, default, read_as):
    field = Field("x", type_, default=default)
    assert field.empty_value == read_as and type(field.empty_value) is type(read_as)


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (int, 1.5),
        (int, "1"),
        (int, 2**63),
        (float, "x"),
        (float, float("inf")),
        (float, 1e39),
        (float, True),
        (str, 5),
        (bool, 2),
        (bool, "yes"),
    ],
)
def test_a_default_is_of_the_fields_type(type_, default):
    with refused("field 'x'", "default", "of that type"):
        Field("x", type_, default=default)


def test_fields_and_schemas_are_immutable():
    schema = Schema.from_dict({"a": int})
    with pytest.raises(dataclasses.FrozenInstanceError):
        schema.label = "a"
    with pytest.raises(dataclasses.FrozenInstanceError):
        schema["a"].type = "STRING"
    assert isinstance(schema.fields, tuple)


def test_equal_whatever_way_it_was_written():
    one = Schema([Field("a", "INT64"), Field("b", str)], "a", features_to_forward=["b"])
    other = Schema.from_dict({"a": int, "b": tf.string}, label="a", features_to_forward="b")
    assert one == other == pickle.loads(pickle.dumps(other)) and hash(one) == hash(other)
    assert one != Schema.from_dict({"b": str, "a": int}, label="a", features_to_forward=["b"])
    assert one != Schema.from_dict({"a": int, "b": str}, label="a")


def test_columns_come_in_order_and_features_without_label_and_weight():
    schema = Schema.from_dict({"y": int, "b": str, "w": float, "a": bool}, label="y", weight="w")
    assert schema.names == ("y", "b", "w", "a")
    assert [field.name for field in schema] == list(schema.names) and len(schema) == 4
    assert [field.name for field in schema.features] == ["b", "a"]
    assert (schema.label_field, schema.weight_field) == (schema["y"], schema["w"])
    with pytest.raises(KeyError, match="the columns are y, b, w, a"):
        schema["z"]


@pytest.mark.parametrize("forward", [None, (), []])
def test_nothing_to_forward(forward):
    assert Schema.from_dict({"a": int}, features_to_forward=forward).features_to_forward == ()
    assert Schema([Field("a", int)], features_to_forward=forward).features_to_forward == ()


@pytest.mark.parametrize(
    ("mode", "default", "as_feature", "as_label"),
    [
        ("NULLABLE", None, True, False),
        ("NULLABLE", 0, True, True),
        ("REQUIRED", None, False, False),
        ("REQUIRED", 0, False, False),
    ],
)
def test_a_label_is_empty_only_with_a_default_of_its_own(mode, default, as_feature, as_label):
    field = Field("a", int, mode, default)
    assert Schema([field]).allows_empty(field) == as_feature
    assert Schema([field], label="a").allows_empty(field) == as_label
    assert Schema([field], weight="a").allows_empty(field) == as_label


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"label": "c"}, ["label 'c'", "a, b, id, id_"]),
        ({"weight": "c"}, ["weight 'c'", "a, b, id, id_"]),
        ({"label": "a", "weight": "a"}, ["'a' is both label and weight"]),
        ({"weight": "b"}, ["weight 'b'", "STRING", "expected a number"]),
        ({"features_to_forward": ["c"]}, ["'c' can't be forwarded", "a, b, id, id_"]),
        ({"label": "a", "features_to_forward": ["a"]}, ["'a' can't be forwarded"]),
        ({"features_to_forward": ["id"]}, ["'id' is forwarded as 'id_'", "rename"]),
    ],
)
def test_roles_are_columns_that_do_not_clash(options, parts):
    with refused(*parts):
        Schema.from_dict({"a": int, "b": str, "id": int, "id_": int}, **options)


def test_a_feature_or_label_named_weight_is_refused_and_the_weight_may_be():
    with refused("the feature 'weight' would clash", "weight='weight'"):
        Schema.from_dict({"weight": float})
    with refused("the label 'weight' would clash"):
        Schema.from_dict({"a": int, "weight": float}, label="weight")
    assert Schema.from_dict({"a": int, "weight": float}, weight="weight").weight == "weight"


def test_a_feature_forwarded_onto_weight_is_no_matter_nor_is_the_label_with_an_underscore():
    types = {"id": int, "id_": int}
    assert Schema.from_dict(types, label="id_", features_to_forward=["id"])


def test_duplicates_are_refused_by_name():
    with refused("duplicate field 'a', 'b'"):
        Schema([Field(name, int) for name in "abcab"])


@pytest.mark.parametrize("fields", [[], ["a"], [("a", int)]])
def test_a_schema_has_fields(fields):
    with refused("no fields|expected a Field"):
        Schema(fields)


@pytest.mark.parametrize("types", [None, [("a", int)], "a"])
def test_from_dict_takes_a_dict(types):
    with refused("expected a dict of name: type"):
        Schema.from_dict(types)


@pytest.mark.parametrize(
    "text",
    [
        BQ,
        f"\n  {BQ}",
        f'{{"fields": {BQ}}}',
        f'{{"schema": {{"fields": {BQ}}}, "type": "TABLE"}}',
        f'{{"schema": {BQ}}}',
    ],
)
def test_json_as_bq_prints_it(text, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(text)
    expected = Schema(BQ_FIELDS, "clicked", features_to_forward=("id",))
    for given in (text, path, str(path)):
        assert Schema.from_json(given, "clicked", features_to_forward=["id"]) == expected


def test_json_with_a_byte_order_mark_and_from_what_tensorflow_reads(tmp_path):
    (tmp_path / "schema.json").write_bytes(b"\xef\xbb\xbf" + BQ.encode())
    assert Schema.from_json(tmp_path / "schema.json").fields == BQ_FIELDS
    with tf.io.gfile.GFile("ram://schema/schema.json", "w") as file:
        file.write(BQ)
    assert Schema.from_json("ram://schema/schema.json").fields == BQ_FIELDS


def test_json_round_trip():
    fields = (
        *BQ_FIELDS,
        Field("né", str, default='"it\'s" — '),
        Field("n", int, default=-3),
        Field("f", float, default=1e-7),
        Field("yes", bool, default=True),
        Field("day", "DATE", "REQUIRED"),
    )
    schema = Schema(fields, "clicked", features_to_forward=("id",))
    text = schema.to_json()
    assert Schema.from_json(text, "clicked", features_to_forward=["id"]) == schema
    assert json.loads(text)[0] == {"name": "id", "type": "INTEGER", "mode": "REQUIRED"}


@pytest.mark.parametrize(
    ("expression", "default"),
    [("'x y'", "x y"), ('"x"', "x"), ("NULL", None), (None, None), ("''", "")],
)
def test_sql_literals_as_defaults(expression, default):
    entry = {"name": "a", "type": "STRING", "defaultValueExpression": expression}
    assert Schema.from_json(json.dumps([entry]))["a"].default == default


@pytest.mark.parametrize(("expression", "default"), [("TRUE", 1), ("false", 0), (True, 1)])
def test_sql_booleans_as_defaults(expression, default):
    entry = {"name": "a", "type": "BOOL", "defaultValueExpression": expression}
    assert Schema.from_json(json.dumps([entry]))["a"].default == default


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[{"name": "a", "type": "INTEGER"},]', ["line 1, column ", "bq show"]),
        ('[\n{"name": "a"\n"type"', ["line 3, column 1", "bq show"]),
        ("[", ["line 1"]),
        ("[]", ["no fields"]),
        ("{}", ["expected a list"]),
        ('{"schema": {"fields": null}}', ["expected a list"]),
        ('[{"type": "INTEGER"}]', ['has no "name"', "INTEGER"]),
        ('[{"name": "", "type": "INTEGER"}]', ['has no "name"']),
        ('[["a", "INTEGER"]]', ['has no "name"', r'\["a", "INTEGER"\]']),
        ('[{"name": "a"}]', ["'a'", 'has no "type"']),
        ('[{"name": "a", "type": "RECORD", "fields": []}]', ["'a'", "'RECORD'"]),
        ('[{"name": "a", "type": "INTEGR"}]', ["'a'", "'INTEGR'"]),
        ('[{"name": "a", "type": "INTEGER"}, {"name": "a", "type": "STRING"}]', ["duplicate.*'a'"]),
        (
            '[{"name": "a", "type": "DATE", "defaultValueExpression": "CURRENT_DATE()"}]',
            [r"default 'CURRENT_DATE\(\)'", "expected a literal"],
        ),
    ],
)
def test_broken_json_is_refused_naming_what_and_where(text, parts, tmp_path):
    with refused(*parts):
        Schema.from_json(text)
    path = tmp_path / "broken.json"
    path.write_text(text)
    named = [] if "no fields" in parts[0] or "duplicate" in parts[0] else ["broken.json"]
    with refused(*parts, *named):
        Schema.from_json(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_a_schema_file_that_is_missing_or_no_text(content, tmp_path):
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_bytes(content)
    with refused("schema.json"):
        Schema.from_json(path)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            ["3,14", "33,5", None, "7"],
            "'3,14', numbers written with a decimal comma; read the file",
        ),
        (["1,234,567", "12"], "'1,234,567', numbers written in groups of digits; read the file"),
        (["$5", "$7.50"], "'$5', numbers written with signs; write plain digits to have numbers"),
        (["3,14", "Rome"], None),
        (["3", "4"], None),
    ],
)
def test_numbers_that_pandas_takes_for_text_are_warned_of(values, words):
    for frame in (pd.DataFrame({"x": values}), pd.DataFrame({"x": pd.Categorical(values)})):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assert Schema.from_pandas(frame)["x"].type == "STRING"
        assert len(found) == bool(words)
        if words:
            said = str(found[0].message)
            assert f"column 'x' of the DataFrame holds text such as {words}" in said
            assert found[0].filename == __file__


def test_from_pandas():
    frame = pd.DataFrame(
        {
            "i": [1, 2],
            "u": np.array([1, 2], np.uint8),
            "nullable": pd.array([1, None], "Int64"),
            "f": [1.5, None],
            "w": [1e9 + 1, None],
            "r": [1.0, 2.0],
            "b": [True, False],
            "s": ["x", None],
            "c": pd.Categorical(["x", "y"]),
            "at": pd.to_datetime(["2024-01-01", None]),
            "day": [datetime.date(2024, 1, 1), None],
            "time": [datetime.time(1), None],
            "none": [None, None],
        }
    )
    schema = Schema.from_pandas(frame, label="b", weight="f", features_to_forward=["i"])
    assert {field.name: field.type for field in schema} == {
        "i": "INTEGER",
        "u": "INTEGER",
        "nullable": "INTEGER",
        "f": "FLOAT",
        "w": "INTEGER",
        "r": "FLOAT",
        "b": "BOOLEAN",
        "s": "STRING",
        "c": "STRING",
        "at": "TIMESTAMP",
        "day": "DATE",
        "time": "TIME",
        "none": "STRING",
    }
    assert (schema.label, schema.weight, schema.features_to_forward) == ("b", "f", ("i",))
    assert {field.mode for field in schema} == {"NULLABLE"}


def test_what_a_data_frame_writes_its_schema_reads(tmp_path):
    frame = pd.DataFrame({"i": [1, 2], "f": [1.5, None], "b": [True, False], "s": ["x", None]})
    frame["at"] = pd.to_datetime(["2024-01-01 10:30", "2024-01-02 00:00"])
    frame.to_csv(tmp_path / "a.csv", index=False)
    [batch] = InputFn(tmp_path, Schema.from_pandas(frame)).batches()
    assert batch["i"].tolist() == [1, 2] and batch["f"].tolist() == [1.5, 0]
    assert batch["b"].tolist() == [1, 0] and batch["s"].tolist() == [b"x", b""]
    assert batch["at"].tolist() == [b"2024-01-01 10:30:00", b"2024-01-02 00:00:00"]


def test_a_data_frame_with_what_is_no_column_is_refused_by_name():
    with refused("'mixed'", "mixed-integer", "convert it"):
        Schema.from_pandas(pd.DataFrame({"mixed": [1, "a"]}))
    with refused("'tags'"):
        Schema.from_pandas(pd.DataFrame({"tags": [["a"], ["b"]]}))
    with refused("duplicate field 'a'"):
        Schema.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with refused("expected a DataFrame"):
        Schema.from_pandas({"a": int})


def test_importing_needs_no_cloud_client_and_no_estimator():
    code = (
        "import sys, sampling; "
        "print(sorted(m for m in sys.modules "
        "if m.startswith(('google.cloud.', 'tensorflow_estimator'))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("type_", "kind"),
    [(str, "category"), ("DATE", "date"), ("TIMESTAMP", "date"), (int, "number"), (bool, "number")],
)
def test_a_kind_follows_from_the_type_unless_it_is_given(type_, kind):
    assert Field("x", type_).kind == kind
    assert Field("x", type_, kind=kind) == Field("x", type_)
    assert Field("x", type_, kind="id").kind == "id"


@pytest.mark.parametrize(
    ("type_", "kind", "parts"),
    [
        (int, "identity", ["'x'", "'identity'", "expected id, number, category, date"]),
        (str, "number", ["'x'", "number", "STRING"]),
        (float, "date", ["'x'", "date", "FLOAT"]),
    ],
)
def test_a_kind_fits_the_type(type_, kind, parts):
    with refused(*parts):
        Field("x", type_, kind=kind)


def test_kinds_defaults_and_lengths_round_trip_through_json_manifest_and_repr():
    fields = (
        Field("order", int, kind="id"),
        Field("app", int, "REQUIRED", kind="category"),
        Field("day", "INTEGER", kind="date", default=7),
        Field("v", float, length=3),
        Field("y", int),
    )
    schema = Schema(fields, "y")
    assert Schema.from_json(schema.to_json(), "y") == schema
    assert Schema.from_json(json.dumps(schema.to_manifest())) == schema
    assert tuple(eval(repr(field)) for field in fields) == fields


def test_ids_are_forwarded_whoever_says_so():
    fields = Field("a", int), Field("id", str, kind="id"), Field("key", int, kind="id")
    assert Schema(fields).features_to_forward == ("id", "key")
    assert Schema(fields, features_to_forward=["key"]).features_to_forward == ("key", "id")
    assert Schema(fields, label="key").features_to_forward == ("id",)
    with refused("'id' is forwarded as 'id_'"):
        Schema((*fields, Field("id_", int)))


def test_roles_in_json_are_taken_unless_others_are_given():
    text = (
        json.dumps(
            {"label": "b", "weight": "w", "features_to_forward": ["id"], "schema": json.loads(BQ)}
        )
        .replace("clicked", "b")
        .replace("price", "w")
    )
    schema = Schema.from_json(text)
    assert (schema.label, schema.weight, schema.features_to_forward) == ("b", "w", ("id",))
    other = Schema.from_json(text, "id", "b", ["at"])
    assert (other.label, other.weight, other.features_to_forward) == ("id", "b", ("at",))


def test_default_is_read_and_unknown_keys_are_named():
    entry = {"name": "age", "type": "INTEGER", "default": -1}
    assert Schema.from_json(json.dumps([entry]))["age"] == Field("age", int, default=-1)
    with refused("'age'", "'defualt'", "name, type, mode, default, ", "did you mean 'default'"):
        Schema.from_json(json.dumps([{"name": "age", "type": "INTEGER", "defualt": -1}]))
    with refused("'age'", "both", "defaultValueExpression"):
        Schema.from_json(json.dumps([{**entry, "defaultValueExpression": "1"}]))
    with refused("'lable'", "did you mean 'label'"):
        Schema.from_json(json.dumps({"lable": "age", "schema": [entry]}))
    described = {**entry, "description": "in years", "policyTags": {"names": []}}
    assert Schema.from_json(json.dumps([described])) == Schema.from_json(json.dumps([entry]))


def test_a_fingerprint_is_of_what_decides_on_batches():
    fields = Field("a", int), Field("b", str), Field("y", int)
    schema = Schema(fields, "y", features_to_forward=["b"])
    same = dataclasses.replace(schema, fields=(Field("a", int, kind="category"), *fields[1:]))
    assert schema.fingerprint() == same.fingerprint()
    others = [
        dataclasses.replace(schema, label="a"),
        dataclasses.replace(schema, weight="a"),
        dataclasses.replace(schema, features_to_forward=()),
        dataclasses.replace(schema, fields=fields[::-1]),
        *(
            dataclasses.replace(schema, fields=(field, *fields[1:]))
            for field in (
                Field("c", int),
                Field("a", float),
                Field("a", int, "REQUIRED"),
                Field("a", int, default=1),
                Field("a", int, length=2),
            )
        ),
    ]
    prints = {other.fingerprint() for other in others}
    assert len(prints) == len(others) and schema.fingerprint() not in prints


def test_a_schema_is_shown_in_a_few_lines():
    types = {"id": int, "age": int, "city": str, "price": float, "tags": str, "y": int}
    schema = Schema.from_dict(types, "y", features_to_forward=["id"])
    assert repr(schema) == (
        "Schema of 6 columns: label 'y', forwarded 'id'\n"
        "  number    id INTEGER, age INTEGER, price FLOAT\n"
        "  category  city STRING, tags STRING"
    )
    wide = Schema.from_dict({f"column_{i}": float for i in range(1000)})
    assert len(repr(wide)) < 500 and repr(wide).endswith("...")
