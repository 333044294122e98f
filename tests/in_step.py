"""Clusters of processes that train in step and write down what they train on, killed and not."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
import traceback
import warnings

import tensorflow as tf

from sampling import InputFnDownsampleWithWeight
from sampling.resume import resume
from sampling.sync_training import SaveInStep
from tests.conftest import SCHEMA
from tests.resumable import Log
from tests.stress_resume import batches_of
from trainer import local_cluster

NAMES = ("custom", "dnn")
EPOCHS, SAVE_STEPS = 3, 4
# A server that has TensorFlow in memory makes the processes, which spares each its import.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.in_step"])


def make_input(folder, num_epochs=EPOCHS):
    """An odd number of positives, in rounds of 25: workers have unlike rows, and pad them."""
    files = str(folder / "positive-*.csv"), str(folder / "negative-*.csv")
    options = {"batch_size": 7, "multiplier": 2.5, "pool_rows": 25, "num_epochs": num_epochs}
    return InputFnDownsampleWithWeight(*files, schema=SCHEMA, is_train=True, **options)


def expected(folder, workers):
    """For each worker the rows of each step, by the input function alone."""
    found = []
    for index in range(workers):
        context = tf.distribute.InputContext(workers, index, workers)
        batches = make_input(folder).batches(["id"], context)
        ids = [features["id"][weights > 0].tolist() for features, _, weights in batches]
        found.append({step: _line(each) for step, each in enumerate(ids, 1)})
    return found


def train(name, folder, job_dir, workers, kill_after=None, secs=120):
    """One start of the cluster, killed after so many steps of the chief, or left to its end.

    Raises:
        RuntimeError: a process fails, or takes too long.
    """
    configs = local_cluster.tf_configs(local_cluster.tasks(workers, 0, False))
    processes = [
        _CONTEXT.Process(target=_run, args=(name, folder, job_dir, index, config))
        for index, config in enumerate(configs.values())
    ]
    before, until = len(_lines(job_dir, 0)), time.monotonic() + secs
    for process in processes:
        process.start()
    try:
        while any(process.is_alive() for process in processes):
            if kill_after is not None and len(_lines(job_dir, 0)) > before + kill_after:
                return
            if time.monotonic() > until or any(process.exitcode for process in processes):
                codes = [process.exitcode for process in processes]
                raise RuntimeError(f"{name}: exit codes are {codes} after at most {secs} s")
            time.sleep(0.002)
    finally:
        for process in random.sample(processes, workers):
            process.kill()
        for process in processes:
            process.join()


def trained(job_dir, workers):
    """For each worker the rows of each step."""
    return [batches_of(_lines(job_dir, index)) for index in range(workers)]


def resumed(job_dir, index):
    """The steps from which a worker went on."""
    return [int(line.split()[1]) for line in _lines(job_dir, index) if line.startswith("resumed")]


def ids(of_steps, steps):
    """Those of some steps, without padding."""
    lines = [of_steps[step] for step in steps]
    return [int(each) for line in lines if line != "padding" for each in line.split(",")]


def _lines(job_dir, index):
    path = job_dir / f"log-{index}"
    return path.read_text().splitlines() if path.exists() else []


def _line(ids):
    return ",".join(map(str, ids)) or "padding"


def _write(log, steps_before, ids, weights):
    log.batch(steps_before, ids[weights > 0].tolist() or ["padding"])


def _run(name, folder, job_dir, index, config):
    os.environ["TF_CONFIG"] = config
    tf.get_logger().setLevel("ERROR")
    warnings.simplefilter("ignore")
    try:
        _train_estimator(name, folder, str(job_dir / "model"), Log(job_dir / f"log-{index}"))
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # the others are waited for otherwise
    os._exit(0)


def _train_estimator(name, folder, model_dir, log):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    config = tf.estimator.RunConfig(
        model_dir, train_distribute=strategy, save_checkpoints_secs=None
    )
    columns = [tf.feature_column.numeric_column("x", normalizer_fn=lambda x: x / 300)]
    dnn = tf.estimator.DNNClassifier(
        [4], columns, weight_column="weight", optimizer=tf.keras.optimizers.legacy.Adam()
    )

    def model_fn(features, labels, mode):
        step = tf.compat.v1.train.get_global_step()
        given = [step, features["id"], features["weight"]]
        logged = tf.numpy_function(lambda *of_step: _write(log, *of_step), given, [])
        with tf.control_dependencies([logged]):
            features["x"] = tf.identity(features["x"])
        if name == "dnn":
            return dnn.model_fn(features, labels, mode, config)
        loss = tf.reduce_mean((features["x"] - tf.compat.v1.get_variable("bias", [])) ** 2)
        optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, step))

    train_input, test_input = make_input(folder), make_input(folder, 1)
    log.resumed(resume(train_input, model_dir))
    steps = EPOCHS * train_input.global_steps_per_epoch(config)
    hook = SaveInStep(train_input, config, SAVE_STEPS)
    tf.estimator.train_and_evaluate(
        tf.estimator.Estimator(model_fn, config=config),
        tf.estimator.TrainSpec(train_input, steps, [hook]),
        tf.estimator.EvalSpec(test_input),
    )
