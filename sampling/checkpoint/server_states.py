"""The files by which workers that do not wait for each other go on after a stop.

    input-state-run.json              which run of the cluster this is; the chief begins it
    input-state-STEP-1-of-3.json      where the input of worker 1 of 3 was, at that global step or
                                      before; no checkpoint of that step or a later one lacks what
                                      it has learned from the rows before

The chief discards what is later than the checkpoint that it begins with, and only then can it be
connected to. So the latest state of a worker that has seen the chief is the one to go on with.
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import time
import uuid
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from sampling.checkpoint.estimator import read_state, step_of, worker_state_path, write_state
from sampling.errors import SamplingError
from sampling.input_fn.cluster import CHIEF, MASTER

_RUN = "input-state-run.json"
_STATE = re.compile(r"input-state-(\d+)-(\d+)-of-(\d+)\.json")
_POLL_SECS = 0.5
_WAIT_SECS = 600.0


@dataclasses.dataclass(frozen=True)
class Run:
    """A cluster's training from one start of the chief to the next.

    Args:
        key: no other run has it.
        step: of the checkpoint that it began with; 0 without one.
        workers: that train, the chief included.
    """

    key: str
    step: int
    workers: int


def begin(model_dir: str, workers: int) -> Run:
    """For the chief, before its server starts: a run that goes on from the latest checkpoint.

    Raises:
        SamplingError: the checkpoint is not of a run of so many workers.
    """
    checkpoint = tf.train.latest_checkpoint(model_dir)
    step = step_of(checkpoint) if checkpoint else 0
    if step:
        _check(current(model_dir), f"{checkpoint} was trained", workers)
    if tf.io.gfile.isdir(model_dir):
        for name in tf.io.gfile.listdir(model_dir):
            match = _STATE.fullmatch(name)
            if match and (int(match[1]) > step or not step):
                tf.io.gfile.remove(os.path.join(model_dir, name))
    run = Run(uuid.uuid4().hex, step, workers)
    write_state(os.path.join(model_dir, _RUN), dataclasses.asdict(run))
    return run


def join(model_dir: str, workers: int, cluster_spec: Any) -> Run:
    """For the other workers: the run that the chief has begun.

    Raises:
        SamplingError: there is no chief for so long, or it has begun a run of other workers.
    """
    await_chief(cluster_spec)
    run = current(model_dir)
    _check(run, f"the chief trains in {model_dir}", workers)
    return run  # type: ignore[return-value]


def current(model_dir: str) -> Run | None:
    """What the chief has begun last.

    Raises:
        SamplingError: the file can't be read.
    """
    path = os.path.join(model_dir, _RUN)
    if not tf.io.gfile.exists(path):
        return None
    found = read_state(path)
    try:
        return Run(str(found["key"]), int(found["step"]), int(found["workers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SamplingError(
            f"{path}: found {found!r}, expected key, step and workers of a run ({error!r}); "
            "restore the file from a copy, or train in another directory"
        ) from None


def steps_of_states(model_dir: str, worker: int, workers: int) -> list[int]:
    """Of one worker's states, in order."""
    if not tf.io.gfile.isdir(model_dir):
        return []
    found = (_STATE.fullmatch(name) for name in tf.io.gfile.listdir(model_dir))
    own = (str(worker), str(workers))
    return sorted(int(match[1]) for match in found if match and match.groups()[1:] == own)


def needed(steps: Iterable[int], checkpoints: Iterable[int]) -> set[int]:
    """Which of a worker's states one may still go on with. For each checkpoint that is the latest
    that is not after it. All that are after them stay for a checkpoint that is being written."""
    steps, checkpoints = sorted(steps), sorted(checkpoints)
    kept = {step for step in steps if not checkpoints or step > checkpoints[-1]}
    for checkpoint in checkpoints:
        kept.update([step for step in steps if step <= checkpoint][-1:])
    return kept


def checkpoints(model_dir: str) -> list[int]:
    """The steps of those that are kept."""
    known = tf.train.get_checkpoint_state(model_dir)
    return [step_of(path) for path in known.all_model_checkpoint_paths] if known else []


def is_done(model_dir: str, worker: int, run: Run) -> bool:
    """Whether a worker has trained on all of its rows, in this run or before."""
    steps = steps_of_states(model_dir, worker, run.workers)
    try:
        path = worker_state_path(model_dir, steps[-1], worker, run.workers) if steps else ""
        state = read_state(path) if steps else {}
    except tf.errors.NotFoundError:  # a newer one has taken its place
        return False
    return bool(state.get("done")) and state.get("run") == run.key


def _check(run: Run | None, what: str, workers: int) -> None:
    if run is None:
        raise SamplingError(
            f"{what} without WorkerState, which would have kept where each worker's input was; "
            "go on as it was trained, or train in another directory"
        )
    if run.workers != workers:
        raise SamplingError(
            f"{what} by {run.workers} workers, this cluster has {workers}, and each goes on with "
            f"rows of its own; start {run.workers}, or train in another directory"
        )


def await_chief(cluster_spec: Any) -> None:
    """Until it can be connected to.

    Raises:
        SamplingError: it can't be for some minutes.
    """
    address = cluster_spec.task_address(CHIEF if CHIEF in cluster_spec.jobs else MASTER, 0)
    host, _, port = address.rpartition(":")
    until = time.monotonic() + _WAIT_SECS
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), 5.0).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise SamplingError(
                    f"found no chief at {address} for {_WAIT_SECS:g} seconds ({error}), expected "
                    "it to begin the training; start it, or fix TF_CONFIG"
                ) from None
        time.sleep(_POLL_SECS)
