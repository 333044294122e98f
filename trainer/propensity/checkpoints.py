"""The propensity job's Estimator, and which of its checkpoints counts."""

from __future__ import annotations

from typing import Any

from sampling.checkpoint.estimator import step_of
from sampling.probabilities.platt import Calibration
from trainer.classification import checkpoints
from trainer.propensity.model import classifier, metrics, warm_start
from trainer.propensity.model.classifier import Knowledge
from trainer.propensity.parameters import Parameters
from trainer.training.best import Best


def estimator(parameters: Parameters, steps_per_epoch: int = 1, total_steps: int = 1) -> Any:
    """What trains, evaluates, predicts and exports, with its checkpoints in the job_dir."""
    flags = parameters.flags
    is_new = flags.mode == "train" and flags.warm_start_dir and not parameters.trained_steps
    return classifier.build(
        flags,
        parameters.input_schema,
        Knowledge(
            scales=parameters.scales or {},
            columns=parameters.columns,
            rows_per_epoch=steps_per_epoch * flags.batch_size,
            baseline=parameters.baseline,
        ),
        threshold=parameters.threshold,
        start=parameters.start,
        correction=parameters.correction,
        calibration=_calibration(parameters),
        config=checkpoints.config(flags, steps_per_epoch, total_steps),
        total_steps=total_steps,
        warm_start=warm_start.settings(flags) if is_new else None,
    )


def latest(parameters: Parameters) -> str:
    """The path of the checkpoint that counts."""
    return checkpoints.latest(parameters.flags)


def _calibration(parameters: Parameters) -> Calibration | None:
    """None, too, if it is of another checkpoint."""
    if parameters.calibration is None or step_of(latest(parameters)) != parameters.calibrated_step:
        return None
    return parameters.calibration


def best(parameters: Parameters, steps_per_epoch: int) -> Best | None:
    """The exporter that keeps the best checkpoint, if a metric says which that is."""
    steps, shown = parameters.trained_steps, ("log_loss", "auc")
    return checkpoints.best(parameters.flags, metrics.NAMES, steps_per_epoch, steps, shown)


def checkpoint(parameters: Parameters) -> str | None:
    """The best one, or None for the last."""
    return checkpoints.chosen(parameters.flags)
