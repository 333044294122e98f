"""The estimator that the flags ask for, with our metrics and the forwarded features."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from sampling.estimator import install
from sampling.estimator.calibrated import calibrated_head
from sampling.estimator.forwarding import forward_features
from sampling.estimator.head import corrected_head, starting_head
from sampling.features.columns import Columns
from sampling.probabilities.calibration import Prior
from sampling.probabilities.platt import Calibration
from sampling.schema import WEIGHT_FEATURE, Schema
from trainer.propensity.model.features import Scale, feature_columns, with_any_names
from trainer.propensity.model.metrics import add_metrics
from trainer.wide_deep import network, optimizer
from trainer.wide_deep.baseline import Baseline


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
        "optimizer": optimizer.legacy(flags.optimizer, _rate(flags), flags.decay, total_steps),
        "config": config,
        "warm_start_from": warm_start,
    }
    if flags.model == "wide_deep":
        estimator = network.estimator(head, _network(flags, known), **options)
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


def _network(flags: argparse.Namespace, known: Knowledge) -> network.Network:
    assert known.columns is not None
    return network.Network(
        known.columns, flags.hidden_units, flags.dropout, known.rows_per_epoch, known.baseline
    )


def _rate(flags: argparse.Namespace) -> float | None:
    """None: as is usual."""
    is_default = (flags.model, flags.optimizer) == ("wide_deep", "adam")
    usual = optimizer.WIDE_DEEP_RATE if is_default else None
    rate: float | None = flags.learning_rate or usual
    return rate
