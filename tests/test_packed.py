"""Gzip files: read anywhere from points, in sequence within a pass, damage named."""

from __future__ import annotations

import gzip
import random
import re
import zlib

import numpy as np
import pytest

from sampling import InputFn, InputFnDownsampleWithWeight, Schema
from sampling.files import list_files, read_range
from sampling.formats import packed
from tests.conftest import SCHEMA, frame, ids_of

NOISE = random.Random(5)
# Half of it compresses to nothing, the other half hardly.
TEXT = b"".join(
    b"%d,%s\n" % (i, b"a" * 200 if i < 3000 else NOISE.randbytes(60).hex().encode())
    for i in range(6000)
)


@pytest.fixture
def close_points(monkeypatch):
    """Points as close as in a file of many GB."""
    monkeypatch.setattr(packed, "_SPACING", 1)
    monkeypatch.setattr(packed, "MOST_POINTS", 12)


def index(path, data):
    path.write_bytes(data)
    [file] = packed.index_files(list_files(path, "files"))
    return file


def members(*parts):
    return b"".join(gzip.compress(part) for part in parts)


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT, 1),
        members(TEXT[:100_000], b"", TEXT[100_000:]),
        members(*(TEXT[i : i + 5000] for i in range(0, len(TEXT), 5000))),  # as bgzip writes
        members(TEXT) + bytes(70_000),  # padded
    ],
)
def test_any_range_is_what_the_file_holds(tmp_path, close_points, data):
    file = index(tmp_path / "a.gz", data)
    assert file.size == len(TEXT) and len(file.index.points) > 3
    choose = random.Random(1)
    with file.open() as opened:
        for _ in range(300):
            start = choose.randrange(len(TEXT))
            end = start + choose.choice([1, 100, 5000, 200_000])
            assert read_range(opened, start, end) == TEXT[start:end]
        assert read_range(opened, len(TEXT), len(TEXT) + 5) == b""


def test_an_empty_member_is_an_empty_file(tmp_path):
    assert index(tmp_path / "a.gz", gzip.compress(b"")).size == 0


def test_pieces_in_sequence_are_inflated_once(tmp_path, monkeypatch):
    file = index(tmp_path / "a.gz", gzip.compress(TEXT))
    steps = []
    original = packed._Inflater.step

    def counting(self, opened):
        steps.append(self.position)
        return original(self, opened)

    monkeypatch.setattr(packed._Inflater, "step", counting)
    with file.open() as opened:
        for start in range(0, len(TEXT), 10_000):
            read_range(opened, max(0, start - 1), start + 10_200)
    assert len(steps) == len(set(steps))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "found its end in the midst of the data"),
        (lambda data: data[:-4], "found its end in the midst of the data"),
        (lambda data: b"id,x\n1,2\n", r"byte 0: found what gzip can't read \(incorrect header"),
        (lambda data: data[:-8] + b"\0" * 8, r"found what gzip can't read \(incorrect data check"),
        (lambda data: data + b"more", r"found what gzip can't read \(incorrect header check"),
        (lambda data: data[:5], "byte 5: found its end"),
        (
            lambda data: data[:90_000] + bytes([data[90_000] ^ 255] * 40) + data[90_040:],
            r"byte [1-9][\d,]+: found what gzip can't read",
        ),
    ],
)
def test_damage_is_named_by_file_and_byte(tmp_path, damage, message):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(damage(gzip.compress(TEXT)))
    with pytest.raises(ValueError, match=rf"{path}, .*{message}"):
        InputFn(str(path), Schema.from_dict({"id": int, "x": str}), header=False)


