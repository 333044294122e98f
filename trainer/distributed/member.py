"""A job as one process of a cluster: what TF_CONFIG says, and who does what.

The chief tells what is read, saves, evaluates at the end and exports. Workers train on rows of
their own, parameter servers hold the model, an evaluator evaluates every checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sampling import InputFn
from sampling.checkpoint import server_states
from sampling.checkpoint.server_resume import WorkerState
from sampling.checkpoint.server_training import SaveWhenAllAreDone
from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from trainer.training.hooks import StepProgress

_WHY = {
    "restart": "which can't all set the old model aside; name another --job-dir, "
    "or start them by trainer.launch",
    "best_metric": "whose checkpoints are not compared; leave it out",
    "patience": "which train to the end; leave it out",
}
_POLL_SECS = 1.0
_STATE_STEPS = 100  # a worker's from one state of its input to the next, if checkpoints are rarer


def enter() -> Task:
    """What this process is; a parameter server serves, and does not return.

    Raises:
        SamplingError: TF_CONFIG is wrong, or its workers have no parameter server to share a model.
    """
    task = cluster.task()
    if task.type == cluster.PS:
        _serve(task)
    if task.workers == 1 and task.type != cluster.EVALUATOR:
        os.environ.pop("TF_CONFIG", None)  # an Estimator takes no cluster without a task
    elif task.workers > 1 and not task.ps:
        raise SamplingError(
            f"TF_CONFIG names {task.workers} workers and no ps, expected a parameter server, "
            "which holds the model that workers share; add one"
        )
    else:
        tf.compat.v1.disable_control_flow_v2()  # its loops can't be on several machines
    return task


def refuse_flags(flags: argparse.Namespace, task: Task, names: Sequence[str]) -> None:
    """Raises SamplingError if one of these is given, which are for one process."""
    for name in names:
        if getattr(flags, name):
            raise SamplingError(
                f"--{name} is given and TF_CONFIG names {task.workers} workers, {_WHY[name]}"
            )


def await_chief(task: Task, job_dir: str) -> None:
    """Until all is written that the chief writes before it trains: a worker waits for its server,
    an evaluator for a checkpoint, as it always does.

    Raises:
        SamplingError: a worker finds no chief for some minutes.
    """
    if task.type == cluster.WORKER:
        server_states.await_chief(_cluster_spec())
    while task.type == cluster.EVALUATOR and not tf.train.latest_checkpoint(job_dir):
        time.sleep(_POLL_SECS)


def steps(input_fn: InputFn, num_epochs: int, task: Task, trained: int) -> int:
    """The global step at the end of the rows, of all workers together, if none comes again."""
    total = num_epochs * input_fn.global_steps_per_epoch()
    if trained and task.type == cluster.CHIEF:
        print(f"going on from step {trained:,} of {max(trained, total):,}", file=sys.stderr)
    return total


def train(estimator: Any, train_spec: Any, eval_spec: Any, task: Task) -> None:
    """This process's part of a training to the end of the rows.

    Args:
        train_spec: a TrainSpec; its input function is an InputFn, whose rows end at about its
            max_steps, of all workers together.
        eval_spec: the evaluator's EvalSpec.
    """
    every = estimator.config.save_checkpoints_steps
    state = WorkerState(
        train_spec.input_fn,
        estimator.config,
        min(_STATE_STEPS, max(1, every // task.workers)),
    )
    hooks = [StepProgress("training", train_spec.max_steps, shared=True), state, *train_spec.hooks]
    if task.type == cluster.CHIEF:
        hooks.append(SaveWhenAllAreDone(state, save_steps=every))
    api = install()
    own_spec = api.TrainSpec(state.input_fn, state.max_steps, hooks)
    api.train_and_evaluate(estimator, own_spec, eval_spec)


def _serve(task: Task) -> None:
    server = tf.distribute.Server(_cluster_spec(), job_name=task.type, task_index=task.index)
    server.join()


def _cluster_spec() -> tf.train.ClusterSpec:
    """The addresses by type, as TF_CONFIG has them."""
    return tf.train.ClusterSpec(json.loads(os.environ["TF_CONFIG"])["cluster"])
