"""The optimizers that Estimators train with, and how their rates fall."""

from __future__ import annotations

from typing import Any

from sampling.estimator import legacy_keras
from trainer.training.decay import schedule

_OPTIMIZERS = {
    "adam": ("Adam", 0.003),
    "adagrad": ("Adagrad", 0.1),
    "ftrl": ("Ftrl", 0.2),
    "rmsprop": ("RMSprop", 0.001),
    "sgd": ("SGD", 0.01),
}
WIDE_DEEP_RATE = 0.002  # of adam


def legacy(name: str, rate: float | None, decay: str, total_steps: int) -> Any:
    """A legacy optimizer of Keras; canned estimators take no other.

    Args:
        name: adam, adagrad, ftrl, rmsprop or sgd.
        rate: at the start; None: as is usual.
        decay: cosine, linear or none.
        total_steps: where the rate reaches 0.
    """
    class_name, usual = _OPTIMIZERS[name]
    # Upweighted rows make for big steps. With a constant rate the last of them decide on the
    # mean prediction: it was off by 8 % where it is off by 1 % with a rate that falls. FTRL's
    # weights are a function of the rate, and are 0 when it is.
    falling = schedule(rate or usual, "none" if name == "ftrl" else decay, total_steps)
    return getattr(legacy_keras().optimizers.legacy, class_name)(falling)
