"""The estimator that the flags ask for, with our metrics and the forwarded features."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from sampling.estimator import install, legacy_keras
from sampling.estimator.calibrated import calibrated_head
from sampling.estimator.forwarding import forward_features
from sampling.estimator.head import corrected_head, starting_head
from sampling.probabilities.calibration import Prior
from sampling.probabilities.platt import Calibration
from sampling.schema import WEIGHT_FEATURE, Schema
from trainer.propensity.model import wide_deep
from trainer.propensity.model.baseline import Baseline
from trainer.propensity.model.columns import Columns
from trainer.propensity.model.features import Scale, feature_columns, with_any_names
from trainer.propensity.model.metrics import add_metrics

_OPTIMIZERS = {
    "adam": ("Adam", 0.003),
    "adagrad": ("Adagrad", 0.1),
    "ftrl": ("Ftrl", 0.2),
    "rmsprop": ("RMSprop", 0.001),
    "sgd": ("SGD", 0.01),
}


_WIDE_DEEP_RATE = 0.002  # of adam


class Knowledge(NamedTuple):
    """What is known of the training rows.

    Args:
        scales: of the numeric features of canned estimators, by name.
        columns: of a wide and deep model.
        rows_per_epoch: an epoch's rows; only a training has to know it.
        baseline: what evaluations of a wide and deep model compare it with, if anything.
    """

    scales: Mapping[str, Scale]
    columns: Columns | None
    rows_per_epoch: int
    baseline: Baseline | None = None


def build(
    flags: argparse.Namespace,
    schema: Schema,
    known: Knowledge,
    *,
    threshold: float,
    start: Prior | None,
    correction: Prior | None,
    calibration: Calibration | None,
    config: Any,
    total_steps: int,
    warm_start: Any,
) -> Any:
    """A wide and deep, DNN or linear classifier.

    Args:
        flags: all of the job's.
        threshold: the probability from which a row is of class 1.
        start: the prior that training begins at; None: it begins at 0.5.
        correction: the prior that outputs are corrected for; None: they are not.
        calibration: of the logits; None: they are not calibrated.
        config: the RunConfig.
        total_steps: where the learning rate reaches 0.
        warm_start: the WarmStartSettings, if any.
    """
    canned = install()
    head = _head()
    if calibration is not None:
        head = calibrated_head(head, calibration)
    if start is not None:
        head = starting_head(head, start)
    if correction is not None:
        head = corrected_head(head, correction)
    options = {
        "optimizer": _optimizer(flags, total_steps),
        "config": config,
        "warm_start_from": warm_start,
    }
    if flags.model == "wide_deep":
        estimator = wide_deep.estimator(head, _network(flags, known), **options)
    else:
        is_deep = flags.model == "dnn"
        columns = feature_columns(schema, known.scales, flags.hash_buckets, embedded=is_deep)
        if is_deep:
            options |= {"dropout": flags.dropout or None, "batch_norm": flags.batch_norm}
            estimator = canned.DNNEstimator(head, flags.hidden_units, columns, **options)
        else:
            estimator = canned.LinearEstimator(head, columns, **options)
        estimator = with_any_names(estimator, schema)
    measured = add_metrics(estimator, threshold, flags.segment, schema.features_to_forward)
    return forward_features(measured, schema)


def _head() -> Any:
    canned = install()

    class Head(canned.BinaryClassHead):  # type: ignore[name-defined]
        """Measures nothing, which `add_metrics` does."""

        def metrics(self, regularization_losses: Any = None) -> dict[str, Any]:
            return {}

        def update_metrics(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {}

    return Head(weight_column=WEIGHT_FEATURE)


def _network(flags: argparse.Namespace, known: Knowledge) -> wide_deep.Network:
    assert known.columns is not None
    return wide_deep.Network(
        known.columns, flags.hidden_units, flags.dropout, known.rows_per_epoch, known.baseline
    )


def _optimizer(flags: argparse.Namespace, total_steps: int) -> Any:
    """Canned estimators take none but the legacy ones."""
    class_name, rate = _OPTIMIZERS[flags.optimizer]
    if (flags.model, flags.optimizer) == ("wide_deep", "adam"):
        rate = _WIDE_DEEP_RATE
    rate = flags.learning_rate or rate
    if flags.optimizer != "ftrl" and flags.decay != "none":
        # Upweighted rows make for big steps. With a constant rate the last of them decide on the
        # mean prediction: it was off by 8 % where it is off by 1 % with a rate that falls. FTRL's
        # weights are a function of the rate, and are 0 when it is.
        schedules = legacy_keras().optimizers.schedules
        falling = {"cosine": schedules.CosineDecay, "linear": schedules.PolynomialDecay}
        options = {"end_learning_rate": 0.0} if flags.decay == "linear" else {}
        rate = falling[flags.decay](rate, total_steps, **options)
    return getattr(legacy_keras().optimizers.legacy, class_name)(rate)
