"""A slope and an intercept for the outputs of a trained model, fitted on dev_dir."""

from __future__ import annotations

from typing import Any

import numpy as np

from sampling.checkpoint.estimator import step_of
from sampling.errors import SamplingError
from sampling.probabilities import platt
from trainer.classification import collected
from trainer.propensity import checkpoints
from trainer.propensity.options import AUTO
from trainer.propensity.parameters import Parameters
from trainer.training.hooks import StepProgress

ENOUGH = 50  # rows of each class


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
    rows = collected.Rows()
    checkpoints.estimator(parameters).evaluate(
        dev_input,
        hooks=[StepProgress("calibrating", dev_input.steps_per_epoch), rows],
        checkpoint_path=path,
        name="calibration",
    )
    labels, weights = rows.all(collected.LABELS), rows.all(collected.WEIGHTS)
    classes = np.bincount(labels[weights > 0].astype(np.int64), minlength=2)
    if min(classes) < ENOUGH:
        print(
            f"not calibrated: dev_dir has {classes[1]:,} positives and {classes[0]:,} negatives, "
            f"expected at least {ENOUGH} of each"
        )
        return parameters
    try:
        found = platt.fit(rows.all(collected.LOGITS), labels, weights)
    except SamplingError as error:
        print(f"not calibrated: {error}")
        return parameters
    print(f"calibrated on dev_dir ({found.positives:,} positives): {found}", flush=True)
    return parameters._replace(calibration=found, calibrated_step=step_of(path))
