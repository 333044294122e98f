"""Heads of Estimators that know the prior: of what is trained on, and of the files.

    head = starting_head(tf.estimator.BinaryClassHead(weight_column="weight"), train.prior())
    head = corrected_head(head, train.prior())
    estimator = tf.estimator.DNNEstimator(head, [64, 32], columns)

The first begins training where a model without features would end. The second puts out
probabilities of the files, whatever it was trained on. Training goes on in the prior of the sample.
In evaluations, predictions and exports a constant is added to the logits, see
`calibration.adjust_logits`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.probabilities.calibration import Prior, log_odds

# What says so in predictions and in signatures: [batch, logits], what was added to each logit.
CORRECTION = "prior_correction"


def starting_head(head: Any, prior: Prior) -> Any:
    """A head like the one given, with the log-odds of the stream's prior added to all logits.

    A model whose last layer begins at 0 predicts 0.5 at first, and spends its first steps on
    learning how rare a class is. This one predicts the prior. The constant is part of the model: in
    training, evaluations, predictions and exports alike.

    Args:
        head: a tf.estimator.BinaryClassHead, MultiClassHead, or another one of logits, not yet
            corrected; it is left as it was.
        prior: of what the model is trained on, from `input_fn.prior()`; the same for each start of
            the same model.

    Returns:
        A tf.estimator.Head.

    Raises:
        SamplingError: the head corrects its outputs, or prior has another number of classes.
    """
    if getattr(head, CORRECTION, None) is not None:
        raise SamplingError(
            "the head corrects its outputs already, expected one that does not; "
            "correct the head that starting_head returns"
        )
    _check_classes(head, prior)
    start = log_odds(prior.stream).astype("float32")

    return changed_head(head, lambda logits: logits + start, in_training=True)


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

    return changed_head(head, lambda logits: logits + offset, {CORRECTION: offset})


def changed_head(
    head: Any,
    change: Callable[[Any], Any],
    tells: Mapping[str, np.ndarray] | None = None,
    in_training: bool = False,
) -> Any:
    """A head like the one given, that gets changed logits.

    Args:
        head: a tf.estimator.Head of logits; it is left as it was.
        change: logits, float32 [batch, logits] -> as many.
        tells: constants [logits or more] that predictions and signatures have too, for each row, by
            name; the head has an attribute of that name.
        in_training: whether the loss is of the changed logits, too.

    Returns:
        A tf.estimator.Head.
    """
    api, constants = install(), dict(tells or {})

    class ChangedHead(api.Head):  # type: ignore[name-defined]
        """Hands everything on to `head`, with the logits changed."""

        name = property(lambda self: head.name)
        logits_dimension = property(lambda self: head.logits_dimension)
        loss_reduction = property(lambda self: head.loss_reduction)

        def metrics(self, regularization_losses: Any = None) -> Any:
            return head.metrics(regularization_losses)

        def loss(self, labels: Any, logits: Any, *rest: Any, **options: Any) -> Any:
            return head.loss(labels, change(logits) if in_training else logits, *rest, **options)

        def predictions(self, logits: Any, keys: Any = None) -> Any:
            return head.predictions(change(logits), keys)

        def update_metrics(
            self, eval_metrics: Any, features: Any, logits: Any, labels: Any, *rest: Any
        ) -> Any:
            return head.update_metrics(eval_metrics, features, change(logits), labels, *rest)

        def create_estimator_spec(
            self, features: Any, mode: str, logits: Any, *arguments: Any, **options: Any
        ) -> Any:
            is_changed = in_training or mode != api.ModeKeys.TRAIN
            given = change(logits) if is_changed else logits
            spec = head.create_estimator_spec(features, mode, given, *arguments, **options)
            if not constants or not is_changed:
                return spec
            zeros = tf.zeros_like(logits[..., :1])
            return _told(api, spec, {name: zeros + each for name, each in constants.items()})

    made = ChangedHead()
    for name, constant in constants.items():
        setattr(made, name, constant)
    return made


def _per_logit(head: Any, prior: Prior) -> Any:
    """What is to be added to each of the head's logits."""
    prior.check_needed()
    _check_classes(head, prior)
    return prior.offset


def _check_classes(head: Any, prior: Prior) -> None:
    classes = len(prior.files)
    if head.logits_dimension != (1 if classes == 2 else classes):
        raise SamplingError(
            f"the head has {head.logits_dimension} logits and the prior {classes} classes, "
            "expected 1 logit for two classes or one for each of more; fix one"
        )


def _told(api: Any, spec: Any, more: Mapping[str, tf.Tensor]) -> Any:
    """The spec with what was done to logits among its predictions and outputs."""
    outputs = {
        key: api.export.PredictOutput({**output.outputs, **more})
        if isinstance(output, api.export.PredictOutput)
        else output
        for key, output in (spec.export_outputs or {}).items()
    }
    return spec._replace(predictions={**spec.predictions, **more}, export_outputs=outputs or None)
