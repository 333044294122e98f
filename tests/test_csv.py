"""CSV through the public interface, against Python's csv module and pandas."""

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sampling import Field, InputFn, Schema
from sampling.files import listing
from sampling.formats.csv import scanning
from tests import written

AB = Schema.from_dict({"a": int, "b": str})
AB_ROWS = {"a": [1, 2, 3], "b": [b"x", b"y", b"z"]}
LABELLED = Schema.from_dict({"a": int, "b": str, "label": int}, label="label")


def write(folder, **texts):
    """Files `name.csv` with these texts (str or bytes); the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        content = text.encode() if isinstance(text, str) else text
        (folder / f"{name}.csv").write_bytes(content)
    return folder


def read(files, schema=AB, **options):
    """All columns as lists; the label under its name, weights under "weight"."""
    input_fn = InputFn(files, schema, **options)
    parts = []
    for batch in input_fn.batches():
        if isinstance(batch, tuple):
            features, labels, weights = batch
            batch = features | {schema.label: labels, "weight": weights}
        parts.append(batch)
    assert sum(len(next(iter(part.values()))) for part in parts) == input_fn.rows_per_epoch
    return {name: np.concatenate([part[name] for part in parts]).tolist() for name in parts[0]}


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y\n3,z\n",
        "a,b\n1,x\n2,y\n3,z",
        "a,b\r\n1,x\r\n2,y\r\n3,z\r\n",
        "a,b\r\n1,x\r\n2,y\r\n3,z",
        "a,b\r\n1,x\n2,y\r\n3,z\n",
        "\ufeffa,b\n1,x\n2,y\n3,z\n",
        '\ufeff"a","b"\r\n"1","x"\r\n"2","y"\r\n"3","z"\r\n',
        "b,a\nx,1\ny,2\nz,3\n",
        "\n\r\na,b\n\n1,x\n\n\n2,y\n\r\n3,z\n\n\n",
        "\ufeff\na,b\n1,x\n2,y\n3,z\n\r",
        'a,b\n 1,x\n2 ,"y"\n"3",z\n',
    ],
)
@pytest.mark.parametrize("pool_rows", [1, 131_072])
@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_ways_of_writing_the_same_rows(text, pool_rows, newlines_in_values, tmp_path):
    options = {"pool_rows": pool_rows, "newlines_in_values": newlines_in_values}
    assert read(write(tmp_path, f=text), **options) == AB_ROWS


def test_each_file_has_an_order_of_its_own(tmp_path):
    folder = write(tmp_path, f1="a,b\n1,x\n", f2="b,a\ny,2\n", f3="a,b\n3,z\n")
    assert read(folder) == AB_ROWS
    assert read(folder, pool_rows=1) == AB_ROWS


@pytest.mark.parametrize(
    "text", ["1,x\n2,y\n3,z\n", "\ufeff\n1,x\n\n2,y\n3,z", '"1",x\r\n2,y\r\n3,z']
)
def test_without_a_header_the_schemas_order_holds(text, tmp_path):
    assert read(write(tmp_path, f=text), header=False) == AB_ROWS


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", " ", "^", "]", "\\", "%", "-", "\x01"])
def test_delimiters(delimiter, tmp_path):
    quoted = f'"x{delimiter}"'
    text = f"a,b\n1,x\n2,{quoted}\n3,z\n".replace(",", delimiter)
    expected = AB_ROWS | {"b": [b"x", f"x{delimiter}".encode(), b"z"]}
    for newlines in (False, True):
        options = {"delimiter": delimiter, "newlines_in_values": newlines}
        assert read(write(tmp_path, f=text), **options) == expected


def test_quotes(tmp_path):
    text = 'a,b\n"1","a,b"\n2,"say ""hi"""\n3,""\n4,""""\n5,5" pipe\n6, "x"\n'
    expected = [b"a,b", b'say "hi"', b"", b'"', b'5" pipe', b' "x"']
    assert read(write(tmp_path, f=text)) == {"a": [1, 2, 3, 4, 5, 6], "b": expected}
    assert [row[1].encode() for row in csv.reader(io.StringIO(text))][1:] == expected


def test_inch_marks_in_a_long_field_and_in_every_row(tmp_path):
    values = ["x" * 200_000, *(f'{n}" pipe' for n in range(50))]
    text = "a,b\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values))
    assert read(write(tmp_path, f=text))["b"] == [value.encode() for value in values]


def test_newlines_in_quoted_fields_when_the_user_says_so(tmp_path):
    text = '"a","b"\n1,"x\ny"\n2,"\n\n"\r\n3,"\r\n,""\n"\n'
    for header, body in ((True, text), (False, text.partition("\n")[2])):
        found = read(write(tmp_path, f=body), newlines_in_values=True, header=header, pool_rows=1)
        assert found == {"a": [1, 2, 3], "b": [b"x\ny", b"\n\n", b'\r\n,"\n']}


@pytest.mark.parametrize("header", [True, False])
def test_a_first_row_over_many_lines(header, tmp_path):
    text = "a,b\n" * header + '1,"' + "line\n" * 10_000 + '"\n2,y\n'
    found = read(write(tmp_path, f=text), newlines_in_values=True, header=header)
    assert found == {"a": [1, 2], "b": [b"line\n" * 10_000, b"y"]}


@pytest.mark.parametrize(
    "empty", ["", "\ufeff", "\n\r\n", "a,b", "a,b\n", "a,b\n\n\r\n\n", "\n" * 20_000]
)
@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_empty_shards(empty, newlines_in_values, tmp_path):
    folder = write(tmp_path, f1=empty, f2="a,b\n1,x\n2,y\n3,z\n", f3=empty)
    for pool_rows in (1, 1000):
        options = {"pool_rows": pool_rows, "newlines_in_values": newlines_in_values}
        assert read(folder, **options) == AB_ROWS


def test_empty_shards_without_a_header_or_labels(tmp_path):
    folder = write(tmp_path, f1="", f2="1,x\n2,y\n3,z\n", f3="\n\n")
    assert read(folder, LABELLED, header=False) == AB_ROWS


def test_null_values_and_defaults(tmp_path):
    schema = Schema(
        [Field("i", int), Field("j", int, default=-1), Field("f", float, default=0.5)]
        + [
            Field("s", str),
            Field("t", str, default="?"),
            Field("b", bool),
            Field("k", bool, default=1),
        ]
    )
    folder = write(
        tmp_path, f='i,j,f,s,t,b,k\n,,,,,,\n"","","","","","",""\nNA,NA,NA,NA,NA,NA,NA\n'
    )
    row = {"i": 0, "j": -1, "f": 0.5, "s": b"", "t": b"?", "b": 0, "k": 1}
    found = read(folder, schema, null_values=["", "NA"])
    assert found == {name: [value] * 3 for name, value in row.items()}


def test_blanks_and_named_spellings_are_null(tmp_path):
    words = ["", "NA", "null", "NULL", "nan", "None", "N/A", "-", "#N/A"]
    folder = write(tmp_path, f="a,b\n" + "".join(f"1,{word}\n" for word in words))
    assert read(folder)["b"] == [word.encode() for word in words]
    schema = Schema([Field("a", int), Field("b", str, default="?")])
    assert read(folder, schema, null_values=("-",))["b"] == [
        b"?" if word in ("", "-") else word.encode() for word in words
    ]


def test_required_columns_with_values(tmp_path):
    schema = Schema([Field("a", int, "REQUIRED"), Field("b", str, "REQUIRED")])
    assert read(write(tmp_path, f="a,b\n1,x\n2,y\n3,z\n"), schema) == AB_ROWS


def test_booleans_and_dates(tmp_path):
    schema = Schema.from_dict({"b": bool, "d": "DATE", "t": "TIMESTAMP"})
    values = ["true", "false", "True", "False", "TRUE", "FALSE", "1", "0", ""]
    text = "b,d,t\n" + "".join(f"{b},2024-02-30,2024-01-01 10:00:00 UTC\n" for b in values)
    found = read(write(tmp_path, f=text), schema)
    assert found["b"] == [1, 0, 1, 0, 1, 0, 1, 0, 0]
    assert set(found["d"]) == {b"2024-02-30"} and set(found["t"]) == {b"2024-01-01 10:00:00 UTC"}


def test_numbers_are_those_that_pandas_reads(tmp_path):
    floats = [
        "1",
        "-1.5",
        "1e-3",
        "1E5",
        ".5",
        "5.",
        " 7 ",
        "0.1",
        "3.4e38",
        "1e-50",
        "123456789.123",
    ]
    folder = write(tmp_path, f="f,i\n" + "".join(f"{f},{n - 5}\n" for n, f in enumerate(floats)))
    frame = pd.read_csv(folder / "f.csv", dtype={"f": np.float32})
    found = read(folder, Schema.from_dict({"f": float, "i": "INT64"}))
    assert found == {"f": frame["f"].tolist(), "i": frame["i"].tolist()}
    large = write(tmp_path / "large", f=f"i\n{2**63 - 1}\n{-(2**63)}\n")
    assert read(large, Schema.from_dict({"i": int})) == {"i": [2**63 - 1, -(2**63)]}


@pytest.mark.parametrize("options", [{}, {"newlines_in_values": True}, {"pool_rows": 1}])
def test_one_column(options, tmp_path):
    folder = write(tmp_path, f='s\nx\n\n""\n"y"\r\n z\n')
    assert read(folder, Schema.from_dict({"s": str}), **options) == {"s": [b"x", b"", b"y", b" z"]}


@pytest.mark.parametrize("length", [20_000, 2**20, 3 * 2**20])
@pytest.mark.parametrize("options", [{}, {"newlines_in_values": True}, {"pool_rows": 1}])
def test_long_rows(length, options, tmp_path):
    values = [letter * (length if n % 5 == 0 else 3) for n, letter in enumerate("vwxyz" * 2)]
    text = "a,b\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values))
    found = read(write(tmp_path, f=text), **options)
    assert found["a"] == list(range(10))
    assert found["b"] == [value.encode() for value in values]


def test_a_first_row_or_header_longer_than_what_is_looked_at_first(tmp_path):
    names = [f"column_{n:04}" for n in range(3000)]
    schema = Schema.from_dict(dict.fromkeys(names, int))
    text = ",".join(names) + "\n" + ",".join(map(str, range(3000))) + "\n"
    found = read(write(tmp_path, f=text), schema)
    assert [column for [column] in found.values()] == list(range(3000))


def test_rows_longer_than_a_block(tmp_path):
    lengths = [0, 5000, 1, 1, 20_000, 2, 9000, 0, 0, 40_000]
    text = "a,b\n" + "".join(f"{n},{'x' * length}\n" for n, length in enumerate(lengths))
    folder = write(tmp_path, f=text, g="b,a\n" + "y,77\n" * 100)
    for shuffle in (False, True):
        found = read(folder, pool_rows=2, shuffle=shuffle)
        rows = sorted(zip(found["a"], map(len, found["b"]), strict=True))
        assert rows == [*enumerate(lengths), *[(77, 1)] * 100]


@pytest.mark.parametrize("newlines", [False, True])
def test_a_large_file_as_pandas_reads_it(newlines, tmp_path):
    rng = np.random.default_rng(0)
    words = np.array(["", "x" * 500, 'say "hi"', "a,b", "é" * 50] + ["two\nlines"] * newlines)
    frame = pd.DataFrame({"a": rng.integers(0, 10**9, 60_000), "b": rng.choice(words, 60_000)})
    frame.to_csv(tmp_path / "f.csv", index=False)
    assert (tmp_path / "f.csv").stat().st_size > 5 * 2**20  # more than is read at a time
    expected = pd.read_csv(tmp_path / "f.csv", keep_default_na=False)
    for options in ({}, {"pool_rows": 5000}):
        found = read(tmp_path, newlines_in_values=newlines, batch_size=5000, **options)
        assert found["a"] == expected["a"].tolist()
        assert found["b"] == [text.encode() for text in expected["b"]]


def test_many_tiny_files(tmp_path):
    for n in range(300):
        write(
            tmp_path,
            **{
                f"f{n:03}": "b,a\n" * (n % 2)
                + "a,b\n" * (1 - n % 2)
                + (f"x,{n}\n" if n % 2 else f"{n},x")
            },
        )
    assert read(tmp_path) == {"a": list(range(300)), "b": [b"x"] * 300}
    assert sorted(read(tmp_path, shuffle=True, pool_rows=7)["a"]) == list(range(300))


@pytest.mark.parametrize(
    "name",
    ["a b", "ü", "[1]", "f[0-9]", "a*", "what?", "-f", "x=1,y=2", "a.b", "~", "#", "'", "%20"],
)
def test_file_and_folder_names_with_odd_characters(name, tmp_path):
    folder = write(tmp_path / name, **{name: "a,b\n1,x\n2,y\n3,z\n"})
    assert read(folder / f"{name}.csv") == AB_ROWS
    assert read(str(folder)) == AB_ROWS


@pytest.mark.parametrize(
    "globs",
    [
        "{}/*.csv",
        "{}",
        "{}/",
        "{}/f?.csv",
        "{}/f[123].csv",
        "{}/**/*.csv",
        ["{}/f1.csv", "{}/f2.csv", "{}/f3.csv"],
        ("{}/f3.csv", "{}/*.csv", "{}", "{}/./f1.csv", "{}/../data/f2.csv"),
    ],
)
def test_globs_folders_and_lists_name_each_file_once(globs, tmp_path):
    folder = write(tmp_path / "data", f1="a,b\n1,x\n", f2="a,b\n2,y\n", f3="a,b\n3,z\n")
    (folder / ".hidden").write_text("not a csv\n")
    (folder / "_SUCCESS").write_text("")
    (folder / "empty folder.csv").mkdir()
    if isinstance(globs, str):
        assert read(globs.format(folder)) == AB_ROWS
    else:
        assert read([glob.format(folder) for glob in globs]) == AB_ROWS


def test_paths_relative_to_the_folder_or_the_home(tmp_path, monkeypatch):
    folder = write(tmp_path / "data", f1="a,b\n1,x\n2,y\n3,z\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    for globs in ("f1.csv", "*.csv", ".", "~/data", ["f1.csv", str(folder), "~/data/*.csv"]):
        assert read(globs) == AB_ROWS
    input_fn = InputFn("*.csv", AB)
    monkeypatch.chdir(tmp_path)
    assert len(list(input_fn.batches())) == 1


def test_what_only_tensorflow_can_open(tmp_path):
    for name, text in {"f1": "a,b\n1,x\n2,y\n", "f2": "b,a\nz,3", ".hidden": "no csv"}.items():
        with tf.io.gfile.GFile(f"ram://bucket/{name}", "w") as file:
            file.write(text)
    for globs in (
        "ram://bucket/f*",
        "ram://bucket",
        "ram://bucket/",
        ["ram://bucket/f1", "ram://bucket/f2"],
    ):
        assert read(globs) == AB_ROWS
        assert read(globs, pool_rows=1, newlines_in_values=True) == AB_ROWS


def test_files_without_labels(tmp_path):
    folder = write(tmp_path, f1="a,b\n1,x\n2,y\n", f2="b,a\nz,3\n")
    assert read(folder, LABELLED) == AB_ROWS
    weighted = Schema.from_dict(
        {"w": float, "a": int, "b": str, "label": int}, label="label", weight="w"
    )
    assert read(folder, weighted) == AB_ROWS
    headerless = write(tmp_path / "headerless", f="1,x\n2,y\n3,z\n")
    assert read(headerless, LABELLED, header=False) == AB_ROWS
    assert read(headerless, weighted, header=False) == AB_ROWS


def test_files_with_labels_and_weights(tmp_path):
    folder = write(tmp_path, f1="label,w,a,b\n1,0.5,1,x\n", f2="a,b,w,label\n2,y,2,0\n3,z,0,1\n")
    schema = Schema.from_dict(
        {"w": float, "a": int, "b": str, "label": int}, label="label", weight="w"
    )
    assert read(folder, schema) == AB_ROWS | {"label": [1, 0, 1], "weight": [0.5, 2, 0]}


def test_transform(tmp_path):
    def transform(table):
        doubled = pc.multiply(table["a"], 2).cast(pa.float64())
        return pa.table(
            {
                "a": table["a"],
                "doubled": doubled,
                "upper": pc.utf8_upper(table["b"]),
                "big": pc.greater(table["a"], 1),
            }
        )

    folder = write(tmp_path, f="a,b\n1,x\n2,y\n3,z\n")
    found = read(folder, transform=transform, pool_rows=1)
    assert found == {
        "a": [1, 2, 3],
        "doubled": [2, 4, 6],
        "upper": [b"X", b"Y", b"Z"],
        "big": [0, 1, 1],
    }


def quoted_if_needed(value, delimiter, draw):
    special = any(c in value for c in f'"\r\n{delimiter}') or value == ""
    if special or draw(st.booleans()):
        return '"' + value.replace('"', '""') + '"'
    return value


CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TEXTS = st.text(st.one_of(st.sampled_from('",;\n\r \'a"\ufeff'), CHARACTERS), max_size=8)
ROWS = st.tuples(
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.text("xyzé😀,", max_size=30),
)
MIXED = Schema.from_dict({"s": str, "i": int, "f": float, "t": str})


@st.composite
def csv_files(draw):
    """(rows, the texts of files that hold them, options to read them with)"""
    rows = draw(st.lists(ROWS, min_size=1, max_size=25))
    delimiter, header = draw(st.sampled_from(",;\t")), draw(st.booleans())
    newlines = draw(st.booleans())
    if not newlines:
        rows = [(s.replace("\n", "").replace("\r", ""), *rest) for s, *rest in rows]
    bounds = [0, *sorted(draw(st.lists(st.integers(0, len(rows)), max_size=2))), len(rows)]
    texts = []
    for first, last in zip(bounds, bounds[1:], strict=False):
        order = draw(st.permutations(range(4))) if header else range(4)
        table = [MIXED.names] * header + rows[first:last]
        text = ""
        for row in table:
            text += draw(st.sampled_from(["", "", "", "\n", "\r\n", "\n\n"]))
            text += delimiter.join(quoted_if_needed(str(row[c]), delimiter, draw) for c in order)
            text += draw(st.sampled_from(["\n", "\r\n"]))
        if draw(st.booleans()):
            text = text.removesuffix("\n").removesuffix("\r")
        if text.startswith("\ufeff") or draw(st.booleans()):
            text = "\ufeff" + text
        texts.append(text)
    options = {"delimiter": delimiter, "header": header, "newlines_in_values": newlines}
    return rows, texts, options


@settings(max_examples=150, deadline=None)
@given(files=csv_files(), pool_rows=st.sampled_from([1, 2, 5, 1000]))
def test_any_table_comes_back_row_by_row_in_order(files, pool_rows, tmp_path_factory):
    rows, texts, options = files
    folder = write(tmp_path_factory.mktemp("any"), **{f"f{n}": t for n, t in enumerate(texts)})
    found = read(folder, MIXED, pool_rows=pool_rows, **options)
    expected = [(s.encode(), i, f, t.encode()) for s, i, f, t in rows]
    assert list(zip(*found.values(), strict=True)) == expected


@settings(max_examples=40, deadline=None)
@given(files=csv_files(), pool_rows=st.sampled_from([1, 3, 1000]), seed=st.integers(0, 99))
def test_shuffled_every_row_once(files, pool_rows, seed, tmp_path_factory):
    rows, texts, options = files
    folder = write(tmp_path_factory.mktemp("any"), **{f"f{n}": t for n, t in enumerate(texts)})
    found = read(folder, MIXED, pool_rows=pool_rows, shuffle=True, seed=seed, **options)
    expected = sorted((s.encode(), i, f, t.encode()) for s, i, f, t in rows)
    assert sorted(zip(*found.values(), strict=True)) == expected


@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_blocks_are_counted_as_they_are_read(newlines_in_values, tmp_path):
    """Short and long rows, blank lines, returns, and newlines in quotes, divided among workers."""
    end = "\n\n" if newlines_in_values else ""
    rows = [f'{i},"{"x" * (i % 17)}{end}"' for i in range(150)]
    text = "a,b\n" + "\n\n".join(rows[:70]) + "\r\n" + "\r\n\r\n".join(rows[70:])
    folder = write(tmp_path, f1=text, f2="a,b\n" + "\n".join(rows[:40]))
    expected = sorted([*range(150), *range(40)])
    for shuffle in (False, True):
        options = {"shuffle": shuffle, "pool_rows": 6, "newlines_in_values": newlines_in_values}
        counts = InputFn(folder, AB, **options).rows_per_worker(3)
        read_rows = []
        for index, count in enumerate(counts):
            context = tf.distribute.InputContext(3, index)
            batches = InputFn(folder, AB, **options).batches(input_context=context)
            own = np.concatenate([batch["a"] for batch in batches]).tolist()
            assert len(own) == count
            read_rows += own
        assert sorted(read_rows) == expected


def test_the_order_does_not_depend_on_whether_rows_were_counted(tmp_path):
    rows = [f"{i},{'x' * 40 if i < 2000 else ''}" for i in range(4000)]  # by bytes too few
    folder = write(tmp_path, f="a,b\n" + "\n".join(rows))
    orders = []
    for counted in (False, True):
        input_fn = InputFn(folder, AB, shuffle=True, pool_rows=3500)
        if counted:
            assert input_fn.rows_per_epoch == 4000
        orders.append([batch["a"].tolist() for batch in input_fn.batches()])
    assert orders[0] == orders[1]


def test_a_row_may_be_long_wherever_it_stands(tmp_path, monkeypatch):
    """One of 3 MiB: in thousands of blocks no row begins, and each byte is read a few times."""
    read_bytes = []
    original = listing.File.read

    def counting(file, opened, start, end):
        data = original(file, opened, start, end)
        read_bytes.append(len(data))
        return data

    monkeypatch.setattr(listing.File, "read", counting)
    long = "x" * (3 * 2**20)
    for place in (0, 1, 1500, 2999):
        rows = [f"{n},{long if n == place else 'short' * 20}" for n in range(3000)]
        folder = write(tmp_path / str(place), f="a,b\n" + "\n".join(rows) + "\n")
        for options in ({}, {"newlines_in_values": True}, {"shuffle": True}):
            read_bytes.clear()
            found = read(folder, pool_rows=1000, **options)
            assert sorted(found["a"]) == list(range(3000))
            assert found["b"][found["a"].index(place)] == long.encode()
            assert sum(read_bytes) < 12 * len(long)


@pytest.mark.parametrize("newlines_in_values", [False, True])
@pytest.mark.parametrize("place", [0, 1, 300])
@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz"])
def test_a_row_that_is_too_long_is_named(tmp_path, monkeypatch, newlines_in_values, place, name):
    monkeypatch.setattr(scanning, "RECORD_BYTES", 100_000)
    monkeypatch.setattr(scanning, "_PIECE_BYTES", 50_000)
    rows = [f"{n},{'x' * (500_000 if n == place else 100)}" for n in range(500)]
    path = tmp_path / name
    path.write_bytes(written.packed(("a,b\n" + "\n".join(rows) + "\n").encode(), path))
    with pytest.raises(ValueError, match=rf"f.csv.*, line (1|{place + 2}): found .*100,000"):
        read(path, pool_rows=1000, newlines_in_values=newlines_in_values, shuffle=True)


def test_decimal_commas(tmp_path):
    folder = write(tmp_path, f="x;n;s\n1,5;2;a,b\n-0,25;3,0;c\n;4;d\n")
    schema = Schema.from_dict({"x": float, "n": int, "s": str})
    found = read(folder, schema, delimiter=";", decimal=",")
    assert found == {"x": [1.5, -0.25, 0], "n": [2, 3, 4], "s": [b"a,b", b"c", b"d"]}
    with pytest.raises(ValueError, match="line 2, column 'x': found '1,5', expected a number"):
        read(folder, schema, delimiter=";")


@pytest.mark.parametrize("newlines_in_values", [False, True])
def test_escapes(tmp_path, newlines_in_values):
    text = 'a,b\n1,x\\,y\n2,"say \\"hi\\""\n3,\\\\\n4,"two "" marks"\n5,\\N\n6,N\n'
    values = ["x,y", 'say "hi"', "\\", 'two " marks', "?", "N"]
    schema = Schema((Field("a", int), Field("b", str, default="?")))
    options = {"escape": "\\", "null_values": ["\\N"], "newlines_in_values": newlines_in_values}
    found = read(write(tmp_path, f=text * 1), schema, **options)
    assert found == {"a": [1, 2, 3, 4, 5, 6], "b": [value.encode() for value in values]}
    many = write(tmp_path / "many", f=text + text.partition("\n")[2] * 300)
    found = read(many, schema, shuffle=True, pool_rows=50, **options)
    assert sorted(found["a"]) == sorted([1, 2, 3, 4, 5, 6] * 301)


def test_an_escaped_newline(tmp_path):
    folder = write(tmp_path, f="a,b\n1,x\\\ny\n2,z\n")
    assert read(folder, escape="\\", newlines_in_values=True)["b"] == [b"x\ny", b"z"]
    with pytest.raises(ValueError, match="f.csv, line 2: found an escaped newline.*newlines_in_v"):
        read(folder, escape="\\")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "iso8859-2"])
def test_encodings_of_single_bytes(tmp_path, encoding):
    text = "a,größe\n1,Köln\n2,Zürich\n3,-\n"
    (tmp_path / "f.csv").write_bytes(text.encode(encoding))
    schema = Schema((Field("a", int), Field("größe", str, default="é")))
    found = read(tmp_path, schema, encoding=encoding, null_values=["-"])
    assert found["größe"] == [name.encode() for name in ("Köln", "Zürich", "é")]
    with pytest.raises(ValueError, match=r"f.csv, line 1: found the byte 0x.*encoding='latin-1'"):
        read(tmp_path, schema)


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "gbk", "utf-7"])
def test_other_encodings_name_the_remedy(tmp_path, encoding):
    with pytest.raises(ValueError, match=f"encoding is '{encoding}', .*iconv -f {encoding} -t UTF"):
        read(write(tmp_path, f="a,b\n1,x\n"), encoding=encoding)


def test_a_byte_that_an_encoding_lacks(tmp_path):
    (tmp_path / "f.csv").write_bytes(b"a,b\n1,x\n2,\x81\n")
    with pytest.raises(ValueError, match="f.csv, line 3, column 'b': found .*0x81.* in CP1252"):
        read(tmp_path, encoding="cp1252")


def test_spellings_of_flags(tmp_path):
    words = ["true", "False", "t", "F", "yes", "No", "Y", "n", "1", "0", "1.0", "0.0", "TRUE"]
    folder = write(tmp_path, f="a,b\n" + "".join(f"1,{word}\n" for word in words))
    expected = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert read(folder, Schema.from_dict({"a": int, "b": bool}))["b"] == expected


def test_a_header_that_looks_like_a_row(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: the header lacks .*header=False"):
        read(write(tmp_path, f="1,x\n2,y\n"))


def test_rows_that_end_with_a_delimiter(tmp_path):
    assert read(write(tmp_path, f="a,b,\n1,x,\n2,y,\n3,z,\n")) == AB_ROWS
    assert read(write(tmp_path, f="1,x,\n2,y,\n3,z,\n"), header=False) == AB_ROWS
