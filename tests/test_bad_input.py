"""What can't be read is refused with file, line, column, value and remedy; nothing is lost."""

import csv
import errno
import io
import os
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import Field, InputFn, InputFnDownsampleWithWeight, SamplingError, Schema
from sampling.checkpoint import estimator
from sampling.files import manifest
from tests import written
from tests.forked import Forked
from tests.test_csv import AB, MIXED, csv_files, read, write
from trainer.job_dir import contents

SCHEMA = Schema(
    [Field("id", int, "REQUIRED"), Field("x", float), Field("city", str), Field("ok", bool)]
    + [Field("label", int), Field("w", float)],
    label="label",
    weight="w",
)
HEADER, GOOD = "id,x,city,ok,label,w\n", "1,0.5,rome,true,1,1\n"
LABELLED = Schema.from_dict({"a": int, "label": int}, label="label")


def refused(*parts):
    """Every part is in the message, as it stands."""
    return pytest.raises(ValueError, match="".join(rf"(?=[\s\S]*{re.escape(p)})" for p in parts))


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("x,0.5,rome,true,1,1", ["column 'id': found 'x', expected a whole number", "; fix it"]),
        ("1.5,0.5,rome,true,1,1", ["column 'id': found '1.5', expected a whole number", "type"]),
        (f"{2**63},0,rome,true,1,1", ["column 'id': found '9223372036854775808'", "64 bits"]),
        ("1,abc,rome,true,1,1", ["column 'x': found 'abc', expected a number", "null_values", "0"]),
        ("1,-inf,rome,true,1,1", ["column 'x': found '-inf', expected a finite number"]),
        ("1,Infinity,rome,true,1,1", ["column 'x': found 'Infinity', expected a finite number"]),
        ("1,1e39,rome,true,1,1", ["column 'x': found '1e39', expected a finite number", "float32"]),
        ("1,0.5,rome,maybe,1,1", ["column 'ok': found 'maybe', expected true or false"]),
        ("1,0.5,rome,2,1,1", ["column 'ok': found '2', expected true or false, yes or no"]),
        ("1,0.5,rome,true,one,1", ["column 'label': found 'one', expected a whole number"]),
        (",0.5,rome,true,1,1", ["column 'id': found nothing, expected a value", "REQUIRED"]),
        ('"",0.5,rome,true,1,1', ["column 'id': found nothing, expected a value", "REQUIRED"]),
        ("NA,0.5,rome,true,1,1", ["column 'id': found 'NA', expected a value", "REQUIRED"]),
        ("1,0.5,rome,true,,1", ["column 'label': found nothing, expected a value", "fill it in"]),
        ("1,0.5,rome,true,1,", ["column 'w': found nothing, expected a value", "fill it in"]),
        ("1,0.5,rome,true,1,heavy", ["column 'w': found 'heavy', expected a number"]),
        ("1,0.5,rome,true,1,nan", ["column 'w': found 'nan', expected a value", "fill it in"]),
        ("1,0.5,rome,true,1,-inf", ["column 'w': found '-inf', expected a finite number"]),
        ("1,0.5,rome,true,1,-1", ["column 'w': found the weight -1.0", "not negative"]),
        ("1,0.5,rome,true,1", ["found 5 fields, expected 6 (id, x, city,", "'1,0.5,rome,true,1'"]),
        ("1,0.5,ro,me,true,1,1", ["found 7 fields, expected 6", "quote fields", "delimiter ','"]),
        ("text", ["found 1 field, expected 6", "'text'"]),
        (" ", ["found 1 field, expected 6", "' '"]),
        ("1,0.5," + "x" * 99, ["found 3 fields", "'1,0.5," + "x" * 54 + "'..."]),
        ('1,0.5,"rome,true,1,1', ["found a quote", "the line is '1,0.5,\"rome,true,1,1'"]),
        ('1,0.5,"ro"me",true,1,1', ["found a quote", "double the quotes inside it"]),
        ('1,0.5,"ro\\"me",true,1,1', ["found a quote"]),
        ('1,0.5,"ro\nme",true,1,1', ["found a quote", "newlines_in_values=True"]),
        ('1,0.5,rome,true,1,"', ["found a quote"]),
        ('1,0.5,rome,true,1,"1', ["found a quote"]),
        ("1,0.5,ro\rme,true,1,1", ["found a carriage return", "expected lines that end with"]),
        ("\r1,0.5,rome,true,1,1", ["found a carriage return"]),
        ("1,0.5,ro\0me,true,1,1", ["a NUL byte", "UTF-8", "convert the file"]),
        (b"1,0.5,r\xf6m,true,1,1", [r"column 'city': found b'r\xf6m' with the byte 0xf6", "UTF-8"]),
        (b"1,0.5\xff,rom,true,1,1", [r"column 'x': found b'0.5\xff'", "expected text in UTF-8"]),
    ],
)
def test_a_bad_row_is_named(row, parts, tmp_path):
    row = row.encode() if isinstance(row, str) else row
    text = HEADER.encode() + GOOD.encode() * 1000 + row + b"\n" + GOOD.encode() * 1000
    folder = write(tmp_path, e=HEADER + GOOD, f=text)
    options = {"null_values": ["", "NA"]}
    for pool_rows in (1000, 131_072):
        with refused(f"{folder}/f.csv, line 1002", *parts):
            read(folder, SCHEMA, pool_rows=pool_rows, **options)
    with refused(f"{folder}/f.csv, line 1002", *parts):  # without a newline at the end
        read(write(folder, f=text[: -1000 * len(GOOD) - 1]), SCHEMA, **options)
    with refused(f"{folder}/f.csv, line 2", *parts[:1]):
        (folder / "f.csv").write_bytes(HEADER.encode() + row + b"\n" + GOOD.encode() * 2000)
        read(folder, SCHEMA, **options)


