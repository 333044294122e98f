"""The canned estimator that the flags ask for, with our metrics and the forwarded features."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sampling.estimator import legacy_keras
from sampling.estimator.forwarding import forward_features, require_estimator
from sampling.estimator.head import corrected_head, starting_head
from sampling.probabilities.calibration import Prior
from sampling.schema import WEIGHT_FEATURE, Schema
from trainer.propensity.model.features import Scale, feature_columns
from trainer.propensity.model.metrics import add_metrics

_OPTIMIZERS = {
    "adam": ("Adam", 0.003),
    "adagrad": ("Adagrad", 0.1),
    "ftrl": ("Ftrl", 0.2),
    "rmsprop": ("RMSprop", 0.001),
    "sgd": ("SGD", 0.01),
}


def build(
    flags: argparse.Namespace,
    schema: Schema,
    *,
    scales: Mapping[str, Scale],
    threshold: float,
    start: Prior | None,
    correction: Prior | None,
    config: Any,
    total_steps: int,
    warm_start: Any,
) -> Any:
    """A DNN or linear classifier.

    Args:
        flags: all of the job's.
        scales: of the numeric features, by name.
        threshold: the probability from which a row is of class 1.
        start: the prior that training begins at; None: it begins at 0.5.
        correction: the prior that outputs are corrected for; None: they are not.
        config: the RunConfig.
        total_steps: where the learning rate reaches 0.
        warm_start: the WarmStartSettings, if any.
    """
    deep = flags.model == "dnn"
    columns = feature_columns(schema, scales, flags.hash_buckets, embedded=deep)
    options = {
        "optimizer": _optimizer(flags, total_steps),
        "config": config,
        "warm_start_from": warm_start,
    }
    canned = require_estimator()
    head = canned.BinaryClassHead(weight_column=WEIGHT_FEATURE)
    if start is not None:
        head = starting_head(head, start)
    if correction is not None:
        head = corrected_head(head, correction)
    if deep:
        options |= {"dropout": flags.dropout or None, "batch_norm": flags.batch_norm}
        estimator = canned.DNNEstimator(head, flags.hidden_units, columns, **options)
    else:
        estimator = canned.LinearEstimator(head, columns, **options)
    return forward_features(add_metrics(estimator, threshold, flags.segment), schema)


def _optimizer(flags: argparse.Namespace, total_steps: int) -> Any:
    """Canned estimators take none but the legacy ones."""
    class_name, rate = _OPTIMIZERS[flags.optimizer]
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
