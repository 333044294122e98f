"""What the job of many classes does in each mode; its flags are in options.py."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from sampling.estimator import install
from sampling.input_fn.cluster import Task
from trainer.classes.evaluate import evaluate
from trainer.classes.parameters import Parameters
from trainer.classes.predict import predict
from trainer.classes.train import ClassesTraining
from trainer.distributed import member
from trainer.training import quiet


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says.

    Args:
        given: the flags that were given; the others have their defaults, or what the job_dir says.

    Raises:
        SamplingError: flags are missing or do not go together, or files can't be read as they say.
    """
    quiet.quieten_tensorflow()
    install()
    task = member.enter() if given.mode == "train" else Task()
    modes: dict[str, Callable[[Parameters], None]] = {
        "train": lambda parameters: ClassesTraining(parameters, task).run(),
        "evaluate": evaluate,
        "predict": predict,
    }
    with quiet.plain_errors(given.job_dir):
        modes[given.mode](Parameters.resolve(vars(given)))