@pytest.mark.parametrize("row", [0, 1, 700, 1499])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("blank", [0, 3])
@pytest.mark.parametrize("pool_rows", [50, 131_072])
def test_lines_are_counted_as_an_editor_does(row, header, newline, blank, pool_rows, tmp_path):
    rows = [f"{n},{'long ' * (n % 7)}" for n in range(1500)]
    rows[row] = "x,bad"
    rows.insert(1, newline.join([""] * blank))  # they stand after the first row, too
    lines = [""] * blank + ["a,b"] * header + rows
    text = newline.join(lines)
    number = text.split(newline).index("x,bad") + 1
    folder = write(tmp_path, f1="a,b\n" * header + "1,x\n" * 40, f2="", f3=text)
    for newlines_in_values in (False, True):
        options = {"pool_rows": pool_rows, "newlines_in_values": newlines_in_values}
        with refused(f"{folder}/f3.csv, line {number}, column 'a': found 'x'"):
            read(folder, header=header, **options)


def test_lines_are_counted_through_fields_with_newlines(tmp_path):
    rows = [f'{n},"' + "line\n" * (n % 4) + '"\n' for n in range(500)]
    text = "a,b\n" + "".join(rows[:300]) + "x,y\n" + "".join(rows[300:])
    number = text.split("\n").index("x,y") + 1
    for pool_rows in (20, 131_072):
        with refused(f"f.csv, line {number}, column 'a': found 'x'"):
            read(write(tmp_path, f=text), newlines_in_values=True, pool_rows=pool_rows)


def test_a_negative_weight_is_found_behind_fields_with_newlines(tmp_path):
    schema = Schema.from_dict({"w": float, "b": str}, weight="w")
    text = "w,b\n\n" + '1,"two\nlines"\n\r\n' * 300 + "-2,y\n" + "1,z\n" * 300
    number = text.split("\n").index("-2,y") + 1
    for pool_rows in (20, 131_072):
        with refused(f"f.csv, line {number}, column 'w': found the weight -2.0", "fix it"):
            read(write(tmp_path, f=text), schema, newlines_in_values=True, pool_rows=pool_rows)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,"x\n2,y\n', 2),
        ('a,b\n1,x\n2,"y\n', 3),
        ('a,b\n1,x\n2,"y', 3),
        ('a,b\n1,"x\n2,"y\n', 2),
        ('a,b\n1,5" x\n2,y\n', 2),
        ('a,b\n1,x\n2,"y"z\n', 3),
        ('a,b\n1,"x\n\n"\n2,"y"" \n', 5),
    ],
)
def test_a_stray_quote_where_fields_may_hold_newlines(text, line, tmp_path):
    folder = write(tmp_path, f=text)
    with refused(f"f.csv, line {line}: found a quote", "double the quotes"):
        InputFn(folder, AB, newlines_in_values=True)


