"""How good a model of two classes is: what canned classifiers measure, made exact, and F1.

They look at 200 evenly spaced probabilities to find the areas under the curves. The true
probabilities of a rare class are nearly all below the first few of them; here the places are spread
evenly over the logits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from sampling.estimator import install, legacy_keras
from sampling.estimator.calibrated import CALIBRATION
from sampling.estimator.head import CORRECTION
from sampling.probabilities.doubts import Measured
from sampling.schema import WEIGHT_FEATURE

_PLACES = 2000  # 0.02 apart in the logit
_LOGIT_RANGE = 20.0
_COLLECTION = "reported_"
# The rows that a report is made of.
LABELS, LOGITS, WEIGHTS, SEGMENTS = "labels", "logits", "weights", "segments"
BASELINE = "baseline"  # logits of a logistic regression, where there is one
_LEARNED_BASELINE = "learned_baseline"  # before they are corrected
# What standard errors are found by.
_MASS, _SPREAD, _DIFFERENCE = "doubts/mass", "doubts/spread", "doubts/baseline_difference"

# what they are called in results -> what they are called in an Estimator's
NAMES = {
    "rows": "rows",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "auc": "auc",
    "auc_pr": "auc_precision_recall",
    "log_loss": "average_loss",
    "brier": "brier",
    "mean_prediction": "prediction/mean",
    "base_rate": "label/mean",
    # of a model that corrects: what it learned
    "uncorrected_log_loss": "uncorrected/average_loss",
    "uncorrected_mean_prediction": "uncorrected/prediction_mean",
    # of a logistic regression on the same features
    "baseline_auc": "baseline/auc",
    "baseline_log_loss": "baseline/average_loss",
}


def add_metrics(
    estimator: Any, threshold: float, segment: str | None = None, ids: Sequence[str] = ()
) -> Any:
    """An estimator that also measures F1, Brier score and rows, and takes the threshold for the
    classes. What a report is made of is collected, with the features `segment` and `ids`."""

    def metrics(
        features: Mapping[str, Any], labels: tf.Tensor, predictions: Mapping[str, Any]
    ) -> dict[str, Any]:
        weights = features[WEIGHT_FEATURE]
        rows = {
            LABELS: labels,
            LOGITS: predictions["logits"],
            WEIGHTS: weights,
        }
        baseline = _baseline(predictions)
        more = {SEGMENTS: features[segment]} if segment else {}
        more |= {_id(name): features[name] for name in ids}
        _collect(rows | more | ({} if baseline is None else {BASELINE: baseline}))
        return {
            **_of_classes(labels, predictions["logistic"][:, 0], weights, threshold),
            **_of_curves(labels, predictions["logits"][:, 0], weights),
            **_of_values(labels, predictions, weights),
            **_of_doubts(labels, predictions["logits"][:, 0], baseline, weights),
            "rows": _updated(legacy_keras().metrics.Sum(dtype=tf.float64), tf.ones_like(weights)),
        }

    return install().add_metrics(estimator, metrics)


def plain(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """What `estimator.evaluate` returns -> plain names and Python numbers; `rows` is an int."""
    found = {name: evaluation[key] for name, key in NAMES.items() if key in evaluation}
    results = {name: float(str(value)) for name, value in found.items()}
    return {**results, "rows": int(results["rows"])}


def evidence(evaluation: Mapping[str, Any]) -> Measured:
    """What `estimator.evaluate` returns -> what speaks for and against the model."""
    found = plain(evaluation)
    mass = float(evaluation[_MASS])
    return Measured(
        **{name: found[name] for name in ("auc", "log_loss", "mean_prediction", "base_rate")},
        mean_error=float(evaluation[_SPREAD] / mass) ** 0.5,
        baseline_log_loss=found.get("baseline_log_loss"),
        baseline_error=float(evaluation.get(_DIFFERENCE, 0.0) / mass) ** 0.5,
    )


def collect_baseline(logits: tf.Tensor) -> None:
    """Tells the graph of an evaluation what a logistic regression says, float32 [batch]."""
    _collect({_LEARNED_BASELINE: logits})


def also_collected(ids: Sequence[str]) -> dict[str, tf.Tensor]:
    """BASELINE and the ids in the graph of an evaluation, if they are there, by name."""
    graph = tf.compat.v1.get_default_graph()
    keys = {name: _id(name) for name in ids} | {BASELINE: BASELINE}
    found = {name: graph.get_collection(_COLLECTION + key) for name, key in keys.items()}
    return {name: tensors[0] for name, tensors in found.items() if tensors}


def _id(name: str) -> str:
    return f"id_{name}"


def collected(name: str) -> tf.Tensor:
    """A batch's LABELS, LOGITS, WEIGHTS, SEGMENTS or BASELINE in the graph of an evaluation."""
    return tf.compat.v1.get_default_graph().get_collection(_COLLECTION + name)[0]


