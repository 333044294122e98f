"""A job whose directory holds a model: going on with it, or training from the beginning."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from sampling import InputFn
from sampling.checkpoint.estimator import resume
from sampling.errors import SamplingError
from trainer.job_dir import contents

# What jobs and Estimators write; "checkpoint" comes first: without it there is no model to go on
# with, should the moving be cut short.
_WRITTEN = (
    "checkpoint",
    "model.ckpt-*",
    "input-state-*",
    "events.out.tfevents.*",
    "eval",
    "best",
    "export",
    contents.PARAMETERS,
    contents.EVALUATION,
    contents.EVALUATIONS,
    contents.IMPORTANCE,
    contents.PREDICTIONS,
    contents.EASE,
    contents.RECOMMENDATIONS,
    contents.PARTIAL_PREDICTIONS,
    "users.txt",
    "items.txt",
    "known_pairs.npz",
)


def is_asked(given: Mapping[str, Any]) -> bool:
    """Whether --restart was given.

    Raises:
        SamplingError: the mode is not train.
    """
    if given.get("restart") and given["mode"] != "train":
        raise SamplingError(f"--restart goes with --mode=train, not {given['mode']}; leave it out")
    return bool(given.get("restart"))


def without(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags to keep for the next start, which goes on."""
    return {name: value for name, value in flags.items() if name != "restart"}


def resumed(input_fn: InputFn, flags: argparse.Namespace) -> int:
    """The steps trained, the input going on there; 0 with --restart, the old model set aside.

    Raises:
        SamplingError: the last checkpoint is of another input, or has no state of it.
    """
    if flags.restart:
        folder = set_aside(flags.job_dir)
        if folder:
            print(f"training from the beginning; what was there: {folder}", file=sys.stderr)
        return 0
    try:
        return resume(input_fn, flags.job_dir)
    except ValueError as error:
        raise SamplingError(
            f"{error}; or train from the beginning by --restart, which keeps the old model"
        ) from None


def set_aside(job_dir: str) -> str | None:
    """Moves what jobs have written there to a new folder in it, replaced-1, replaced-2, ...

    Nothing is lost: the folder is the directory of a job itself. Other files stay.

    Returns:
        The folder; None if there was nothing to move.
    """
    if not tf.io.gfile.isdir(job_dir):
        return None
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(job_dir)]
    moved = [name for pattern in _WRITTEN for name in fnmatch.filter(names, pattern)]
    if not moved:
        return None
    number = next(n for n in range(1, len(names) + 2) if f"replaced-{n}" not in names)
    folder = os.path.join(job_dir, f"replaced-{number}")
    tf.io.gfile.makedirs(folder)
    for name in moved:
        tf.io.gfile.rename(os.path.join(job_dir, name), os.path.join(folder, name))
    return folder
