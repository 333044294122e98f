"""A temperature and a bias for each class, for a trained model, fitted on dev_dir."""

from __future__ import annotations

from typing import Any

import numpy as np

from sampling.checkpoint.estimator import step_of
from sampling.errors import SamplingError
from sampling.probabilities import temperature
from trainer.classes import metrics, model
from trainer.classes.options import AUTO
from trainer.classes.parameters import ClassesParameters
from trainer.classification import checkpoints, collected


def calibrated(parameters: ClassesParameters, dev_input: Any) -> ClassesParameters:
    """The parameters with a calibration of the checkpoint that counts, if there is to be one.

    Args:
        parameters: of a model without.
        dev_input: rows that were not learned from.
    """
    flags, classes = parameters.flags, parameters.schema.classes
    parameters = parameters._replace(calibration=None, calibrated_step=0)
    if flags.calibrate != AUTO or not flags.dev_dir:
        return parameters
    path, estimator = checkpoints.latest(flags), model.estimator(parameters)
    logits, labels, weights = collected.evaluated(estimator, dev_input, path)
    try:
        found = temperature.fit(metrics.of_classes(logits), labels, weights)
    except SamplingError as error:
        print(f"not calibrated: dev_dir: {error}", flush=True)
        return parameters
    counts = np.bincount(labels[weights > 0], minlength=len(classes))
    few = [name for name, count in zip(classes, counts, strict=True) if count < temperature.ENOUGH]
    print(f"calibrated on dev_dir ({found.rows:,} rows): {found.told(classes)}", flush=True)
    if few:
        print(
            f"classes of fewer than {temperature.ENOUGH} rows in dev_dir share one bias: "
            f"{', '.join(few)}",
            flush=True,
        )
    return parameters._replace(calibration=found, calibrated_step=step_of(path))
