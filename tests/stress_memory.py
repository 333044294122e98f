"""Datasets made and read to their end again and again: the memory of the process stays as it is.

    python -m tests.stress_memory --calls=300

A round that each of them left behind would be more than 1 MB.
"""

from __future__ import annotations

import argparse
import gc
import re
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from sampling import InputFn, Schema
from sampling.rows.columns import Round
from tests import written
from tests.conftest import frame

ROWS = 20_000
SCHEMA = Schema.from_dict({"id": int, "x": float, "city": str, "label": int}, label="label")
_MOST_MEGABYTES = 60  # of growth, where 300 rounds would be 400


def make(folder, rows=ROWS):
    path = written.write(frame(np.arange(rows), np.arange(rows) % 9 == 0), folder / "a.csv")
    return InputFn(path, SCHEMA, shuffle=True, batch_size=1000)


def read(input_fn):
    for _ in input_fn.dataset():
        pass


def iterated_twice(input_fn):
    dataset = input_fn.dataset()
    assert sum(1 for _ in dataset) == sum(1 for _ in dataset)


def keras():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile(loss="mse")
    return lambda input_fn: model.evaluate(input_fn.dataset(["x"], stacked=True), verbose=0)


def estimator(folder):
    def model_fn(features, labels, mode):
        loss = tf.reduce_mean(features["x"] * tf.compat.v1.get_variable("slope", []))
        step = tf.compat.v1.train.get_global_step()
        train_op = tf.compat.v1.train.GradientDescentOptimizer(0.0).minimize(loss, step)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    made = tf.estimator.Estimator(model_fn, str(folder / "model"))
    made.train(make(folder, 100))
    return made.evaluate


def rounds():
    """How many there are in memory."""
    gc.collect()
    return sum(isinstance(each, Round) for each in gc.get_objects())


def megabytes():
    gc.collect()
    found = re.search(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description="Reads again and again; memory stays as it is.")
    parser.add_argument("--calls", type=int, default=300, help="of each way to read")
    calls = parser.parse_args().calls
    tf.get_logger().setLevel("ERROR")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        evaluate = estimator(folder)
        ways = [
            ("batches", lambda input_fn: list(input_fn.batches()), calls),
            ("a Dataset", read, calls),
            ("a Dataset, iterated twice", iterated_twice, calls // 3),
            ("Keras evaluates", keras(), calls),
            ("an Estimator evaluates", evaluate, calls // 10),
        ]
        input_fn = make(folder)
        for what, use, times in ways:
            for _ in range(max(3, times // 10)):
                use(input_fn)
            before, held = megabytes(), rounds()
            for _ in range(times):
                use(input_fn)
            after = megabytes()
            print(f"{what}: {times} calls, {before:.0f} -> {after:.0f} MB", flush=True)
            assert after - before < _MOST_MEGABYTES and rounds() <= held


if __name__ == "__main__":
    main()
