"""Going on after a stop, for Estimators: where the input is, kept beside each checkpoint.

    listener = InputStateListener(input_fn, estimator.model_dir)
    resume(input_fn, estimator.model_dir)  # nothing to do the first time
    estimator.train(input_fn, max_steps=10_000, saving_listeners=[listener])

The state is a function of the rows *trained on*, not of those read, which are ahead. It is a file
of less than 1 KB for each checkpoint, written before the checkpoint is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from sampling import files
from sampling.checkpoint.exchange import StateExchange
from sampling.errors import SamplingError
from sampling.input_fn import cluster
from sampling.input_fn.input_fn import InputFn

_STATE_FILE = re.compile(r"input-state-(\d+)(-\d+-of-\d+)?\.json")
_CHECKPOINT_FILE = re.compile(r".*-(\d+)\.index")


class InputStateListener(tf.compat.v1.train.CheckpointSaverListener):
    """For `saving_listeners`: writes the input's state before each checkpoint is written.

    A checkpoint is never without its state, whenever the process is killed; states of checkpoints
    that were removed are removed. One listener does for any number of trainings by the same input
    function, one after the other.

    With MirroredStrategy it is the same. With MultiWorkerMirroredStrategy Estimators take no
    listeners; use `sampling.checkpoint.in_step.SaveInStep`.

    Args:
        input_fn: what is trained on, itself or called by a function of your own.
        model_dir: the Estimator's.

    Raises (while training):
        SamplingError: another input is trained on, or workers do not train in step.
    """

    def __init__(self, input_fn: InputFn, model_dir: str):
        self._input_fn, self._model_dir = input_fn, model_dir
        self._first_step: int | None = None
        self._state_after: Callable[[int], dict[str, Any]]

    def begin(self) -> None:
        """Called after the input function, so that its latest call is the one trained on."""
        self._state_after = self._input_fn.state_by_batches()
        state = self._state_after(0)
        self._worker, number, in_step, self._batches_per_step = state["worker"]
        if number > 1 and not in_step:
            raise SamplingError(
                f"found {number} workers that do not train in step, expected "
                "MultiWorkerMirroredStrategy or one process; pass the hook WorkerState instead"
            )
        self._exchange = StateExchange(state, tf.distribute.get_strategy())
        self._first_step = None

    def before_save(self, session: Any, global_step_value: int) -> None:
        step = int(global_step_value)
        if self._first_step is None:  # a saver hook saves once before the first step
            self._first_step = step
        state = self._state_after((step - self._first_step) * self._batches_per_step)
        states = self._exchange(state, session)
        if self._worker == 0:
            for worker, each in enumerate(states):
                path = checkpoint_state_path(self._model_dir, step, worker, len(states))
                write_state(path, each)

    def after_save(self, session: Any, global_step_value: int) -> None:
        if self._worker == 0:
            _remove_stale_states(self._model_dir, int(global_step_value))


def resume(input_fn: InputFn, model_dir: str) -> int:
    """Lets the input function's next calls go on where the latest checkpoint was taken.

    Restoring reads the round that each class is in, however far in. A call starts where it was
    restored to, so resume before each training. Without a checkpoint nothing happens. Of several
    workers, as TF_CONFIG has them, each goes on in its own rows.

    Args:
        input_fn: with the seed, schema, arguments and files it had then.
        model_dir: the Estimator's.

    Returns:
        The checkpoint's global step; 0 without one.

    Raises:
        SamplingError: the checkpoint has no state, or it can't be read, or was made by another
            input function: what differs is named.
    """
    checkpoint = tf.train.latest_checkpoint(model_dir)
    if checkpoint is None:
        return 0
    step = step_of(checkpoint)
    shard = cluster.task().shard
    path = checkpoint_state_path(model_dir, step, shard.index, shard.number)
    if not tf.io.gfile.exists(path):
        raise SamplingError(
            f"{checkpoint} has no state of the input, expected it in {path}; train with as many "
            "workers as then, and with saving_listeners=[InputStateListener(...)] or, of several "
            "workers, hooks=[SaveInStep(...)]; and with this one without resuming"
        )
    restore(input_fn, path)
    return step


def restore(input_fn: InputFn, path: str) -> dict[str, Any]:
    """Restores the state in a file, which is returned.

    Raises:
        SamplingError: it can't be read, or is of another input function: the file is named.
    """
    state: dict[str, Any] = read_state(path)
    try:
        input_fn.restore(state)
    except ValueError as error:
        raise SamplingError(f"{path}: {error}") from None
    return state


def checkpoint_state_path(model_dir: str, step: int, worker: int, workers: int) -> str:
    """Where the state for a checkpoint is; of several workers, each one's own."""
    if workers > 1:
        return worker_state_path(model_dir, step, worker, workers)
    return os.path.join(model_dir, f"input-state-{step}.json")


def worker_state_path(model_dir: str, step: int, worker: int, workers: int) -> str:
    return os.path.join(model_dir, f"input-state-{step}-{worker}-of-{workers}.json")


def write_state(path: str, state: Mapping[str, Any]) -> None:
    """The file is there when it is complete, not before."""
    files.replace(path, json.dumps(state))


def read_state(path: str) -> Any:
    """What `write_state` wrote.

    Raises:
        SamplingError: it can't be read, or is no JSON.
    """
    text = files.read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SamplingError(
            f"{path}: found {len(text):,} characters that are no JSON ({error}), expected a state "
            "of the input; restore the file from a copy, or train without resuming"
        ) from None


def _remove_stale_states(model_dir: str, step: int) -> None:
    """Removes states from before this step whose checkpoints are no more, or never came to be."""
    names = tf.io.gfile.listdir(model_dir)
    kept = {match[1] for name in names if (match := _CHECKPOINT_FILE.fullmatch(name))}
    for name in names:
        match = _STATE_FILE.fullmatch(name)
        if match and match[1] not in kept and int(match[1]) < step:
            tf.io.gfile.remove(os.path.join(model_dir, name))


def step_of(checkpoint: str) -> int:
    """The number in a checkpoint's name: "output/model.ckpt-120" -> 120"""
    match = re.fullmatch(r".*-(\d+)", checkpoint)
    if match is None:
        raise SamplingError(
            f"{checkpoint} has no step in its name, expected one as in model.ckpt-120; "
            "let the Estimator save it"
        )
    return int(match[1])
