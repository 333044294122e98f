"""A slope and an intercept for the outputs of a trained model, fitted on dev_dir.

The level is drawn towards that of the training rows, of which there are many more. A model does not
meet even these: the last steps leave a shift, and dropout, whose noise makes rare things likelier,
is there in training alone. A mean prediction 8 % too low was found, of 2,400 positives in training.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sampling.checkpoint.estimator import step_of
from sampling.errors import SamplingError
from sampling.probabilities import platt
from trainer.classification import collected
from trainer.propensity import checkpoints, inputs
from trainer.propensity.options import AUTO
from trainer.propensity.parameters import Parameters

ENOUGH = 50  # rows of each class
_ROWS = 200_000  # of those trained on


def calibrated(parameters: Parameters, dev_input: Any) -> Parameters:
    """The parameters with a calibration of the checkpoint that counts, if there is to be one.

    Args:
        parameters: of a model without.
        dev_input: rows that were not learned from.
    """
    flags = parameters.flags
    parameters = parameters._replace(calibration=None, calibrated_step=0)
    if flags.calibrate != AUTO or not flags.dev_dir:
        return parameters
    path = checkpoints.latest(parameters)
    estimator = checkpoints.estimator(parameters)
    logits, labels, weights = collected.evaluated(estimator, dev_input, path)
    classes = np.bincount(labels[weights > 0].astype(np.int64), minlength=2)
    if min(classes) < ENOUGH:
        print(
            f"not calibrated: dev_dir has {classes[1]:,} positives and {classes[0]:,} negatives, "
            f"expected at least {ENOUGH} of each"
        )
        return parameters
    try:
        level = platt.level_of(*collected.evaluated(estimator, _trained_on(parameters), path))
        found = platt.fit(logits, labels, weights, level)
    except SamplingError as error:
        print(f"not calibrated: {error}")
        return parameters
    print(f"calibrated on dev_dir ({found.positives:,} positives): {found}", flush=True)
    return parameters._replace(calibration=found, calibrated_step=step_of(path))


def _trained_on(parameters: Parameters) -> Any:
    """The training rows as the files have them; of very many, fewer negatives that weigh more."""
    usual: dict[str, Any] = {"epoch": "minority", "positive_weight": 1.0, "num_epochs": 1}
    usual |= {"normalize_weights": False, "batch_size": inputs.TEST_BATCH}
    rows = inputs.training(parameters, **usual, multiplier="natural", weight=1.0)
    if rows.rows_per_epoch <= _ROWS:
        return rows
    positives = rows.positive_size or 1
    multiplier = max(1.0, _ROWS / positives - 1)
    return inputs.training(parameters, **usual, multiplier=multiplier, weight="auto")
