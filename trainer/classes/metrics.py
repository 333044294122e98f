"""What a validation measures of a model of many classes: what may say which checkpoint is best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.estimator import install
from sampling.estimator.head import CORRECTION
from sampling.schema import WEIGHT_FEATURE
from trainer.classification import collected
from trainer.classification.collected import BASELINE, LABELS, LEARNED_BASELINE, LOGITS, WEIGHTS

# what they are called in results -> what they are called in an Estimator's
NAMES = {"log_loss": "average_loss", "accuracy": "accuracy", "macro_recall": "macro_recall"}


def add_metrics(estimator: Any, classes: int, ids: Sequence[str] = ()) -> Any:
    """An estimator that measures what `NAMES` lists, and collects its rows for `evaluate`.

    Args:
        ids: features that name a row.
    """

    def metrics(
        features: Mapping[str, Any], labels: tf.Tensor, predictions: Mapping[str, Any]
    ) -> dict[str, Any]:
        weights, logits = features[WEIGHT_FEATURE], predictions["logits"]
        rows = {LABELS: labels, LOGITS: logits, WEIGHTS: weights}
        rows |= {id_name(name): features[name] for name in ids}
        baseline = collected.collected_if_any(LEARNED_BASELINE)
        if baseline is not None:  # corrected as the model's own logits are
            rows[BASELINE] = baseline + predictions.get(CORRECTION, 0.0)
        collected.collect(rows)
        return _measured(labels, logits, weights, classes)

    return install().add_metrics(estimator, metrics)


def id_name(name: str) -> str:
    """What a feature that names a row is collected as."""
    return f"id_{name}"


def of_classes(logits: np.ndarray) -> np.ndarray:
    """Logits [rows, 1] of the second of two classes, or of all -> [rows, classes]."""
    if logits.shape[1] > 1:
        return logits
    return np.concatenate([np.zeros_like(logits), logits], axis=1)


def _measured(
    labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor, classes: int
) -> dict[str, Any]:
    """Values and their update, by name."""
    if classes == 2:
        logits = tf.concat([tf.zeros_like(logits), logits], axis=1)
    logarithms = tf.nn.log_softmax(tf.cast(logits, tf.float64))
    weights, places = tf.cast(weights, tf.float64), tf.cast(labels, tf.int64)
    is_right = tf.cast(tf.equal(tf.argmax(logits, axis=1), places), tf.float64)
    losses = -tf.gather(logarithms, places, batch_dims=1)
    of_classes = [
        tf.math.unsorted_segment_sum(each, places, classes)
        for each in (weights, weights * is_right)
    ]
    sums = collected.sum_variable("sums", [2 * classes + 1])
    total = tf.reduce_sum(weights * losses)[tf.newaxis]
    update = sums.assign_add(tf.concat([*of_classes, total], axis=0))
    mass, right, loss = tf.split(sums.read_value(), [classes, classes, 1])
    recalls = tf.math.divide_no_nan(right, mass)
    present = tf.reduce_sum(tf.cast(mass > 0, tf.float64))
    values = {
        "average_loss": tf.math.divide_no_nan(loss[0], tf.reduce_sum(mass)),
        "accuracy": tf.math.divide_no_nan(tf.reduce_sum(right), tf.reduce_sum(mass)),
        "macro_recall": tf.math.divide_no_nan(tf.reduce_sum(recalls), present),
    }
    return {name: (value, update) for name, value in values.items()}
