"""Trainings as a process does them from start to end, wherever the one before was killed."""

from __future__ import annotations

import os
import time

import tensorflow as tf

from sampling import InputFnDownsampleWithWeight
from sampling.checkpoint.estimator import InputStateListener, resume
from sampling.checkpoint.keras import InputState, fit
from tests.conftest import SCHEMA

# 120 rows an epoch; and 270 of 3 rounds of positives and 20 of negatives, of which some epochs meet
# the end of a pass.
_ONE = {"num_epochs": 1, "batch_size": 4}
_SEVERAL = {"num_epochs": 3, "batch_size": 19, "multiplier": 3.5, "pool_rows": 25}
CASES = {
    "estimator, one epoch, one round": ("estimator", _ONE),
    "estimator, epochs and rounds": ("estimator", _SEVERAL),
    "keras, one epoch, one round": ("keras", _ONE),
    "keras, epochs and rounds": ("keras", _SEVERAL),
}
_SAVE_STEPS = 7


class Log:
    """A line for each batch trained on, written before the model is changed by it."""

    def __init__(self, path):
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def resumed(self, step):
        os.write(self._file, f"resumed {step}\n".encode())

    def batch(self, steps_before, ids):
        time.sleep(0.005)
        os.write(self._file, f"{steps_before + 1} {','.join(map(str, ids))}\n".encode())


def make_input(name, folder):
    """Epochs of fit are those of the input function, so Keras is given one at a time."""
    kind, options = CASES[name]
    files = str(folder / "positive-*.csv"), str(folder / "negative-*.csv")
    epochs = options["num_epochs"] if kind == "estimator" else 1
    given = {**options, "schema": SCHEMA, "is_train": True, "num_epochs": epochs}
    return InputFnDownsampleWithWeight(*files, **given)


def num_steps(name, folder):
    """Batches of a whole training."""
    return CASES[name][1]["num_epochs"] * make_input(name, folder).steps_per_epoch


def train(name, folder, job_dir):
    """Goes on from the last checkpoint in job_dir, with a log of the batches trained on."""
    tf.get_logger().setLevel("ERROR")
    kind, options = CASES[name]
    trainings = {"estimator": _train_estimator, "keras": _train_keras}
    trainings[kind](make_input(name, folder), options["num_epochs"], job_dir, Log(job_dir / "log"))


def _train_estimator(input_fn, num_epochs, job_dir, log):
    def model_fn(features, labels, mode):
        step = tf.compat.v1.train.get_global_step()
        with tf.control_dependencies([tf.numpy_function(log.batch, [step, features["id"]], [])]):
            loss = tf.reduce_mean((features["x"] - tf.compat.v1.get_variable("bias", [])) ** 2)
        optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, step))

    model_dir = str(job_dir / "model")
    config = tf.estimator.RunConfig(save_checkpoints_steps=_SAVE_STEPS)
    estimator = tf.estimator.Estimator(model_fn, model_dir, config)
    log.resumed(resume(input_fn, model_dir))
    estimator.train(
        input_fn,
        max_steps=num_epochs * input_fn.steps_per_epoch,
        saving_listeners=[InputStateListener(input_fn, model_dir)],
    )


def _train_keras(input_fn, num_epochs, job_dir, log):
    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(1)

        def call(self, features):
            return self.dense(tf.reshape(features["x"], [-1, 1]))

        def train_step(self, data):
            log.batch(int(self.optimizer.iterations), data[0]["id"].numpy())
            return super().train_step(data)

    model = Model()
    model.compile("sgd", "mse", run_eagerly=True)
    model({"x": tf.zeros([2])})
    state = InputState(input_fn)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, input=state)
    manager = tf.train.CheckpointManager(checkpoint, str(job_dir / "model"), max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)
    log.resumed(int(model.optimizer.iterations))
    fit(model, state, manager, num_epochs, ["id", "x"], _SAVE_STEPS, verbose=0)
