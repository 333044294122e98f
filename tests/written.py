"""A DataFrame to a file, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf


def write(frame: pd.DataFrame, path: Path, row_group_rows: int = 50) -> Path:
    if path.name.endswith(".parquet"):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, path, row_group_size=row_group_rows, write_page_checksum=True)
    elif ".tfrecord" in path.name:
        write_examples(frame.to_dict("records"), path)
    else:
        frame.to_csv(path, index=False, lineterminator="\n")
    return path


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
