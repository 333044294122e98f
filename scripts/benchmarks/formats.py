"""The same rows in each format, read by the engine and by others, and what resampling gives.

The sets: all positives of the CSV files and a tenth of the files of negatives, converted once. From
files all rows are read in every epoch, shuffled; in memory both classes are balanced.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import tensorflow as tf

from benchmarks import data, fresh, inputs
from benchmarks.data import SCHEMA, Set
from benchmarks.meter import cpu_seconds
from sampling import InputFn, InputFnDownsampleWithWeight

FORMATS = ("csv", "csv.gz", "parquet", "tfrecord", "tfrecord.gz")
_NEGATIVE_FILES = 10
_ROW_GROUP_ROWS = 8_192
_PARSED_AT_A_TIME = 1_024


def make(folder: Path, files: Set) -> dict[str, Any]:
    """The set in each format, as dicts."""
    negatives = sorted(Path(files.negative).parent.glob("part-*.csv"))[:_NEGATIVE_FILES]
    positives = sorted(Path(files.positive).parent.glob("part-*.csv"))
    rows = [sum(_table(path).num_rows for path in paths) for paths in (positives, negatives)]
    made: dict[str, Any] = {}
    for name in FORMATS:

        def write(into: Path, name: str = name) -> None:
            for role, paths in (("positive", positives), ("negative", negatives)):
                (into / role).mkdir()
                for path in paths:
                    _write(path, into / role / f"{path.stem}.{name}")

        within = data.once(folder / f"rows-{files.positives + files.negatives}-as-{name}", write)
        globs = f"{within}/positive/*", f"{within}/negative/*"
        made[name] = dataclasses.asdict(Set(*globs, *rows))
    return made


def _table(path: Path) -> pa.Table:
    types = {f.name: pa.string() if f.is_string else f.numpy_dtype for f in SCHEMA}
    types = {name: pa.from_numpy_dtype(t) if t != pa.string() else t for name, t in types.items()}
    return pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=types))


def _write(path: Path, into: Path) -> None:
    if into.name.endswith(".csv"):
        into.write_bytes(path.read_bytes())
    elif into.name.endswith(".csv.gz"):
        into.write_bytes(gzip.compress(path.read_bytes()))
    elif into.name.endswith(".parquet"):
        pa.parquet.write_table(_table(path), into, row_group_size=_ROW_GROUP_ROWS)
    else:
        options = "GZIP" if into.name.endswith(".gz") else None
        with tf.io.TFRecordWriter(str(into), options) as writer:
            for row in _table(path).to_pylist():
                features = {name: _feature(value) for name, value in row.items()}
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def _feature(value: Any) -> tf.train.Feature:
    if isinstance(value, str):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def everything(files: Set, batch_size: int, epochs: int) -> InputFn:
    """All rows, shuffled."""
    globs = [files.positive, files.negative]
    return InputFn(globs, SCHEMA, shuffle=True, batch_size=batch_size, num_epochs=epochs)


def engine_numpy(files: Set, batch_size: int, epochs: int) -> Iterable[Any]:
    return everything(files, batch_size, epochs).batches()


def engine_dataset(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    return everything(files, batch_size, epochs)(mode="train")


def tf_data(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    """TensorFlow's usual pipeline: all rows, shuffled; parsed a batch at a time."""
    paths = [path for glob in (files.positive, files.negative) for path in tf.io.gfile.glob(glob)]
    return (
        tf.data.TFRecordDataset(paths)
        .shuffle(inputs.SHUFFLE_BUFFER)
        .repeat(epochs)
        .batch(batch_size)
        .map(lambda batch: inputs.labelled(_parsed(batch), files), tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def _parsed(records: tf.Tensor) -> dict[str, tf.Tensor]:
    types = {f.name: tf.string if f.is_string else tf.as_dtype(f.numpy_dtype) for f in SCHEMA}
    specs = {name: tf.io.FixedLenFeature([], type_) for name, type_ in types.items()}
    return tf.io.parse_example(records, specs)


def frames(files: Set, batch_size: int, epochs: int) -> Iterable[Any]:
    """DataFrames of both classes in place of files."""
    positive, negative = _frames(files)
    return InputFnDownsampleWithWeight(
        positive, negative, schema=SCHEMA, is_train=True, batch_size=batch_size, num_epochs=epochs
    ).batches()


@functools.cache
def _frames(files: Set) -> list[Any]:
    paths = (sorted(tf.io.gfile.glob(glob)) for glob in (files.positive, files.negative))
    tables = (pa.concat_tables(map(_table, map(Path, of_class))) for of_class in paths)
    return [table.to_pandas() for table in tables]


def imbalanced_learn(files: Set, batch_size: int, epochs: int) -> Iterator[Any]:
    """Its generator on a DataFrame of all columns; every epoch has the same negatives."""
    import pandas as pd

    frame = pd.concat(_frames(files), ignore_index=True)
    return _generated(frame.drop(columns="label"), frame["label"], batch_size, epochs)


def imbalanced_learn_matrix(files: Set, batch_size: int, epochs: int) -> Iterator[Any]:
    """Its generator where it is fastest: 16 columns of numbers as one matrix."""
    import pandas as pd

    frame = pd.concat(_frames(files), ignore_index=True)
    numbers = frame.select_dtypes("number").drop(columns="label").to_numpy(np.float32)
    return _generated(numbers, frame["label"].to_numpy(), batch_size, epochs)


def _generated(rows: Any, labels: Any, batch_size: int, epochs: int) -> Iterator[Any]:
    from imblearn.tensorflow import balanced_batch_generator

    batches, steps = balanced_batch_generator(rows, labels, batch_size=batch_size, random_state=0)
    return (batch for _, batch in zip(range(epochs * steps), batches, strict=False))


# What is measured: the format of its files, and the input.
INPUTS: dict[str, tuple[str, Callable[[Set, int, int], Iterable[Any]]]] = {
    **{f"{name}, numpy": (name, engine_numpy) for name in FORMATS},
    **{f"{name}, Dataset": (name, engine_dataset) for name in ("csv", "parquet", "tfrecord")},
    "tf.data, parse_example": ("tfrecord", tf_data),
    "balanced DataFrame, numpy": ("csv", frames),
    "imbalanced-learn, DataFrame": ("csv", imbalanced_learn),
    "imbalanced-learn, matrix": ("csv", imbalanced_learn_matrix),
}


def measure(
    sets: dict[str, Any], names: list[str], batch_size: int, epochs: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Inputs one after the other: for each its first batch, then its speed after the first epoch.

    Args:
        seconds: stopped so long after the first batch, and half of it to get warm.
    """
    result = {}
    for name in names:
        file_format, input_ = INPUTS[name]
        files = Set(**sets[file_format])
        result[name] = _measured(input_, files, batch_size, epochs, seconds)
        fresh.progress(f"formats  {name:<27}{result[name]['rows_per_second'] / 1e6:7.3f} M rows/s")
    return result


def _measured(
    input_: Callable[[Set, int, int], Iterable[Any]],
    files: Set,
    batch_size: int,
    epochs: int,
    seconds: float,
) -> dict[str, float]:
    begin = time.perf_counter()
    batches = iter(input_(files, batch_size, epochs))
    rows = next(batches)[1].shape[0]
    begin, first_batch = time.perf_counter(), time.perf_counter() - begin
    inputs.pass_over(batches, files.positives + files.negatives - rows, begin + seconds / 2)
    begin_warm, cpu = time.perf_counter(), cpu_seconds()
    rows, _ = inputs.pass_over(batches, float("inf"), begin + seconds)
    return {
        "rows_per_second": rows / (time.perf_counter() - begin_warm),
        "cpu_seconds_per_million_rows": (cpu_seconds() - cpu) / max(1, rows) * 1e6,
        "first_batch": first_batch,
    }


def resample(sets: dict[str, Any], batch_size: int, rows: int) -> dict[str, list[float]]:
    """The share of positives in the first rows, batch after batch, where half is asked for.

    tf.data's rejection_resample is given the rows as they are mixed in the whole set, 1 : 28, and
    finds out about the classes while it runs; ours need not.
    """
    files = Set(**sets["tfrecord"])
    natural = tf.data.Dataset.sample_from_datasets(
        [
            tf.data.TFRecordDataset(tf.io.gfile.glob(glob)).repeat()
            for glob in (files.positive, files.negative)
        ],
        [1 / (1 + data.NEGATIVES_PER_POSITIVE), 1 - 1 / (1 + data.NEGATIVES_PER_POSITIVE)],
        seed=1,
    )
    labels = natural.batch(_PARSED_AT_A_TIME).map(lambda batch: _parsed(batch)["label"]).unbatch()
    half = [0.5, 0.5]
    theirs = labels.rejection_resample(lambda label: tf.cast(label, tf.int32), half, seed=1)
    ours = inputs.engine(files, batch_size, 100).dataset(["customer_id"])
    steps = rows // batch_size
    return {
        "rejection_resample": _shares(label for _, label in theirs.batch(batch_size).take(steps)),
        "InputFnDownsampleWithWeight": _shares(label for _, label, _ in ours.take(steps)),
    }


def _shares(batches: Iterable[tf.Tensor]) -> list[float]:
    return [float(np.mean(batch)) for batch in batches]
