"""Trainings in step that write down what they train on: of several processes, or devices of one."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
import traceback
import warnings

import numpy as np
import tensorflow as tf

from sampling import InputFnDownsampleWithWeight
from sampling.checkpoint.estimator import InputStateListener, resume
from sampling.checkpoint.in_step import SaveInStep
from sampling.checkpoint.keras import InputState, fit
from sampling.estimator import legacy_keras
from tests.conftest import SCHEMA
from tests.resumable import Log
from tests.stress_resume import batches_of
from trainer.distributed import local_cluster

_PRELOADED = tf.keras.Model, tf.estimator.Estimator
CLUSTERS, MIRRORED = ("custom", "dnn", "keras"), ("mirrored", "keras, mirrored")
EPOCHS, SAVE_STEPS = 2, 4
# A server that has TensorFlow in memory makes the processes, which spares each its import.
NONE = {"save_checkpoints_secs": None}
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.in_step"])


def make_input(folder, num_epochs=EPOCHS):
    """An odd number of positives, in rounds of 25: workers have unlike rows, and pad them."""
    files = str(folder / "positive-*.csv"), str(folder / "negative-*.csv")
    options = {"batch_size": 16, "multiplier": 2.5, "pool_rows": 25, "num_epochs": num_epochs}
    return InputFnDownsampleWithWeight(*files, schema=SCHEMA, is_train=True, **options)


def expected(name, folder, workers):
    """For each worker the rows of each batch, by the input function alone."""
    found = []
    for index in range(workers):
        context = tf.distribute.InputContext(workers, index, 2 if name == "mirrored" else workers)
        batches = make_input(folder).batches(["id"], context)
        ids = [features["id"][weights > 0].tolist() for features, _, weights in batches]
        if name == "keras, mirrored":
            ids = [half.tolist() for each in ids for half in np.array_split(each, 2)]
        found.append({place: _line(each) for place, each in enumerate(ids, 1)})
    return found


def train(name, folder, job_dir, workers, kill_after=None, secs=600):
    """One start, killed a moment after so many batches of the chief, or left to its end.

    Returns:
        Whether it was killed.

    Raises:
        RuntimeError: a process fails, or takes too long.
    """
    tasks = local_cluster.tasks(workers, 0, False)
    with local_cluster.tf_configs(tasks) as configs:
        return _train(name, folder, job_dir, list(configs.values()), kill_after, secs)


def _train(name, folder, job_dir, configs, kill_after, secs):
    processes = [
        _CONTEXT.Process(target=_run, args=(name, folder, job_dir, index, config))
        for index, config in enumerate(configs)
    ]
    before, until = len(_lines(job_dir, 0)), time.monotonic() + secs
    for process in processes:
        process.start()
    try:
        while any(process.is_alive() for process in processes):
            if kill_after is not None and len(_lines(job_dir, 0)) > before + kill_after:
                time.sleep(random.uniform(0, 0.2))
                return any(process.is_alive() for process in processes)
            if time.monotonic() > until or any(process.exitcode for process in processes):
                break
            time.sleep(0.002)
        if codes := [process.exitcode for process in processes if process.exitcode != 0]:
            raise RuntimeError(f"{name}: exit codes are {codes} after at most {secs} s")
        return False
    finally:
        for process in random.sample(processes, len(processes)):
            process.kill()
        for process in processes:
            process.join()


def trained(job_dir, workers):
    """For each worker the rows of each batch."""
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


def _logged(log, name, step, ids, weights):
    """An operation that writes down what a replica trains on."""

    def write(step, replica, ids, weights):
        before = 2 * step + replica if name in MIRRORED else step
        log.batch(before, ids[weights > 0].tolist() or ["padding"])

    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.numpy_function(write, [step, replica, ids, weights], [])


def _run(name, folder, job_dir, index, config):
    tf.get_logger().setLevel("ERROR")
    warnings.simplefilter("ignore")
    log, model_dir = Log(job_dir / f"log-{index}"), str(job_dir / "model")
    training = _train_keras if name.startswith("keras") else _train_estimator
    try:
        training(name, folder, model_dir, log, _strategy(name, config))
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # the others are waited for otherwise
    os._exit(0)


def _strategy(name, config):
    if name not in MIRRORED:
        os.environ.update({"TF_CONFIG": config, **local_cluster.SHARING_PORTS})
        return tf.distribute.MultiWorkerMirroredStrategy()
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _train_estimator(name, folder, model_dir, log, strategy):
    saves = {"save_checkpoints_steps": SAVE_STEPS} if name in MIRRORED else NONE
    config = tf.estimator.RunConfig(model_dir, train_distribute=strategy, **saves)
    columns = [tf.feature_column.numeric_column("x", normalizer_fn=lambda x: x / 300)]
    dnn = tf.estimator.DNNClassifier(
        [4], columns, weight_column="weight", optimizer=legacy_keras().optimizers.legacy.Adam()
    )

    def model_fn(features, labels, mode):
        step = tf.compat.v1.train.get_global_step()
        logged = _logged(log, name, step, features["id"], features["weight"])
        with tf.control_dependencies([logged]):
            features["x"] = tf.identity(features["x"])
        if name == "dnn":
            return dnn.model_fn(features, labels, mode, config)
        loss = tf.reduce_mean((features["x"] - tf.compat.v1.get_variable("bias", [])) ** 2)
        optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, step))

    train_input, estimator = make_input(folder), tf.estimator.Estimator(model_fn, config=config)
    log.resumed(resume(train_input, model_dir) * (2 if name in MIRRORED else 1))
    steps = EPOCHS * train_input.global_steps_per_epoch(config)
    if name in MIRRORED:
        listeners = [InputStateListener(train_input, model_dir)]
        estimator.train(train_input, max_steps=steps, saving_listeners=listeners)
    else:
        hook = SaveInStep(train_input, config, SAVE_STEPS)
        training = tf.estimator.TrainSpec(train_input, steps, [hook])
        evaluation = tf.estimator.EvalSpec(make_input(folder, 1))
        tf.estimator.train_and_evaluate(estimator, training, evaluation)


def _train_keras(name, folder, model_dir, log, strategy):
    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(1)

        def call(self, features):
            return self.dense(tf.reshape(features["x"], [-1, 1]) / 300)

        def train_step(self, data):
            _logged(log, name, self.optimizer.iterations, data[0]["id"], data[2])
            return super().train_step(data)

    with strategy.scope():
        model = Model()
        model.compile("adam", "mse", weighted_metrics=["mae"])
        model({"x": tf.zeros([2])})
    state = InputState(make_input(folder, 1), strategy)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, input=state)
    manager = tf.train.CheckpointManager(checkpoint, model_dir, max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)
    log.resumed(int(model.optimizer.iterations.numpy()) * (2 if name in MIRRORED else 1))
    fit(model, state, manager, EPOCHS, ["id", "x"], SAVE_STEPS, verbose=0)
