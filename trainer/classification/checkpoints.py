"""Which checkpoint of a job counts, and how often one is saved."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sampling.estimator import install
from trainer.job_dir import trained
from trainer.training.best import Best

_BEST = "best"
_EVALUATIONS = 12  # of a training, where epochs are short


def config(flags: argparse.Namespace, steps_per_epoch: int, total_steps: int) -> Any:
    """The RunConfig: how often a checkpoint is saved, and evaluated where there is a best one."""
    # one takes about as long as 200 steps
    every = min(max(steps_per_epoch, 500), 10_000)
    if flags.best_metric:
        every = max(min(steps_per_epoch, 2_000), total_steps // _EVALUATIONS)
    return install().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=flags.checkpoint_steps or every,
        # seconds at hundreds of columns, for files that nothing reads; TensorBoard has its own
        checkpoint_save_graph_def=False,
    )


def chosen(flags: argparse.Namespace) -> str | None:
    """The path of the best checkpoint, or None for the last."""
    return trained.checkpoint(f"{flags.job_dir}/{_BEST}") if flags.best_metric else None


def latest(flags: argparse.Namespace) -> str:
    """The path of the checkpoint that counts."""
    return chosen(flags) or trained.checkpoint(flags.job_dir) or ""


def best(
    flags: argparse.Namespace,
    names: Mapping[str, str],
    steps_per_epoch: int,
    trained_steps: int,
    shown: tuple[str, ...],
) -> Best | None:
    """The exporter that keeps the best checkpoint, if a metric says which that is.

    Args:
        names: of metrics in results -> what they are called in an Estimator's.
        trained_steps: that the model has been trained for.
        shown: names of the metrics that are told, besides the one that says it.
    """
    metric = flags.best_metric
    if metric is None:
        return None

    def line(result: Mapping[str, Any]) -> str:
        told = "  ".join(
            f"{name} {float(result[names[name]]):.4f}" for name in dict.fromkeys((metric, *shown))
        )
        return f"epoch {result['global_step'] / steps_per_epoch:>3.4g}  {told}"

    return Best(f"{flags.job_dir}/{_BEST}", names[metric], line, trained_steps)
