"""An Estimator's head that puts out probabilities of the files, whatever it was trained on.

    head = corrected_head(tf.estimator.BinaryClassHead(weight_column="weight"), train.prior())
    estimator = tf.estimator.DNNEstimator(head, [64, 32], columns)

Training goes on in the prior of the sample. In evaluations, predictions and exports a constant is
added to the logits: see `calibration.adjust_logits`. `calibrated_head` does the same with a slope
and an intercept that were fitted on other rows: see `platt.fit`. Of both, the inner one is that:

    head = corrected_head(calibrated_head(head, calibration), train.prior())
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError
from sampling.estimator.forwarding import require_estimator
from sampling.probabilities.calibration import Prior
from sampling.probabilities.platt import Calibration

# What says so in predictions and in signatures: [batch, logits], what was added to each logit.
CORRECTION = "prior_correction"
# [batch, 2]: the slope that each logit was multiplied with, and the intercept added then.
CALIBRATION = "calibration"


def corrected_head(head: Any, prior: Prior) -> Any:
    """A head like the one given, whose outputs are corrected for the prior it is trained in.

    Metrics of an evaluation, predictions and signatures are all of the corrected logits. They have
    one output more, `prior_correction`, float32 [batch, logits], which is what was added.

    Args:
        head: a tf.estimator.BinaryClassHead, MultiClassHead, or another one of logits; it is left
            as it was.
        prior: of what the model is trained on, from `input_fn.prior()`.

    Returns:
        A tf.estimator.Head, for DNNEstimator, LinearEstimator, DNNLinearCombinedEstimator, or a
        model_fn of one's own.

    Raises:
        SamplingError: the head corrects already, there is nothing to correct, or prior has another
            number of classes than the head.
    """
    if getattr(head, CORRECTION, None) is not None:
        raise SamplingError(
            "the head corrects its outputs already, expected one that does not; "
            "correct once, with the prior of the training's input function"
        )
    offset = tf.constant(_per_logit(head, prior), tf.float32).numpy()
    return _adjusted(
        head,
        lambda logits: logits + offset,
        lambda logits: {CORRECTION: tf.zeros_like(logits) + offset},
        {CORRECTION: offset},
    )


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
    both = tf.constant([calibration.slope, calibration.intercept], tf.float32).numpy()
    return _adjusted(
        head,
        lambda logits: logits * both[0] + both[1],
        lambda logits: {CALIBRATION: tf.zeros_like(logits) + both},
        {CALIBRATION: both},
    )


def _adjusted(
    head: Any,
    adjust: Callable[[Any], Any],
    told: Callable[[Any], dict[str, Any]],
    attributes: Mapping[str, Any],
) -> Any:
    """A head that hands everything on to `head`, with logits adjusted where nothing is learned."""
    api = require_estimator()

    class AdjustedHead(api.Head):  # type: ignore[name-defined]
        """Hands everything on to `head`, the logits adjusted."""

        name = property(lambda self: head.name)
        logits_dimension = property(lambda self: head.logits_dimension)
        loss_reduction = property(lambda self: head.loss_reduction)

        def loss(self, *arguments: Any, **options: Any) -> Any:
            return head.loss(*arguments, **options)

        def predictions(self, logits: Any, keys: Any = None) -> Any:
            return head.predictions(adjust(logits), keys)

        def metrics(self, regularization_losses: Any = None) -> Any:
            return head.metrics(regularization_losses)

        def update_metrics(
            self, eval_metrics: Any, features: Any, logits: Any, labels: Any, *rest: Any
        ) -> Any:
            return head.update_metrics(eval_metrics, features, adjust(logits), labels, *rest)

        def create_estimator_spec(
            self, features: Any, mode: str, logits: Any, *arguments: Any, **options: Any
        ) -> Any:
            if mode == api.ModeKeys.TRAIN:
                return head.create_estimator_spec(features, mode, logits, *arguments, **options)
            adjusted = adjust(logits)
            spec = head.create_estimator_spec(features, mode, adjusted, *arguments, **options)
            return _told(api, spec, told(logits))

    made = AdjustedHead()
    for name in (CORRECTION, CALIBRATION):
        setattr(made, name, attributes.get(name, getattr(head, name, None)))
    return made


def _per_logit(head: Any, prior: Prior) -> Any:
    """What is to be added to each of the head's logits."""
    prior.check_needed()
    classes = len(prior.files)
    if head.logits_dimension != (1 if classes == 2 else classes):
        raise SamplingError(
            f"the head has {head.logits_dimension} logits and the prior {classes} classes, "
            "expected 1 logit for two classes or one for each of more; fix one"
        )
    return prior.offset


def _told(api: Any, spec: Any, more: Mapping[str, tf.Tensor]) -> Any:
    """The spec with what was done among its predictions and outputs."""
    outputs = {
        key: api.export.PredictOutput({**output.outputs, **more})
        if isinstance(output, api.export.PredictOutput)
        else output
        for key, output in (spec.export_outputs or {}).items()
    }
    return spec._replace(predictions={**spec.predictions, **more}, export_outputs=outputs or None)
