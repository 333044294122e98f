"""A job as one process of a cluster: what TF_CONFIG says, and who does what.

The chief tells what is read, saves, evaluates at the end and exports. Workers train on rows of
their own, parameter servers hold the model, an evaluator evaluates every checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sampling import InputFn, cluster
from sampling.async_resume import WorkerState
from sampling.async_training import SaveWhenAllAreDone
from sampling.cluster import Task
from sampling.estimators import require_estimator
from trainer.progress import Progress

_STATE_STEPS = 100  # a worker's from one state of its input to the next, if checkpoints are rarer


def enter() -> Task:
    """What this process is; a parameter server serves, and does not return.

    Raises:
        ValueError: TF_CONFIG is wrong, or its workers have no parameter server to share a model.
    """
    task = cluster.task()
    if task.type == cluster.PS:
        _serve(task)
    if task.workers == 1 and task.type != cluster.EVALUATOR:
        os.environ.pop("TF_CONFIG", None)  # an Estimator takes no cluster without a task
    elif task.workers > 1 and not task.ps:
        raise ValueError(
            f"TF_CONFIG names {task.workers} workers and no ps, expected a parameter server, "
            "which holds the model that workers share; add one"
        )
    else:
        tf.compat.v1.disable_control_flow_v2()  # its loops can't be on several machines
    return task


def refuse(job: str) -> None:
    """Raises ValueError if there are several workers: the job is for one process."""
    task = cluster.task()
    if task.workers > 1 or task.type in (cluster.PS, cluster.EVALUATOR):
        raise ValueError(
            f"TF_CONFIG names a cluster with {task.workers} workers, expected none: {job} is for "
            "one process; unset TF_CONFIG"
        )


def steps(input_fn: InputFn, flags: argparse.Namespace, task: Task, trained: int) -> int:
    """The global step at the end of the rows, of all workers together, if none comes again.

    Raises:
        ValueError: a flag is given that is for one process.
    """
    if flags.restart:
        raise ValueError(
            f"--restart is given and TF_CONFIG names {task.workers} workers, which can't all set "
            "the old model aside; name another --job-dir"
        )
    if flags.best_metric:
        raise ValueError(
            f"--best_metric is {flags.best_metric}, and TF_CONFIG names a cluster, whose "
            "checkpoints are not compared; leave it out, or train in one process"
        )
    total = flags.num_epochs * input_fn.global_steps_per_epoch()
    if trained and task.type == cluster.CHIEF:
        print(f"going on from step {trained:,} of {max(trained, total):,}", file=sys.stderr)
    return total


def train(
    estimator: Any,
    input_fn: InputFn,
    test_input: InputFn,
    total: int,
    eval_secs: int,
    task: Task,
    hooks: Sequence[Any],
) -> None:
    """This process's part of a training to the end of the rows, at about the step `total`."""
    every = estimator.config.save_checkpoints_steps
    state = WorkerState(
        input_fn, estimator.config, min(_STATE_STEPS, max(1, every // task.workers))
    )
    hooks = [Progress("training", total, shared=True), state, *hooks]
    if task.type == cluster.CHIEF:
        hooks.append(SaveWhenAllAreDone(state, save_steps=every))
    api = require_estimator()
    api.train_and_evaluate(
        estimator,
        api.TrainSpec(state.input_fn, state.max_steps, hooks),
        api.EvalSpec(
            test_input,
            steps=None,
            hooks=[Progress("evaluating", test_input.steps_per_epoch)],
            start_delay_secs=0,
            throttle_secs=eval_secs,
        ),
    )


def _serve(task: Task) -> None:
    addresses = json.loads(os.environ["TF_CONFIG"])["cluster"]
    server = tf.distribute.Server(
        {name: list(of_type) for name, of_type in addresses.items()},
        job_name=task.type,
        task_index=task.index,
    )
    server.join()
