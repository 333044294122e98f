"""A head whose outputs are calibrated by a slope and an intercept: see `platt.fit`.

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

# What says so in predictions and in signatures, [batch, 2]: the slope that a logit was multiplied
# with, and the intercept that was added then.
CALIBRATION = "calibration"


def calibrated_head(head: Any, calibration: Calibration) -> Any:
    """A head of two classes like the one given, whose outputs are calibrated.

    Training goes on without. Metrics of an evaluation, predictions and signatures are of the
    calibrated logits, and have one output more, `calibration`, float32 [batch, 2].

    Args:
        head: a tf.estimator.BinaryClassHead; it is left as it was.
        calibration: of the logits that the head is given.

    Returns:
        A tf.estimator.Head.

    Raises:
        SamplingError: the head is calibrated or corrects already, or has more than one logit.
    """
    for name, done in {CALIBRATION: "calibrated", CORRECTION: "corrected for its prior"}.items():
        if getattr(head, name, None) is not None:
            raise SamplingError(
                f"the head is {done} already, expected one that is not; calibrate once, first"
            )
    if head.logits_dimension != 1:
        raise SamplingError(
            f"the head has {head.logits_dimension} logits, expected 1; a slope and an intercept "
            "calibrate two classes"
        )
    slope, intercept = both = tf.constant(
        [calibration.slope, calibration.intercept], tf.float32
    ).numpy()

    return changed_head(head, lambda logits: logits * slope + intercept, {CALIBRATION: both})