def _collect(tensors: Mapping[str, tf.Tensor]) -> None:
    for name, tensor in tensors.items():
        tf.compat.v1.add_to_collection(_COLLECTION + name, tensor)


def _of_classes(
    labels: tf.Tensor, probabilities: tf.Tensor, weights: tf.Tensor, threshold: float
) -> dict[str, Any]:
    keras = legacy_keras().metrics
    measured = {
        "accuracy": keras.BinaryAccuracy(threshold=threshold),
        "precision": keras.Precision(thresholds=threshold),
        "recall": keras.Recall(thresholds=threshold),
    }
    for metric in measured.values():
        metric.update_state(labels, probabilities, weights)
    # Keras' own F1 stays 0 in an Estimator's graph: its variables are never updated there
    precision, recall = measured["precision"].result(), measured["recall"].result()
    f1 = tf.math.divide_no_nan(2 * precision * recall, precision + recall)
    return {**measured, "f1": (f1, tf.no_op())}


def _of_curves(labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> dict[str, Any]:
    # The areas depend on the order of the predictions alone, so any increasing function will do.
    places = tf.clip_by_value(logits / (2 * _LOGIT_RANGE) + 0.5, 0.0, 1.0)
    auc = legacy_keras().metrics.AUC(_PLACES)
    auc_pr = legacy_keras().metrics.AUC(_PLACES, curve="PR")
    return {
        "auc": _updated(auc, labels, places, weights),
        "auc_precision_recall": _updated(auc_pr, labels, places, weights),
    }


def _of_values(
    labels: tf.Tensor, predictions: Mapping[str, tf.Tensor], weights: tf.Tensor
) -> dict[str, Any]:
    labels, logits = tf.cast(labels, tf.float32), predictions["logits"][:, 0]

    def mean(values: tf.Tensor) -> Any:
        return _updated(legacy_keras().metrics.Mean(), values, weights)

    measured = {"brier": mean((tf.sigmoid(logits) - labels) ** 2)}
    if CORRECTION in predictions or CALIBRATION in predictions:
        learned = _learned(logits, predictions)
        loss = tf.nn.sigmoid_cross_entropy_with_logits(labels, learned)
        measured["uncorrected/average_loss"] = mean(loss)
        measured["uncorrected/prediction_mean"] = mean(tf.sigmoid(learned))
    return measured


def _baseline(predictions: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    """Corrected as the model's own logits are, float32 [batch]."""
    found = tf.compat.v1.get_default_graph().get_collection(_COLLECTION + _LEARNED_BASELINE)
    if not found:
        return None
    return found[0] + (predictions[CORRECTION][:, 0] if CORRECTION in predictions else 0.0)


def _of_doubts(
    labels: tf.Tensor, logits: tf.Tensor, baseline: tf.Tensor | None, weights: tf.Tensor
) -> dict[str, Any]:
    keras, labels = legacy_keras().metrics, tf.cast(labels, tf.float32)
    variances = tf.sigmoid(logits) * tf.sigmoid(-logits)
    measured = {
        _MASS: _updated(keras.Sum(dtype=tf.float64), weights),
        _SPREAD: _updated(keras.Mean(), weights * variances, weights),
    }
    if baseline is not None:
        loss, other = (
            tf.nn.sigmoid_cross_entropy_with_logits(labels, each) for each in (logits, baseline)
        )
        squares = weights * (loss - other) ** 2
        places = tf.clip_by_value(baseline / (2 * _LOGIT_RANGE) + 0.5, 0.0, 1.0)
        measured |= {
            "baseline/average_loss": _updated(keras.Mean(), other, weights),
            "baseline/auc": _updated(keras.AUC(_PLACES), labels, places, weights),
            _DIFFERENCE: _updated(keras.Mean(), squares, weights),
        }
    return measured


def _learned(logits: tf.Tensor, predictions: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The logits before they were corrected, then calibrated."""
    if CALIBRATION in predictions:
        slope, intercept = tf.unstack(predictions[CALIBRATION], axis=1)
        logits = (logits - intercept) / slope
    if CORRECTION in predictions:
        logits = logits - predictions[CORRECTION][:, 0]
    return logits


def _updated(metric: Any, *values: Any) -> Any:
    metric.update_state(*values)
    return metric
