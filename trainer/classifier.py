"""The canned estimator that the flags ask for, with our metrics and the forwarded features."""

from __future__ import annotations

import argparse
from typing import Any

from sampling.estimator import legacy_keras
from sampling.estimator.forwarding import forward_features, require_estimator
from sampling.estimator.head import corrected_head
from sampling.schema import WEIGHT_FEATURE
from trainer.columns import feature_columns
from trainer.metrics import add_metrics
from trainer.parameters import Parameters

_OPTIMIZERS = {
    "adam": ("Adam", 0.003),
    "adagrad": ("Adagrad", 0.1),
    "ftrl": ("Ftrl", 0.2),
    "rmsprop": ("RMSprop", 0.001),
    "sgd": ("SGD", 0.01),
}


def build(parameters: Parameters, config: Any, total_steps: int, warm_start: Any) -> Any:
    """A DNN or linear classifier.

    Args:
        config: the RunConfig.
        total_steps: where the learning rate reaches 0.
        warm_start: the WarmStartSettings, if any.
    """
    flags, schema = parameters.flags, parameters.schema
    deep = flags.model == "dnn"
    columns = feature_columns(schema, parameters.scales or {}, flags.hash_buckets, embedded=deep)
    options = {
        "optimizer": _optimizer(flags, total_steps),
        "config": config,
        "warm_start_from": warm_start,
    }
    canned = require_estimator()
    head = canned.BinaryClassHead(weight_column=WEIGHT_FEATURE)
    if parameters.correction is not None:
        head = corrected_head(head, parameters.correction)
    if deep:
        options |= {"dropout": flags.dropout or None, "batch_norm": flags.batch_norm}
        estimator = canned.DNNEstimator(head, flags.hidden_units, columns, **options)
    else:
        estimator = canned.LinearEstimator(head, columns, **options)
    return forward_features(add_metrics(estimator, parameters.threshold, flags.segment), schema)


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
