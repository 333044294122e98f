"""A DataFrame to a file, in the format that the file's name says."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import tensorflow as tf


def write(frame: pd.DataFrame, path: Path, row_group_rows: int = 50) -> Path:
    if path.name.endswith(".parquet"):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, path, row_group_size=row_group_rows, write_page_checksum=True)
    elif path.suffix in (".arrow", ".feather"):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pa.feather.write_feather(table, path, chunksize=row_group_rows)
    elif ".tfrecord" in path.name:
        write_examples(frame.to_dict("records"), path)
    elif path.suffix in (".bz2", ".xz", ".zst"):
        path.write_bytes(packed(frame.to_csv(index=False, lineterminator="\n").encode(), path))
    else:
        frame.to_csv(path, index=False, lineterminator="\n")
    return path


def packed(data: bytes, path: Path) -> bytes:
    """Bytes as the file's name says."""
    if path.suffix == ".zst":
        return bytes(pa.compress(data, "zstd", asbytes=True))
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(path.suffix)
    return pack(data) if pack else data


def write_examples(rows: list[dict[str, Any]], path: Path) -> Path:
    options = "GZIP" if path.name.endswith(".gz") else None
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for row in rows:
            writer.write(example(row))
    return path


def example(row: dict[str, Any]) -> bytes:
    """A serialized tf.train.Example; None leaves a feature out."""
    features = {name: _feature(value) for name, value in row.items() if value is not None}
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString()


def _feature(value: Any) -> tf.train.Feature:
    values = list(value) if isinstance(value, (list, np.ndarray)) else [value]
    if not values:
        return tf.train.Feature()
    if any(isinstance(each, (str, bytes)) for each in values):
        held = [each.encode() if isinstance(each, str) else each for each in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=held))
    if any(isinstance(each, float) for each in values):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
