"""Globs to files: each file once, no bookkeeping of others, empty shards are shards."""

from __future__ import annotations

import gzip
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from sampling import InputFn, Schema, files

SCHEMA = Schema.from_dict({"x": float, "y": int}, label="y")
TABLE = pa.table({"x": [1.0, 2.0], "y": [0, 1]})


def listed(*globs):
    return [file.path for file in files.list_files([str(glob) for glob in globs], "files")]


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x,y\n1,1\n")
    return [str(folder / name) for name in names]


def test_a_loop_of_links_gives_each_file_once(tmp_path):
    paths = touch(tmp_path, "raw/a.csv", "raw/b/c.csv")
    (tmp_path / "raw/b/loop").symlink_to(tmp_path / "raw")
    assert listed(tmp_path / "raw/**/*.csv") == paths
    assert InputFn(str(tmp_path / "raw/**/*.csv"), SCHEMA).rows_per_epoch == 2


def test_a_link_keeps_its_name_and_its_target_counts_once(tmp_path):
    [target] = touch(tmp_path, "blobs/5b2f")  # names decide on the format
    (tmp_path / "data.csv").symlink_to(target)
    (tmp_path / "again.csv").symlink_to(target)
    assert listed(tmp_path / "data.csv") == [str(tmp_path / "data.csv")]
    assert listed(tmp_path / "*.csv", target) == [str(tmp_path / "again.csv")]


def test_hard_links_are_files_of_their_own(tmp_path):
    paths = touch(tmp_path, "a.csv", "c.csv")
    os.link(tmp_path / "a.csv", tmp_path / "b.csv")
    assert listed(tmp_path) == [paths[0], str(tmp_path / "b.csv"), paths[1]]


HIDDEN = ["_SUCCESS", "_committed_123", ".part.crc", "_tmp/part.csv", ".x/part.csv"]


@pytest.mark.parametrize("remote", [False, True])
def test_hidden_names_are_for_those_who_ask(tmp_path, remote):
    root = "ram://listing" if remote else str(tmp_path)
    for name in ["part.csv", "day/part.csv", *HIDDEN]:
        with files.create(f"{root}/{name}") as file:
            file.write(b"x,y\n1,1\n")
    assert listed(root) == listed(f"{root}/*") == [f"{root}/part.csv"]
    assert listed(f"{root}/*/*.csv") == [f"{root}/day/part.csv"]
    for asked in HIDDEN:
        assert listed(f"{root}/{asked}") == [f"{root}/{asked}"]
    assert listed(f"{root}/_tmp") == listed(f"{root}/_*/*") == [f"{root}/_tmp/part.csv"]
    if not remote:  # TensorFlow's globs know no **
        assert listed(f"{root}/**") == [f"{root}/day/part.csv", f"{root}/part.csv"]
        assert listed(f"{root}/**/_S*") == [f"{root}/_SUCCESS"]


def test_folders_as_spark_and_dask_leave_them(tmp_path):
    pq.write_table(TABLE, tmp_path / "part-00000.snappy.parquet")
    pq.write_metadata(TABLE.schema, tmp_path / "_metadata")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_started_1").write_text("{}")
    assert InputFn(str(tmp_path), SCHEMA).rows_per_epoch == 2


def parquet(path, table):
    pq.write_table(table, path)


def text(path, table):
    path.write_text("x,y\n" + "".join(f"{row['x']},{row['y']}\n" for row in table.to_pylist()))


def packed(path, table):
    text(path, table)
    path.write_bytes(gzip.compress(path.read_bytes()))


def records(path, table):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in table.to_pylist():
            values = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[row["x"]])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[row["y"]])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=values))
            writer.write(example.SerializeToString())


@pytest.mark.parametrize(
    ("suffix", "write"),
    [("csv", text), ("csv.gz", packed), ("parquet", parquet), ("tfrecord", records)],
)
def test_shards_without_bytes_or_rows_are_empty_shards(tmp_path, suffix, write):
    write(tmp_path / f"b.{suffix}", TABLE)
    write(tmp_path / f"a.{suffix}", TABLE.slice(0, 0))
    (tmp_path / f"0.{suffix}").touch()
    [batch] = InputFn(str(tmp_path), SCHEMA).batches()
    assert batch[0]["x"].tolist() == [1.0, 2.0]
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"0\."):
        InputFn(str(tmp_path), SCHEMA)