def test_a_quote_that_is_open_at_the_end_of_what_one_thread_parses(tmp_path):
    row = "1," + "x" * 61 + "\n"
    for stray in ('1,"x\n', '1,"\n'):
        text = "a,b\n" + (row * 2**14 + stray) * 4
        with refused(f"f.csv, line {2**14 + 2}: found a quote"):
            read(write(tmp_path, f=text))


def test_a_nul_byte_is_named_with_its_column(tmp_path):
    text = "a,b\n" + "1,x\n" * 10_000 + "1,x\0\n"
    with refused("f.csv, line 10002, column 'b': found 'x\\x00' with a NUL byte", "UTF-8"):
        read(write(tmp_path, f=text))


def test_a_bad_row_is_refused_every_time(tmp_path):
    rows = [f"{n},{'x' * 200}\n" for n in range(20_000)]  # several threads
    folder = write(tmp_path, f="a,b\n" + "".join(rows[:9000]) + "x,y\n" + "".join(rows[9000:]))
    input_fn = InputFn(folder, AB)
    for _ in range(30):  # pyarrow's own threads hang on one error in some hundred
        with refused("f.csv, line 9002, column 'a': found 'x'"):
            next(input_fn.batches())


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("a,c", ["lacks the column 'b'", "has the column 'c' beyond the schema", "a, b in any"]),
        ("a", ["lacks the column 'b'", "delimiter"]),
        ("b,c,d", ["lacks the column 'a'", "has the columns 'c', 'd' beyond the schema"]),
        ("b," + "x" * 99_999, ["lacks the column 'a'", "the column 'xxx", "xxx'... beyond"]),
        ("a,b,a", ["has the column 'a' more than once"]),
        ("1,x", ["lacks the columns 'a', 'b'", "pass header=False"]),
        ("a;b", ["pass the delimiter if it is not ','"]),
        ("a, b", ["lacks the column 'b'", "has the column ' b'"]),
        ("A,B", ["lacks the columns 'a', 'b'"]),
        ('"a,b', ["found a quote"]),
        ("a,b\rx", ["found a carriage return"]),
        (b"\xe4,b", ["found the byte 0xe4", "UTF-8"]),
    ],
)
def test_a_header_that_does_not_fit(header, parts, tmp_path):
    header = header.encode() if isinstance(header, str) else header
    folder = write(tmp_path, f1="a,b\n1,x\n", f2=b"\n\n" + header + b"\n1,x\n")
    with refused(f"{folder}/f2.csv, line 3: ", *parts):
        InputFn(folder, AB)


def test_a_first_row_that_does_not_fit_where_there_is_no_header(tmp_path):
    with refused("f.csv, line 2: found 3 fields, expected 2 (a, b)", "delimiter"):
        InputFn(write(tmp_path, f="\n1,2,3\n"), AB, header=False)
    with refused("f.csv, line 1: found the names of the columns", "pass header=True"):
        InputFn(write(tmp_path, f="b,a\nx,1\n"), AB, header=False)


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b\x08\x00" + b"a\n" * 99,
        "a,b\n1,x\n".encode("utf-16"),
        "a,b\n1,x\n".encode("utf-16-le"),
        "a,b\n1,x\n".encode("utf-32"),
        b"PK\x03\x04" + b"a\n" * 99,
        b"PAR1" + b"a\n" * 99,
        b"\x89PNG\r\n\x1a\n\0\0",
        np.random.default_rng(0).bytes(100_000),
        b"a,b\r1,x\r",
        b"BZh9" + b"a\n" * 99,
        b"Obj\x01" + b"a\n" * 99,
    ],
)
def test_what_is_no_text_in_lines_is_refused(content, tmp_path):
    folder = write(tmp_path, f1="a,b\n1,x\n", f2=content)
    with refused(f"{folder}/f2.csv, line ", "found", "expected lines", "convert the file"):
        InputFn(folder, AB)


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b", "\n\n\n", "a,b\r\n\r\n", "\ufeff"])
@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_no_rows(text, newlines_in_values, tmp_path):
    folder = write(tmp_path, f1=text, f2=text)
    with refused("no row", "f1.csv", "f2.csv", "expected at least one"):
        InputFn(folder, AB, newlines_in_values=newlines_in_values)


