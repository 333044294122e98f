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
from sampling.estimator.forwarding import require_estimator
from sampling.estimator.head import CORRECTION, Handing, told
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
    api = require_estimator()
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

    class CalibratedHead(Handing, api.Head):  # type: ignore[name-defined]
        """Hands everything on to `head`, the logits calibrated."""

        calibration = both

        def __init__(self) -> None:
            self._head = head

        def loss(self, *arguments: Any, **options: Any) -> Any:
            return head.loss(*arguments, **options)

        def predictions(self, logits: Any, keys: Any = None) -> Any:
            return head.predictions(logits * slope + intercept, keys)

        def update_metrics(
            self, eval_metrics: Any, features: Any, logits: Any, labels: Any, *rest: Any
        ) -> Any:
            calibrated = logits * slope + intercept
            return head.update_metrics(eval_metrics, features, calibrated, labels, *rest)

        def create_estimator_spec(
            self, features: Any, mode: str, logits: Any, *arguments: Any, **options: Any
        ) -> Any:
            if mode == api.ModeKeys.TRAIN:
                return head.create_estimator_spec(features, mode, logits, *arguments, **options)
            calibrated = logits * slope + intercept
            spec = head.create_estimator_spec(features, mode, calibrated, *arguments, **options)
            return told(api, spec, {CALIBRATION: tf.zeros_like(logits) + both})

    return CalibratedHead()