def write(path, ids, **options):
    frame(ids, ids < 500).to_csv(path, index=False, **options)


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_row_comes_once_in_a_pass(tmp_path, close_points, shuffle):
    for part in range(3):
        write(tmp_path / f"{part}.csv.gz", np.arange(part * 7000, (part + 1) * 7000))
    options = {"shuffle": shuffle, "pool_rows": 2000, "num_epochs": 2}
    input_fn = InputFn(str(tmp_path), SCHEMA, **options)
    batches = list(input_fn.batches())
    for features, *_ in batches:
        np.testing.assert_array_equal(features["x"], features["id"] / np.float32(4))
    for epoch in np.split(ids_of(batches), 2):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(21_000))
        assert shuffle != np.array_equal(epoch, np.arange(21_000))


def test_a_class_of_one_round_has_the_rows_of_plain_text(tmp_path, close_points):
    for name in ("a.csv", "a.csv.gz"):
        write(tmp_path / name, np.arange(7000))
    plain, packed = (
        ids_of(list(InputFn(str(tmp_path / name), SCHEMA, shuffle=True, num_epochs=2).batches()))
        for name in ("a.csv", "a.csv.gz")
    )
    np.testing.assert_array_equal(plain, packed)


def test_a_state_goes_on_in_the_midst_of_a_file(tmp_path, close_points):
    for name, ids in (("p", np.arange(500)), ("n", np.arange(500, 20_000))):
        write(tmp_path / f"{name}.csv.gz", ids)

    def make():
        return InputFnDownsampleWithWeight(
            str(tmp_path / "p.csv.gz"),
            str(tmp_path / "n.csv.gz"),
            schema=SCHEMA,
            is_train=True,
            pool_rows=3000,
            num_epochs=60,
        )

    input_fn = make()
    stream = ids_of(list(input_fn.batches()))
    assert len(set(stream)) == 20_000
    for rows in (1, 7_777, 23_456, 51_234):
        restored = make()
        restored.restore(input_fn.state(rows))
        np.testing.assert_array_equal(ids_of(list(restored.batches())), stream[rows:])


def test_bad_rows_are_named_by_their_lines(tmp_path, close_points):
    lines = [b"id,x", *(b"%d,%d" % (i, i) for i in range(50_000))]
    lines[34_567] = b"1,two"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    schema = Schema.from_dict({"id": int, "x": float})
    with pytest.raises(ValueError, match=r"a.csv.gz, line 34568, column 'x': found 'two'"):
        list(InputFn(str(tmp_path), schema, shuffle=True, pool_rows=3000).batches())


def test_quoted_newlines(tmp_path, close_points):
    text = "id,x\n" + "".join(f'{i},"a\nb{i}"\n' for i in range(9000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    schema = Schema.from_dict({"id": int, "x": str})
    input_fn = InputFn(str(tmp_path), schema, newlines_in_values=True, shuffle=True, pool_rows=900)
    rows = [row for f in input_fn.batches() for row in zip(f["id"], f["x"], strict=True)]
    assert sorted(rows) == [(i, f"a\nb{i}".encode()) for i in range(9000)]


def test_what_it_costs_the_sample_is_described(tmp_path):
    for name in ("a.csv", "a.csv.gz"):
        write(tmp_path / name, np.arange(30_000))
    options = {"schema": SCHEMA, "shuffle": True, "pool_rows": 3000}
    plain, packed = (
        InputFn(str(tmp_path / name), **options).describe() for name in ("a.csv", "a.csv.gz")
    )
    assert "read_in_sequence" not in plain
    said = r"files: a round of (\d+) pieces comes from 1 place of the files instead of \1"
    assert re.fullmatch(said, packed["read_in_sequence"])
    whole = InputFn(str(tmp_path / "a.csv.gz"), SCHEMA, shuffle=True).describe()
    assert "read_in_sequence" not in whole  # sampled row by row


def test_a_decompressor_can_be_copied():
    """What points rest on; not every build of Python has it."""
    inflate = zlib.decompressobj(wbits=31)
    packed = gzip.compress(TEXT)
    inflate.decompress(packed[:1000])
    assert inflate.copy().decompress(packed[1000:]) == inflate.decompress(packed[1000:])
