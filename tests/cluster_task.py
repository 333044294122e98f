"""What each process of a cluster runs in the tests: a training that writes down what it trains on.

python -m tests.cluster_task FOLDER custom --epochs=2
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
import warnings

import tensorflow as tf

from sampling import InputFnDownsampleWithWeight
from sampling.checkpoint.server_resume import WorkerState
from sampling.checkpoint.server_training import SaveWhenAllAreDone
from sampling.input_fn import cluster
from tests.conftest import SCHEMA

ROWS = 660  # with ids from 0


class Killed(tf.compat.v1.train.SessionRunHook):
    """Kills the process: once after so many batches, or whenever a time at random has passed."""

    def __init__(self, path, batches, mean_life):
        self._path, self._left, self._mean_life = path, batches, mean_life

    def after_create_session(self, session, coord):
        if self._mean_life:
            life = random.expovariate(1 / self._mean_life)
            self._timer = threading.Timer(life, os.kill, (os.getpid(), signal.SIGKILL))
            self._timer.start()

    def after_run(self, run_context, run_values):
        self._left -= 1
        if self._left == 0 and not os.path.exists(self._path):
            open(self._path, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

    def end(self, session):
        if self._mean_life:
            self._timer.cancel()


class Log(tf.compat.v1.train.SessionRunHook):
    """Appends the ids of each batch trained on to a file, a line each."""

    def __init__(self, path, pause):
        self._path, self._pause = path, pause

    def before_run(self, run_context):
        graph = run_context.session.graph
        return tf.compat.v1.train.SessionRunArgs(graph.get_tensor_by_name("trained_ids:0"))

    def after_run(self, run_context, run_values):
        with open(self._path, "a") as file:
            file.write(json.dumps(run_values.results.tolist()) + "\n")
        time.sleep(self._pause)


def custom(features, labels, mode):
    """Its variable `seen` says how often the model has learned from each row."""
    bias = tf.compat.v1.get_variable("bias", [], initializer=tf.zeros_initializer())
    seen = tf.compat.v1.get_variable("seen", [ROWS], tf.int32, initializer=tf.zeros_initializer())
    outputs = bias + 0 * features["x"]
    loss = tf.compat.v1.losses.mean_squared_error(labels, outputs, features["weight"])
    step = tf.compat.v1.train.get_global_step()
    ones = tf.ones_like(features["id"], tf.int32)
    with tf.control_dependencies([tf.compat.v1.scatter_add(seen, features["id"], ones)]):
        train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def logged(estimator):
    """The estimator, with a tensor of ids that a hook can see."""

    def model_fn(features, labels, mode, config):
        tf.identity(features["id"], name="trained_ids")
        return estimator.model_fn(features, labels, mode, config)

    return tf.estimator.Estimator(model_fn, config=estimator.config)


def build(name, config):
    columns = [tf.feature_column.numeric_column("x", normalizer_fn=lambda x: x / 500)]
    options = {"feature_columns": columns, "weight_column": "weight", "config": config}
    if name == "dnn":
        return logged(tf.estimator.DNNClassifier([4], **options))
    if name == "linear":
        tf.compat.v1.disable_control_flow_v2()
        return logged(tf.estimator.LinearClassifier(**options))
    return logged(tf.estimator.Estimator(custom, config=config))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("estimator", choices=("dnn", "linear", "custom"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--every", type=int, default=3, help="batches between states")
    parser.add_argument("--save_steps", type=int, default=20)
    parser.add_argument("--killed", default="", help="type-index of one that is, once")
    parser.add_argument("--killed_after", type=int, default=0, help="batches")
    parser.add_argument("--mean_life", type=float, default=0.0, help="seconds; 0: for ever")
    parser.add_argument("--strategy", action="store_true", help="ParameterServerStrategy")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    tf.get_logger().setLevel("ERROR")
    task = cluster.task()
    model_dir = os.path.join(given.folder, "model")
    strategy = tf.compat.v1.distribute.experimental.ParameterServerStrategy
    config = tf.estimator.RunConfig(
        model_dir,
        experimental_max_worker_delay_secs=5,  # one that is there before the chief waits 30
        save_checkpoints_steps=given.save_steps,
        train_distribute=strategy() if given.strategy else None,
    )
    files = [os.path.join(given.folder, f"{name}-*.csv") for name in ("positive", "negative")]
    options = {"schema": SCHEMA, "batch_size": given.batch_size}
    train = InputFnDownsampleWithWeight(
        *files, is_train=True, num_epochs=given.epochs, weight="auto", **options
    )
    test = InputFnDownsampleWithWeight(test_dir=files, **options)
    state = WorkerState(train, config, given.every)
    name = f"{task.type}-{task.index}"
    killed_after = given.killed_after if name == given.killed else 0
    hooks = [
        state,
        Log(os.path.join(given.folder, f"ids-{name}.txt"), given.pause),
    ]
    if task.type == cluster.CHIEF:
        hooks.append(SaveWhenAllAreDone(state, save_steps=given.save_steps))
    hooks.append(Killed(os.path.join(given.folder, "killed"), killed_after, given.mean_life))
    print(f"{name} begins", flush=True)
    result, _ = tf.estimator.train_and_evaluate(
        build(given.estimator, config),
        tf.estimator.TrainSpec(state.input_fn, state.max_steps, hooks),
        tf.estimator.EvalSpec(test, steps=None, start_delay_secs=0, throttle_secs=1),
    ) or (None, None)
    print(f"{name} ends", result, flush=True)


if __name__ == "__main__":
    main()
