"""What `--multiplier=auto` and `--num_epochs=auto` come to, once the rows are counted."""

from __future__ import annotations

import argparse
import math
from typing import Any

from trainer.propensity import inputs
from trainer.propensity.options import AUTO
from trainer.propensity.parameters import Parameters

RARE = 0.05  # share of positives from which on an epoch is all rows
_READ = 0.15  # share of the rows in an epoch of rarer ones
_ROWS = 20_000  # in an epoch where positives are few
_LEAST = 2.0  # negatives for each positive
STEPS, _EPOCHS = 3_000, 2  # that a training has at least


def settled(parameters: Parameters) -> Parameters:
    """The parameters with numbers for what is to be found out.

    They are a function of the files and of the other flags: every process finds the same, and so
    does a training that goes on.

    Raises:
        SamplingError: files are missing, or not as the schema says.
    """
    flags = vars(parameters.flags)
    if AUTO not in (flags["multiplier"], flags["num_epochs"]):
        return parameters
    counted = inputs.training(parameters, multiplier=1.0, num_epochs=1)
    sizes: dict[str, Any] = {
        "positive_size": counted.positive_size,
        "negative_size": counted.negative_size,
    }
    found: dict[str, Any] = {}
    if flags["multiplier"] == AUTO:
        found["multiplier"] = multiplier(**sizes)
    if flags["num_epochs"] == AUTO:
        epoch = inputs.training(parameters, **{**sizes, **found, "num_epochs": 1})
        found["num_epochs"] = max(_EPOCHS, math.ceil(STEPS / epoch.steps_per_epoch))
    return parameters._replace(flags=argparse.Namespace(**{**flags, **found}))


def multiplier(positive_size: int, negative_size: int) -> float | str:
    """Negatives for each positive: as few as cost nothing measurable.

    Each epoch has others, so few do for a training. With few positives an epoch is short whatever
    it has, and more negatives make its steps steadier.
    """
    share = positive_size / (positive_size + negative_size)
    if share >= RARE:
        return "natural"
    most = _READ / share - 1
    wanted = max(_LEAST, min(most, _ROWS / positive_size))
    return math.floor(10 * wanted + 1e-6) / 10
