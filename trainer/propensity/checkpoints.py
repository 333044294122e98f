"""The propensity job's Estimator, and which of its checkpoints counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.checkpoint.estimator import step_of
from sampling.estimator import install
from sampling.probabilities.platt import Calibration
from trainer.job_dir import trained
from trainer.propensity.model import classifier, metrics, warm_start
from trainer.propensity.model.classifier import Knowledge
from trainer.propensity.parameters import Parameters
from trainer.training.best import Best

_BEST = "best"
_EVALUATIONS = 12  # of a training, where epochs are short


def estimator(parameters: Parameters, steps_per_epoch: int = 1, total_steps: int = 1) -> Any:
    """What trains, evaluates, predicts and exports, with its checkpoints in the job_dir."""
    flags = parameters.flags
    # one takes about as long as 200 steps
    every = min(max(steps_per_epoch, 500), 10_000)
    if flags.best_metric:
        every = max(min(steps_per_epoch, 2_000), total_steps // _EVALUATIONS)
    config = install().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=flags.checkpoint_steps or every,
    )
    is_new = flags.mode == "train" and flags.warm_start_dir and not parameters.trained_steps
    start = warm_start.settings(flags) if is_new else None
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
        config=config,
        total_steps=total_steps,
        warm_start=start,
    )


def latest(parameters: Parameters) -> str:
    """The path of the checkpoint that counts."""
    return checkpoint(parameters) or trained.checkpoint(parameters.flags.job_dir) or ""


def _calibration(parameters: Parameters) -> Calibration | None:
    """None, too, if it is of another checkpoint."""
    if parameters.calibration is None or step_of(latest(parameters)) != parameters.calibrated_step:
        return None
    return parameters.calibration


def best(parameters: Parameters, steps_per_epoch: int) -> Best | None:
    """The exporter that keeps the best checkpoint, if a metric says which that is."""
    metric = parameters.flags.best_metric
    if metric is None:
        return None

    def line(result: Mapping[str, Any]) -> str:
        measured = metrics.plain(result)
        shown = "  ".join(
            f"{name} {measured[name]:.4f}" for name in dict.fromkeys((metric, "log_loss", "auc"))
        )
        return f"epoch {result['global_step'] / steps_per_epoch:>3.4g}  {shown}"

    directory = f"{parameters.flags.job_dir}/{_BEST}"
    return Best(directory, metrics.NAMES[metric], line, parameters.trained_steps)


def checkpoint(parameters: Parameters) -> str | None:
    """The best one, or None for the last."""
    flags = parameters.flags
    return trained.checkpoint(f"{flags.job_dir}/{_BEST}") if flags.best_metric else None
