"""A head whose outputs are calibrated: see `platt.fit`, and `temperature.fit` for many classes.

    head = calibrated_head(tf.estimator.BinaryClassHead(weight_column="weight"), calibration)
    head = corrected_head(starting_head(head, train.prior()), train.prior())

Logits are started and corrected first, then calibrated, because the outermost head changes them
first.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError
from sampling.estimator.head import CORRECTION, changed_head
from sampling.probabilities.platt import Calibration
from sampling.probabilities.temperature import ClassCalibration

# What says so in predictions and in signatures, [batch, 1 + logits]: the slope that all logits were
# multiplied with, and what was added to each of them then.
CALIBRATION = "calibration"


def calibrated_head(head: Any, calibration: Calibration | ClassCalibration) -> Any:
    """A head like the one given, whose outputs are calibrated.

    Training goes on without. Metrics of an evaluation, predictions and signatures are of the
    calibrated logits, and have one output more, `calibration`, float32 [batch, 1 + logits].

    Args:
        head: a tf.estimator.BinaryClassHead or MultiClassHead; it is left as it was.
        calibration: of the logits that the head is given.

    Returns:
        A tf.estimator.Head.

    Raises:
        SamplingError: the head is calibrated or corrects already, or has other logits.
    """
    for name, done in {CALIBRATION: "calibrated", CORRECTION: "corrected for its prior"}.items():
        if getattr(head, name, None) is not None:
            raise SamplingError(
                f"the head is {done} already, expected one that is not; calibrate once, first"
            )
    constants = tf.constant(calibration.constants, tf.float32).numpy()
    if head.logits_dimension != len(constants) - 1:
        raise SamplingError(
            f"the head has {head.logits_dimension} logits, expected {len(constants) - 1}, as the "
            "calibration is of; a slope and an intercept calibrate two classes, a temperature and "
            "biases any number"
        )

    def change(logits: Any) -> Any:
        return logits * constants[0] + constants[1:]

    return changed_head(head, change, {CALIBRATION: constants})