def test_no_rows_in_a_class(tmp_path):
    full, empty = write(tmp_path / "full", f="a\n1\n"), write(tmp_path / "empty", f="a\n")
    for globs, role in (((full, empty), "negative_dir"), ((empty, full), "positive_dir")):
        with refused(f"{role}: found no row in {empty}/f.csv"):
            InputFnDownsampleWithWeight(*globs, schema=LABELLED, is_train=True)
    with refused(f"test_dir: found no row in {empty}/f.csv"):
        InputFnDownsampleWithWeight(test_dir=empty, schema=LABELLED)


@pytest.mark.parametrize(
    ("globs", "parts"),
    [
        (None, ["files is None", "name the files"]),
        ("", ["files has ''"]),
        ([], ["files is []"]),
        (5, ["files is 5"]),
        (b"x", ["files is b'x'"]),
        (["{}/f.csv", None], ["files has None"]),
        ("{}/g*.csv", ["files: no file matches", "/g*.csv", "fix the path"]),
        ("{}/g", ["files: no file matches", "/g'"]),
        (["{}/f.csv", "{}/g.csv"], ["no file matches", "/g.csv"]),
        ("{}/[f].txt", ["no file matches", "a bracket that is meant is written [[]"]),
        ("{}/empty", ["no file matches"]),
        ("ram://nowhere/*.csv", ["no file matches 'ram://nowhere/*.csv'"]),
    ],
)
def test_globs_that_name_no_file(globs, parts, tmp_path):
    write(tmp_path, f="a,b\n1,x\n")
    (tmp_path / "empty").mkdir()
    if isinstance(globs, str):
        globs = globs.format(tmp_path)
    if isinstance(globs, list):
        globs = [glob.format(tmp_path) if glob else glob for glob in globs]
    with refused(*parts):
        InputFn(globs, AB)


def test_labels_and_weights_in_some_files_only(tmp_path):
    schema = Schema.from_dict({"a": int, "w": float, "label": int}, label="label", weight="w")
    with refused("f1.csv lacks the column 'label', which other files of files have"):
        InputFn(write(tmp_path / "1", f1="a,w\n1,1\n", f2="a,w,label\n1,1,1\n"), schema)
    with refused("f2.csv lacks the column 'w', which other files of files have"):
        InputFn(write(tmp_path / "2", f1="a,w\n1,1\n", f2="a\n1\n"), schema)
    with refused("f1.csv", "lacks the column 'w'"):
        InputFn(write(tmp_path / "3", f1="a,label\n1,1\n"), schema)


def test_a_text_label_can_not_be_made_up(tmp_path):
    folder, other = (write(tmp_path / name, f="a\n1\n") for name in ("1", "2"))
    schema = Schema.from_dict({"a": int, "label": str}, label="label")
    with refused("f.csv lacks the label 'label'", "STRING", "add the column"):
        InputFnDownsampleWithWeight(folder, other, schema=schema, is_train=True)


def grow(path):
    with path.open("a") as file:
        file.write("9,z\n")


def rewrite(path):
    path.write_text(path.read_text())
    os.utime(path, ns=(1, 1))


def empty(path):
    path.write_text("")


def vanish(path):
    path.unlink()


@pytest.mark.parametrize("change", [grow, rewrite, empty, vanish])
@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_a_file_that_changes_between_epochs(change, newlines_in_values, tmp_path):
    folder = write(tmp_path, f1="a,b\n1,x\n", f2="a,b\n" + "2,y\n" * 300)
    options = {"newlines_in_values": newlines_in_values, "pool_rows": 20}
    input_fn = InputFn(folder, AB, **options)
    assert sum(len(batch["a"]) for batch in input_fn.batches()) == 301
    rows = InputFn(folder, AB, num_epochs=2, batch_size=1, **options).batches()
    for _ in range(200):
        next(rows)
    change(folder / "f2.csv")
    found = "has vanished" if change is vanish else "has changed"
    for batches in (input_fn.batches(), input_fn.batches(), rows):
        with refused(f"{folder}/f2.csv {found} since it was listed", "input function anew"):
            list(batches)


def test_a_file_that_changes_before_it_is_counted(tmp_path):
    folder = write(tmp_path, f="a,b\n1,x\n")
    input_fn = InputFn(folder, AB)
    grow(folder / "f.csv")
    with refused("f.csv has changed since it was listed", "8 bytes"):
        _ = input_fn.steps_per_epoch


