"""How a learning rate falls over the steps of a training."""

from __future__ import annotations

from typing import Any

from sampling.estimator import legacy_keras


def schedule(rate: float, decay: str, total_steps: int) -> Any:
    """A rate, or a function of the step.

    Args:
        rate: at the start.
        decay: cosine, linear or none.
        total_steps: where the rate reaches 0.
    """
    if decay == "none":
        return rate
    schedules = legacy_keras().optimizers.schedules
    if decay == "linear":
        return schedules.PolynomialDecay(rate, total_steps, end_learning_rate=0.0)
    return schedules.CosineDecay(rate, total_steps)
