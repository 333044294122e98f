"""The Estimator of the job of many classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sampling.checkpoint.estimator import step_of
from sampling.estimator import install
from sampling.estimator.calibrated import calibrated_head
from sampling.estimator.forwarding import forward_features
from sampling.estimator.head import corrected_head, starting_head
from sampling.probabilities.temperature import ClassCalibration
from sampling.schema import WEIGHT_FEATURE
from trainer.classes.metrics import add_metrics
from trainer.classes.parameters import ClassesParameters
from trainer.classification import checkpoints
from trainer.wide_deep import network, optimizer
from trainer.wide_deep.network import Network


def estimator(parameters: ClassesParameters, steps_per_epoch: int = 1, total_steps: int = 1) -> Any:
    """What trains, evaluates, predicts and exports, with its checkpoints in the job_dir.

    It has one logit for two classes, or one for each of more, as canned classifiers have.
    """
    flags, schema = parameters.flags, parameters.schema
    assert parameters.columns is not None and parameters.prior is not None
    head = _head(schema.classes)
    if (calibration := _calibration(parameters)) is not None:
        head = calibrated_head(head, calibration)
    head = starting_head(head, parameters.prior)
    if parameters.correction is not None:
        head = corrected_head(head, parameters.correction)
    made = network.estimator(
        head,
        Network(
            parameters.columns,
            flags.hidden_units,
            flags.dropout,
            steps_per_epoch * flags.batch_size,
            parameters.baseline,
            head.logits_dimension,
        ),
        optimizer=optimizer.legacy("adam", flags.learning_rate, flags.decay, total_steps),
        config=checkpoints.config(flags, steps_per_epoch, total_steps),
    )
    measured = add_metrics(made, len(schema.classes), schema.features_to_forward)
    return forward_features(measured, parameters.input_schema)


def _calibration(parameters: ClassesParameters) -> ClassCalibration | None:
    """None, too, if it is of another checkpoint."""
    found = parameters.calibration
    if found is None or step_of(checkpoints.latest(parameters.flags)) != parameters.calibrated_step:
        return None
    return found


def _head(classes: Sequence[str]) -> Any:
    """A head of labels that are places, whose predictions have the classes' names."""
    canned = install()
    is_of_two = len(classes) == 2

    class Head(canned.BinaryClassHead if is_of_two else canned.MultiClassHead):  # type: ignore
        """Measures nothing, which `add_metrics` does."""

        def create_estimator_spec(
            self, features: Any, mode: str, logits: Any, labels: Any = None, **options: Any
        ) -> Any:
            if labels is not None:  # a head with names takes these
                labels = tf.gather(tf.constant(list(classes)), labels)
            return super().create_estimator_spec(features, mode, logits, labels, **options)

        def metrics(self, regularization_losses: Any = None) -> dict[str, Any]:
            return {}

        def update_metrics(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {}

    options = {"weight_column": WEIGHT_FEATURE, "label_vocabulary": list(classes)}
    return Head(**options) if is_of_two else Head(len(classes), **options)
