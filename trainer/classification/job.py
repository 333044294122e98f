"""What a job of classification begins with: which model there is, and what is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from trainer.distributed import member
from trainer.job_dir import contents, restart, trained
from trainer.training import quiet
from trainer.training.every_job import refuse_other_mode

_Parameters = TypeVar("_Parameters")
_AUTO, _NO = "auto", "no"


def run(
    given: argparse.Namespace,
    resolve: Callable[[Mapping[str, Any]], _Parameters],
    modes: Mapping[str, Callable[[_Parameters, Task], None]],
) -> None:
    """Does what `mode` says.

    Args:
        given: the flags that were given.
        resolve: to these and the others, which have their defaults, or what the job_dir says.
        modes: what is done in each; of a cluster's processes each does its part of a training.

    Raises:
        SamplingError: flags are missing or do not go together, or files can't be read as they say.
    """
    quiet.quieten_tensorflow()
    install()
    task = member.enter() if given.mode == "train" else Task()
    with quiet.plain_errors(given.job_dir):
        modes[given.mode](resolve(vars(given)), task)


class Begun(NamedTuple):
    """The model in a job_dir.

    Args:
        stored: what its parameters.json says; None: there is none.
        steps: trained.
    """

    stored: dict[str, Any] | None
    steps: int


def begun(given: Mapping[str, Any]) -> Begun:
    """What there is to go on with, to evaluate or to predict with.

    Raises:
        SamplingError: there is nothing, and the mode is not train.
    """
    job_dir = given["job_dir"]
    checkpoint = None if restart.is_asked(given) else trained.checkpoint(job_dir)
    steps = trained.steps(checkpoint)
    if given["mode"] != "train" and not steps:
        raise SamplingError(
            f"found no trained model in {job_dir}; fix --job-dir, or run --mode=train first"
        )
    # of step 0 too, if it was stopped before the next one
    return Begun(contents.read_json(job_dir, contents.PARAMETERS) if checkpoint else None, steps)


def best_metric(values: Mapping[str, Any]) -> str | None:
    """The metric that says which checkpoint is best; None: none does."""
    metric: str | None = values["best_metric"]
    if metric == _AUTO:
        return "log_loss" if values["dev_dir"] and cluster.task().is_alone else None
    return None if metric == _NO else metric


def check_given(flags: argparse.Namespace) -> None:
    """Raises SamplingError if flags do not go together."""
    if flags.patience and not flags.best_metric:
        raise SamplingError(
            f"--patience={flags.patience} waits for a better metric, and --best_metric is "
            "missing, which names it; pass it"
        )
    for name in ("export_dir", "output"):
        refuse_other_mode(flags, name, "predict")


def warn(sentences: list[str]) -> None:
    """Says what speaks against the model, as the last thing that is said."""
    for sentence in sentences:
        print(f"warning: {sentence}", flush=True)
