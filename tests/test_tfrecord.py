"""TFRecord files of tf.train.Examples: typed by the schema, checked, damage named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sampling import Field, InputFn, InputFnDownsampleWithWeight, Schema
from sampling.formats import packed
from sampling.formats.tfrecord import tfrecord_file
from tests.conftest import SCHEMA, frame, ids_of
from tests.written import example, write, write_examples

PLAIN = Schema.from_dict({"id": int, "x": float})
NEEDED = Schema((Field("id", int), Field("x", float, "REQUIRED")))
FLOOD = Path(__file__).parent.parent / ".." / "shared" / "data" / "ee-flood-tfrecord"


def values(path, schema, **options):
    """All columns of a file, in its order."""
    batches = list(InputFn(str(path), schema, batch_size=1000, **options).batches())
    features = [batch[0] if isinstance(batch, tuple) else batch for batch in batches]
    return {name: np.concatenate([each[name] for each in features]) for name in features[0]}


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz", "a.tfrecords-00000-of-00002"])
def test_values_are_those_of_tensorflows_parser(tmp_path, name):
    rows = frame(np.arange(3000), 0).to_dict("records")
    path = write_examples(rows, tmp_path / name)
    found = values(path, SCHEMA)
    dataset = tf.data.TFRecordDataset(str(path), "GZIP" if name.endswith("gz") else None)
    specs = {
        "id": tf.io.FixedLenFeature([], tf.int64),
        "x": tf.io.FixedLenFeature([], tf.float32),
        "city": tf.io.FixedLenFeature([], tf.string),
    }
    [theirs] = dataset.batch(3000).map(lambda batch: tf.io.parse_example(batch, specs))
    for column, expected in theirs.items():
        np.testing.assert_array_equal(found[column], expected)


def test_empty_values_are_the_defaults(tmp_path):
    rows = [{"id": 1, "x": None, "city": "Rome"}, {"id": None, "x": 0.5, "city": None}]
    path = write_examples(rows, tmp_path / "a.tfrecord")
    schema = Schema((Field("id", int, default=7), Field("x", float), Field("city", str)))
    found = values(path, schema)
    assert {name: column.tolist() for name, column in found.items()} == {
        "id": [1, 7],
        "x": [0, 0.5],
        "city": [b"Rome", b""],
    }


def test_whole_numbers_and_fractions_stand_for_each_other(tmp_path):
    rows = [{"whole": float(i), "number": i, "flag": i % 2} for i in range(9)]
    path = write_examples(rows, tmp_path / "a.tfrecord")
    found = values(path, Schema.from_dict({"whole": int, "number": float, "flag": bool}))
    assert found["whole"].dtype == np.int64 and found["number"].dtype == np.float32
    np.testing.assert_array_equal(found["whole"], np.arange(9))
    np.testing.assert_array_equal(found["number"], np.arange(9))


def test_bytes_that_are_no_text(tmp_path):
    path = write_examples([{"image": b"\xff\xd8\x00"}], tmp_path / "a.tfrecord")
    assert values(path, Schema.from_dict({"image": "BYTES"}))["image"].tolist() == [b"\xff\xd8\x00"]
    with pytest.raises(ValueError, match=f"{path}, row 0, column 'image': .*BYTES takes any"):
        values(path, Schema.from_dict({"image": str}))


def test_class_files_may_lack_the_label(tmp_path):
    for name, ids in (("p", np.arange(10)), ("n", np.arange(10, 40))):
        write(frame(ids, 0).drop(columns="label"), tmp_path / f"{name}.tfrecord")
    paths = str(tmp_path / "p.tfrecord"), str(tmp_path / "n.tfrecord")
    input_fn = InputFnDownsampleWithWeight(*paths, schema=SCHEMA, is_train=True)
    for features, labels, _ in input_fn.batches():
        np.testing.assert_array_equal(labels, features["id"] < 10)
    assert not isinstance(next(InputFn(paths[0], SCHEMA).batches()), tuple)


def test_files_may_have_their_own_kinds(tmp_path):
    write_examples([{"id": 1, "x": 0.5}], tmp_path / "a.tfrecord")
    write_examples([{"id": 2.0, "x": 3}], tmp_path / "b.tfrecord")
    write_examples([], tmp_path / "c.tfrecord")
    found = values(tmp_path, PLAIN)
    assert (found["id"].tolist(), found["x"].tolist()) == ([1, 2], [0.5, 3])


@pytest.mark.parametrize(
    ("rows", "schema", "message"),
    [
        ([{"id": "1", "x": 1.0}], PLAIN, "'id': found the kind bytes_list, expected a whole num"),
        ([{"id": 1, "x": "1"}], PLAIN, "'x': found the kind bytes_list, expected a number"),
        ([{"c": 0.5}], Schema.from_dict({"c": str}), "'c': found the kind float_list, expected t"),
        ([{"id": 1}], NEEDED, "first 1 records: found id, expected the column 'x' too"),
        ([], PLAIN, "found no row in"),
    ],
)
def test_files_that_do_not_fit_are_refused_at_once(tmp_path, rows, schema, message):
    write_examples(rows, tmp_path / "a.tfrecord")
    with pytest.raises(ValueError, match=f"a.tfrecord.*{message}|{message}.*a.tfrecord"):
        InputFn(str(tmp_path), schema)


GOOD = {"id": 1, "x": 0.5}


@pytest.mark.parametrize(
    ("bad", "schema", "message"),
    [
        ({**GOOD, "x": 1}, PLAIN, "column 'x': found the kind int64_list, expected float_list"),
        ({**GOOD, "x": [1.0, 2.0]}, PLAIN, "column 'x': found 2 values, expected 1"),
        ({**GOOD, "x": float("inf")}, PLAIN, "column 'x': found inf, expected a finite number"),
        ({"x": 0.5}, Schema((Field("id", int, "REQUIRED"),)), "column 'id': found nothing"),
        ({"x": 0.5}, Schema.from_dict({"id": int, "x": float}, label="id"), "'id': found nothing"),
        ({"id": 1}, Schema.from_dict({"id": int, "x": float}, weight="x"), "'x': found nothing"),
        (b"no example", PLAIN, ": found bytes that are no tf.train.Example"),
    ],
)
def test_a_bad_record_is_named(tmp_path, bad, schema, message):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in [*[GOOD] * 4321, bad, *[GOOD] * 999]:
            writer.write(row if isinstance(row, bytes) else example(row))
    with pytest.raises(ValueError, match=f"{path}, (record|row) 4,321.*{message}"):
        values(path, schema, shuffle=True, pool_rows=500)


def damaged(data, byte, length=1):
    return data[:byte] + bytes(b ^ 0xFF for b in data[byte : byte + length]) + data[byte + length :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-3], r"record 2,999 at byte \d+,\d+: found the end of the file"),
        (lambda data: data[:-5] + b"12345", r"record 2,999 at .*: found a checksum"),
        (lambda data: damaged(data, 0), "record 0 at byte 0: found a length whose checksum"),
        (lambda data: damaged(data, 8), "record 0 at byte 0: found a checksum"),
        (lambda data: damaged(data, len(data) // 2), r"record 1,5\d\d at byte \d+,\d+: found a ch"),
        (lambda data: b"id,x\n" * 30, "record 0 at byte 0: found a length whose checksum"),
        (lambda data: b"short", "record 0 at byte 0: found the end of the file"),
        (lambda data: data + bytes(5), "record 3,000 at .*: found the end of the file"),
    ],
)
@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_damage_is_named_by_record_and_byte(tmp_path, name, damage, message):
    path = write(frame(np.arange(3000), 0), tmp_path / "plain.tfrecord")
    data = damage(path.read_bytes())
    if name.endswith("gz"):
        import gzip

        data = gzip.compress(data)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{tmp_path / name}, {message}"):
        values(tmp_path / name, SCHEMA)


def test_records_larger_than_a_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecord_file, "_PIECE_BYTES", 1000)
    image = Field("image", float, length=500)
    rows = [{"id": i, "image": [float(i)] * 500} for i in range(300)]
    path = write_examples(rows, tmp_path / "a.tfrecord")
    found = values(path, Schema((Field("id", int), image)), shuffle=True)
    np.testing.assert_array_equal(found["image"], np.repeat(found["id"][:, None], 500, axis=1))
    np.testing.assert_array_equal(np.sort(found["id"]), np.arange(300))


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz"])
def test_every_record_comes_once_in_a_pass(tmp_path, monkeypatch, name):
    monkeypatch.setattr(packed, "_SPACING", 1)
    path = write(frame(np.arange(12_000), 0), tmp_path / name)
    input_fn = InputFn(str(path), SCHEMA, shuffle=True, pool_rows=1500, num_epochs=2)
    batches = list(input_fn.batches())
    for features, *_ in batches:
        np.testing.assert_array_equal(features["x"], features["id"] / np.float32(4))
    for epoch in np.split(ids_of(batches), 2):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(12_000))


@pytest.mark.skipif(not FLOOD.exists(), reason="needs the Earth Engine export")
def test_five_classes_of_an_earth_engine_export_are_learned():
    """Pixels of satellite images before and during a flood, in gzip, the class as a fraction."""
    from sampling import InputFnStratified

    bands = [f"{band}_{when}" for band in ("red", "green", "blue", "nir") for when in WHEN]
    schema = Schema.from_dict({**dict.fromkeys(bands, float), "class": int}, label="class")
    train = InputFnStratified(
        str(FLOOD / "training.tfrecord.gz"), schema, batch_size=64, num_epochs=1, weight="auto"
    )
    assert train.describe()["rows_per_epoch"] == 5 * 682
    test = InputFn(str(FLOOD / "testing.tfrecord.gz"), schema, batch_size=64)
    inputs = {name: tf.keras.Input((1,), name=name) for name in bands}
    hidden = tf.keras.layers.BatchNormalization()(tf.keras.layers.concatenate([*inputs.values()]))
    for _ in range(2):
        hidden = tf.keras.layers.Dense(32, "relu")(hidden)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(5, "softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    model.fit(train.dataset(bands), epochs=15, verbose=0)
    accuracy = model.evaluate(test.dataset(bands), verbose=0)[1]
    assert accuracy > 0.7  # the largest class alone: 0.358


WHEN = ("before", "during")
