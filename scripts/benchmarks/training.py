"""How fast a DNNClassifier trains on each input, against an input that costs nothing."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from benchmarks import inputs
from benchmarks.data import SCHEMA, VOCABULARY, Set
from benchmarks.fresh import in_turn, progress
from benchmarks.report import CEILING as FREE
from benchmarks.report import DATASET as ENGINE
from benchmarks.report import LARGE
from sampling.estimator import install

WARM_STEPS = 50
UNITS, LARGE_UNITS = [64, 32], [512, 256]
Input = Callable[[], tf.data.Dataset]

install()  # tf.estimator


def measure(
    files: dict[str, Any], batch_size: int, epochs: int, repetitions: int, seconds: float
) -> list[dict[str, dict[str, float]]]:
    """For each repetition and input: steps per second from step 50 on, seconds to step 1.

    The engine also trains a net that takes more of each step, beside the same on a constant batch.

    Args:
        epochs: trained at a time, so that the files are read again and again after step 50.
        seconds: training is stopped after so many from step 50 on.
    """
    warnings.simplefilter("ignore")  # tf.estimator's own deprecations
    tf.get_logger().setLevel("ERROR")
    makes = _inputs(Set(**files), batch_size, epochs)
    makes |= {name + LARGE: makes[name] for name in (FREE, ENGINE)}
    names, results = list(makes), []
    for repetition in range(repetitions):
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        # One training differs from the next by a tenth: the two that are compared most have three.
        again = [FREE, ENGINE, ENGINE, FREE] if repetitions > 1 else []
        for name in [*in_turn(names, repetition), *again]:
            units = LARGE_UNITS if name.endswith(LARGE) else UNITS
            runs[name].append(_train(makes[name], units, seconds))
            progress(
                f"training {repetition + 1}/{repetitions}  {name:<27} "
                f"{runs[name][-1]['steps_per_second']:7.0f} steps/s"
            )
        results.append({name: _means(of_name) for name, of_name in runs.items()})
    return results


def _means(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}


def _inputs(files: Set, batch_size: int, epochs: int) -> dict[str, Input]:
    def pandas() -> tf.data.Dataset:
        types = {field.name: tf.as_dtype(field.numpy_dtype) for field in SCHEMA.features}
        features = {name: tf.TensorSpec([None], type_) for name, type_ in types.items()}
        features["weight"] = tf.TensorSpec([None], tf.float32)
        return tf.data.Dataset.from_generator(
            lambda: inputs.pandas(files, batch_size, epochs),
            output_signature=(features, tf.TensorSpec([None], tf.int64)),
        ).prefetch(tf.data.AUTOTUNE)

    def of(make: Callable[[Set, int, int], tf.data.Dataset]) -> Input:
        return lambda: make(files, batch_size, epochs)

    return {
        FREE: of(inputs.constant),
        ENGINE: of(inputs.engine_dataset),
        "tf.data pipeline": of(inputs.tf_data),
        "make_csv_dataset": of(inputs.make_csv_dataset),
        "pandas in memory": pandas,
    }


def _train(make: Input, units: list[int], seconds: float) -> dict[str, float]:
    clock = _Clock(seconds)
    with tempfile.TemporaryDirectory() as folder:
        config = tf.estimator.RunConfig(
            model_dir=folder,
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=None,
            log_step_count_steps=None,
        )
        estimator = tf.estimator.DNNClassifier(
            units, _feature_columns(), weight_column="weight", config=config
        )
        begin = time.perf_counter()
        estimator.train(make, hooks=[clock])
    return {
        "steps_per_second": (clock.steps - WARM_STEPS) / (clock.last - clock.warm),
        "seconds_to_step_1": clock.first - begin,
        "steps": clock.steps,
    }


class _Clock(tf.compat.v1.train.SessionRunHook):
    """Notes when the first, the 50th and the last step were done."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self.steps = 0
        self.first = self.warm = self.last = 0.0

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self.steps += 1
        self.last = time.perf_counter()
        if self.steps == 1:
            self.first = self.last
        if self.steps <= WARM_STEPS:
            self.warm = self.last
        elif self.last - self.warm > self._seconds:
            run_context.request_stop()


def _feature_columns() -> list[Any]:
    column = tf.feature_column
    columns = []
    for field in SCHEMA.features:
        if field.name in VOCABULARY:
            hashed = column.categorical_column_with_hash_bucket(field.name, VOCABULARY[field.name])
            columns.append(column.embedding_column(hashed, 8))
        elif field.name != "customer_id":
            columns.append(column.numeric_column(field.name))
    return columns
