"""The inputs that are compared, and how one of them is measured.

Each is a function of a set, a batch size and a number of epochs, whose result is iterated: pairs of
features and labels in batches. An epoch is all positives and as many negatives.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import tensorflow as tf

from benchmarks.data import SCHEMA, Set
from benchmarks.meter import bytes_read, cpu_seconds, memory
from sampling import InputFnDownsampleWithWeight

SHUFFLE_BUFFER = 100_000
_ARROW = {"STRING": pa.string(), "INTEGER": pa.int64(), "FLOAT": pa.float32()}
_PANDAS = {"STRING": "str", "INTEGER": "int64", "FLOAT": "float32"}


def engine(files: Set, batch_size: int, epochs: int) -> InputFnDownsampleWithWeight:
    return InputFnDownsampleWithWeight(
        files.positive,
        files.negative,
        schema=SCHEMA,
        is_train=True,
        batch_size=batch_size,
        num_epochs=epochs,
        weight=_weight(files),
    )


def engine_numpy(files: Set, batch_size: int, epochs: int) -> Iterable[Any]:
    return engine(files, batch_size, epochs).batches()


def engine_dataset(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    return engine(files, batch_size, epochs)(mode="train")


def tf_data(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    """Lines, interleaved, the first P of the negatives, shuffled; decoded a batch at a time.

    Interleaving single lines in parallel is slower than in sequence (by a factor of three with the
    default block length): handing a line over costs more than reading it.
    """

    def lines(glob: str) -> tf.data.Dataset:
        return tf.data.Dataset.list_files(glob).interleave(
            lambda path: tf.data.TextLineDataset(path).skip(1), cycle_length=10, block_length=16
        )

    defaults = [field.empty_value for field in SCHEMA]
    defaults = [
        tf.constant([default], tf.string if field.is_string else field.numpy_dtype)
        for field, default in zip(SCHEMA, defaults, strict=True)
    ]

    def parse(batch: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        features = dict(zip(SCHEMA.names, tf.io.decode_csv(batch, defaults), strict=True))
        return labelled(features, files)

    return (
        lines(files.positive)
        .concatenate(lines(files.negative).take(files.positives))
        .shuffle(SHUFFLE_BUFFER)
        .repeat(epochs)
        .batch(batch_size)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def make_csv_dataset(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    """TensorFlow's own reader of CSV, half of each batch from either class."""

    def half(glob: str, epochs: int | None) -> tf.data.Dataset:
        return tf.data.experimental.make_csv_dataset(
            glob,
            batch_size // 2,
            column_names=list(SCHEMA.names),
            column_defaults=[
                tf.string if field.is_string else field.numpy_dtype for field in SCHEMA
            ],
            num_epochs=epochs,
            num_parallel_reads=tf.data.AUTOTUNE,
        )

    def join(positive: dict[str, tf.Tensor], negative: dict[str, tf.Tensor]) -> Any:
        columns = {name: tf.concat([positive[name], negative[name]], 0) for name in SCHEMA.names}
        return labelled(columns, files)

    halves = half(files.positive, epochs), half(files.negative, None)
    return tf.data.Dataset.zip(halves).map(join).prefetch(tf.data.AUTOTUNE)


def pandas(files: Set, batch_size: int, epochs: int) -> Iterator[Any]:
    """Everything in memory; every epoch samples the negatives and shuffles."""
    return pandas_frames(files).batches(batch_size, epochs)


@functools.cache
def pandas_frames(files: Set) -> PandasFrames:
    """Loaded once in a process: what comes first pays for it."""
    return PandasFrames(files)


