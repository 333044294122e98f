"""What each process of a cluster runs in the tests: a training that writes down what it trains on.

python -m tests.cluster_task FOLDER custom --epochs=2
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings

import tensorflow as tf

from sampling import InputFnDownsampleWithWeight, cluster
from sampling.async_training import SaveWhenAllAreDone
from tests.conftest import SCHEMA


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
    bias = tf.compat.v1.get_variable("bias", [], initializer=tf.zeros_initializer())
    outputs = bias + 0 * features["x"]
    loss = tf.compat.v1.losses.mean_squared_error(labels, outputs, features["weight"])
    step = tf.compat.v1.train.get_global_step()
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
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    tf.get_logger().setLevel("ERROR")
    task = cluster.task()
    model_dir = os.path.join(given.folder, "model")
    config = tf.estimator.RunConfig(
        model_dir, experimental_max_worker_delay_secs=5, save_checkpoints_steps=20
    )
    files = [os.path.join(given.folder, f"{name}-*.csv") for name in ("positive", "negative")]
    options = {"schema": SCHEMA, "batch_size": given.batch_size}
    train = InputFnDownsampleWithWeight(
        *files, is_train=True, num_epochs=given.epochs, weight="auto", **options
    )
    test = InputFnDownsampleWithWeight(test_dir=files, **options)
    total = given.epochs * train.global_steps_per_epoch(config)
    name = f"{task.type}-{task.index}"
    hooks = [Log(os.path.join(given.folder, f"ids-{name}.txt"), given.pause)]
    if task.type == cluster.CHIEF and task.workers > 1:
        hooks.append(SaveWhenAllAreDone(model_dir, total, save_steps=20))
    print(f"{name} begins, {total} steps", flush=True)
    result, _ = tf.estimator.train_and_evaluate(
        build(given.estimator, config),
        tf.estimator.TrainSpec(train, total, hooks),
        tf.estimator.EvalSpec(test, steps=None, start_delay_secs=0, throttle_secs=1),
    ) or (None, None)
    print(f"{name} ends", result, flush=True)


if __name__ == "__main__":
    main()