def fails(error):
    def fail(*arguments, **options):
        raise error

    return fail


@pytest.mark.parametrize("name", ["f.csv", "f.tfrecord"])
@pytest.mark.parametrize("is_dataset", [False, True])
def test_a_device_that_fails_is_named(name, is_dataset, tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    written.write(frame, tmp_path / name)
    input_fn = InputFn(tmp_path / name, AB)
    batches = input_fn.dataset() if is_dataset else input_fn.batches()
    monkeypatch.setattr(os, "pread", fails(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(Exception, match=rf"{name}: the device fails to read or write; check it"):
        list(batches)


def test_rights_that_are_lost_are_named(tmp_path, monkeypatch):
    folder = write(tmp_path, f="a,b\n1,x\n")
    input_fn = InputFn(folder, AB)
    denied = PermissionError(errno.EACCES, "Permission denied", f"{folder}/f.csv")
    monkeypatch.setattr("sampling.files.listing.stat", fails(denied))
    with refused(f"{folder}/f.csv: permission is denied; ask for it"):
        list(input_fn.batches())


def test_a_forked_process_is_told_what_does_not_work_there(tmp_path):
    folder = write(tmp_path, f="a,b\n1,x\n")
    tf.constant(1)  # TensorFlow has its threads from here on

    def run():
        with pytest.warns(UserWarning, match="was forked from one in which TensorFlow was at work"):
            InputFn(folder, AB).dataset()
        InputFn(folder, AB).dataset()  # told once; warnings are errors here

    child = Forked(run, seconds=60)
    said = child.wait()
    assert child.returncode == 0, said
    InputFn(folder, AB).dataset()


DEEP = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize(
    "use",
    [
        lambda path: manifest.read(path.parent),
        lambda path: Schema.from_json(path),
        lambda path: Schema.from_json(f'[{{"name": "a", "type": "STRING", "default": {DEEP}}}]'),
        lambda path: estimator.read_state(str(path)),
        lambda path: contents.read_json(str(path.parent), path.name),
    ],
)
def test_json_that_is_nested_too_deeply_is_named(use, tmp_path):
    (tmp_path / "_manifest.json").write_text(DEEP)
    with pytest.raises(SamplingError, match=r"nested|recursion"):
        use(tmp_path / "_manifest.json")


def test_a_remote_file_that_changes_or_vanishes():
    path = "ram://changing/f.csv"
    for change, found in ((lambda: tf.io.gfile.remove(path), "vanished"), (None, "changed")):
        with tf.io.gfile.GFile(path, "w") as file:
            file.write("a,b\n1,x\n")
        input_fn = InputFn(path, AB)
        if change:
            change()
        else:
            with tf.io.gfile.GFile(path, "a") as file:
                file.write("2,y\n")
        with refused(f"{path} has {found} since it was listed"):
            list(input_fn.batches())


def test_a_file_in_both_globs_is_refused(tmp_path):
    folder = write(tmp_path, f1="a\n1\n", f2="a\n2\n")
    with pytest.raises(ValueError, match=r"f2\.csv is matched by both positive_dir and negative_d"):
        InputFnDownsampleWithWeight(
            f"{folder}/f*.csv", f"{folder}/./f2.csv", schema=LABELLED, is_train=True
        )


@pytest.fixture(scope="module")
def one_file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("one"), f="a,label\n1,1\n2,0\n") / "f.csv"


NOT_A_NUMBER = [None, "1", float("nan"), float("inf"), -float("inf"), [1], 1j]
WHOLE = [0, -1, 1.5, 2.0, True, *NOT_A_NUMBER]
COMMON = {
    "batch_size": WHOLE,
    "num_epochs": [n for n in WHOLE if n is not None],
    "pool_rows": WHOLE,
    "block_rows": [n for n in WHOLE if n is not None],
    "seed": [-1, 1.5, "1", None, float("nan")],
    "delimiter": ["", ",,", "é", '"', "\n", "\r", "\0", None, 5, b","],
    "null_values": ["NA", [1], None, 5, [None]],
    "transform": ["f", 5],
    "schema": [None, {"a": int}, "schema.json"],
}
OF_TRAINING = COMMON | {
    "multiplier": [0, -1, True, *NOT_A_NUMBER],
    "weight": [0, -1, True, *[n for n in NOT_A_NUMBER], "automatic"],
    "positive_size": [n for n in WHOLE if n is not None],
    "negative_size": [n for n in WHOLE if n is not None],
    "positive_dir": [None, "", "/nowhere/*"],
    "negative_dir": [None, "", "/nowhere/*"],
}


def each(arguments):
    return [
        pytest.param(name, value, id=f"{name}={value!r}"[:40])
        for name, values in arguments.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), each(COMMON))
def test_arguments_out_of_range(name, value, one_file):
    with refused(name):
        InputFn(one_file, **{"schema": LABELLED} | {name: value})


@pytest.mark.parametrize(("name", "value"), each(OF_TRAINING))
def test_arguments_of_downsampling_out_of_range(name, value, one_file):
    arguments = {"positive_dir": one_file, "negative_dir": one_file, "schema": LABELLED}
    with refused(name):
        InputFnDownsampleWithWeight(**arguments | {"is_train": True, name: value})


@pytest.mark.parametrize(("name", "value"), each(COMMON | {"test_dir": [None, "", "/nowhere/*"]}))
def test_arguments_of_testing_out_of_range(name, value, one_file):
    with refused(name):
        InputFnDownsampleWithWeight(**{"test_dir": one_file, "schema": LABELLED, name: value})


def test_training_needs_a_label(one_file):
    schema = Schema.from_dict({"a": int, "label": int})
    with refused("the schema names no label", "label="):
        InputFnDownsampleWithWeight(one_file, one_file, schema=schema, is_train=True)
    unlabelled = InputFn(one_file, schema)
    for mode in ("train", "eval"):
        with refused(mode, "label"):
            unlabelled(mode)


@pytest.mark.parametrize("features", ["b", ["a", "b"], [], ["label"]])
def test_features_that_are_not_there(features, one_file):
    with refused("features is", "expected names among a"):
        InputFn(one_file, LABELLED).batches(features)


@pytest.mark.parametrize(
    ("transform", "part"),
    [
        (lambda table: None, "returned None"),
        (lambda table: table.slice(1), "leave no row out"),
        (lambda table: table.append_column("n", pa.nulls(len(table), pa.int64())), "empty values"),
        (lambda table: table.append_column("l", pa.array([{"a": 1}] * len(table))), "struct<"),
    ],
)
def test_transforms_that_break_the_table(transform, part, one_file):
    with refused(part):
        list(InputFn(one_file, LABELLED, transform=transform).batches())


def corrupted(data, draw):
    """The bytes after some accidents."""
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(['"', '"', "\0", "\r", b"\xff", "-,", "-\n", '-"', "-\r"]))
        if isinstance(kind, str) and kind.startswith("-"):  # one of these is lost
            places = [n for n, byte in enumerate(data) if byte == ord(kind[1])]
            if places:
                place = draw(st.sampled_from(places))
                data = data[:place] + data[place + 1 :]
        else:
            place = draw(st.integers(0, len(data)))
            inserted = kind if isinstance(kind, bytes) else kind.encode()
            data = data[:place] + inserted + data[place:]
    return data


def as_python_reads(data, delimiter, header):
    """The rows that Python's csv module finds, strictly."""
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    records = [record for record in csv.reader(text, delimiter=delimiter, strict=True) if record]
    names = records.pop(0) if header and records else MIXED.names
    rows = [dict(zip(names, record, strict=True)) for record in records]
    return [
        (row["s"].encode(), int(row["i"] or 0), float(row["f"] or 0), row["t"].encode())
        for row in rows
    ]


@settings(max_examples=150, deadline=None)
@given(files=csv_files(), data=st.data(), pool_rows=st.sampled_from([1, 1000]))
def test_a_corrupted_file_is_refused_or_read_as_it_stands(files, data, pool_rows, tmp_path_factory):
    _, texts, options = files
    content = corrupted(texts[0].encode(), data.draw)
    folder = write(tmp_path_factory.mktemp("any"), f=content)
    try:
        found = read(folder, MIXED, pool_rows=pool_rows, **options)
    except ValueError as error:
        assert str(folder) in str(error)
        return
    del options["newlines_in_values"]
    assert list(zip(*found.values(), strict=True)) == as_python_reads(content, **options)