class PandasFrames:
    """Both classes in memory."""

    def __init__(self, files: Set):
        import pandas as pd

        self._files, self._pd = files, pd
        types = {field.name: _PANDAS[field.type] for field in SCHEMA}
        self._positive, self._negative = (
            pd.concat([pd.read_csv(path, dtype=types) for path in tf.io.gfile.glob(glob)])
            for glob in (files.positive, files.negative)
        )

    def batches(self, batch_size: int, epochs: int) -> Iterator[Any]:
        for epoch in range(epochs):
            features, labels = self._epoch(seed=epoch)
            for start in range(0, len(labels), batch_size):
                batch = slice(start, start + batch_size)
                yield {name: column[batch] for name, column in features.items()}, labels[batch]

    def _epoch(self, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        sampled = self._negative.sample(len(self._positive), random_state=seed)
        rows = self._pd.concat([self._positive, sampled]).sample(frac=1, random_state=seed)
        columns = {name: rows[name].to_numpy() for name in SCHEMA.names}
        labels = columns.pop("label")
        columns["weight"] = np.where(labels == 1, 1, _weight(self._files)).astype(np.float32)
        return columns, labels


def pyarrow_parse(files: Set, batch_size: int, epochs: int) -> Iterator[Any]:
    """No sampling, no shuffling, no batches: as many rows of the files to a typed table."""
    for _ in range(epochs):
        text = b"".join(_some_rows(files.positive, files.positives, files.positives))
        text += b"".join(_some_rows(files.negative, files.negatives, files.positives))
        yield (
            {},
            pa.csv.read_csv(
                pa.BufferReader(text),
                pa.csv.ReadOptions(column_names=list(SCHEMA.names)),
                convert_options=pa.csv.ConvertOptions(
                    column_types={field.name: _ARROW[field.type] for field in SCHEMA}
                ),
            ),
        )


def constant(files: Set, batch_size: int, epochs: int) -> tf.data.Dataset:
    """One batch again and again: what iterating a Dataset costs when making it costs nothing."""
    features, labels, weights = next(iter(engine(files, batch_size, 1).batches()))
    batch = {**features, "weight": weights}, labels
    steps = -(-2 * files.positives * epochs // batch_size)
    return tf.data.Dataset.from_tensors(batch).repeat(steps).prefetch(tf.data.AUTOTUNE)


INPUTS: dict[str, Callable[[Set, int, int], Iterable[Any]]] = {
    "engine, numpy": engine_numpy,
    "engine, Dataset": engine_dataset,
    "tf.data pipeline": tf_data,
    "make_csv_dataset": make_csv_dataset,
    "pandas in memory": pandas,
    "pyarrow parse": pyarrow_parse,
    "constant batch": constant,
}


def measure(
    name: str, files: dict[str, Any], batch_sizes: list[int], epochs: int, seconds: list[float]
) -> dict[str, Any]:
    """One input in this process: its first batch, then its speed in the epochs after the first.

    Args:
        batch_sizes: first batch, memory, bytes and CPU are those of the first size.
        seconds: for each size: stopped so long after the first batch, and half of it to get warm.
    """
    set_ = Set(**files)
    result: dict[str, Any] = {}
    for batch_size, limit in zip(batch_sizes, seconds, strict=True):
        read, begin = bytes_read(), time.perf_counter()
        batches = iter(INPUTS[name](set_, batch_size, epochs))
        rows = next(batches)[1].shape[0]
        begin, first_batch = time.perf_counter(), time.perf_counter() - begin
        rows += pass_over(batches, 2 * set_.positives - rows, begin + limit / 2)[0]
        begin_warm, cpu = time.perf_counter(), cpu_seconds()
        warm_rows, ended = pass_over(batches, float("inf"), begin + limit)
        elapsed, cpu = time.perf_counter() - begin_warm, cpu_seconds() - cpu
        result[f"rows_per_second_{batch_size}"] = warm_rows / elapsed
        result.setdefault("first_batch", first_batch)
        result.setdefault("cpu_seconds_per_million_rows", cpu / warm_rows * 1e6)
        result.setdefault("memory", memory())
        result.setdefault("rows", rows + warm_rows)
        result.setdefault("bytes_read", bytes_read() - read)
        result.setdefault("ended", ended)
    return result


def pass_over(batches: Iterator[Any], rows: float, until: float) -> tuple[int, bool]:
    """(rows in the batches taken, whether there are no more); it may be one batch too many."""
    passed = 0
    if rows <= 0:
        return 0, False
    for batch in batches:
        passed += batch[1].shape[0]
        if passed >= rows or time.perf_counter() > until:
            return passed, False
    return passed, True


def labelled(columns: dict[str, tf.Tensor], files: Set) -> Any:
    labels = columns.pop("label")
    columns["weight"] = tf.where(tf.equal(labels, 1), 1.0, _weight(files))
    return columns, labels


def _weight(files: Set) -> float:
    return files.negatives / files.positives


def _some_rows(glob: str, rows: int, wanted: int) -> Iterator[bytes]:
    """The bodies of as many whole files as hold the rows wanted, if files are alike."""
    paths = sorted(tf.io.gfile.glob(glob))
    for path in paths[: -(-wanted * len(paths) // rows)]:
        with open(path, "rb") as file:
            file.readline()
            yield file.read()
