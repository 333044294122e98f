"""How good a model of two classes is: what canned classifiers measure, made exact, and F1.

They look at 200 evenly spaced probabilities to find the areas under the curves. The true
probabilities of a rare class are nearly all below the first few of them; here the places are spread
evenly over the logits. And they have variables and operations of their own for each metric, which
take longer to make than a validation takes to run; here two variables hold all sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from sampling.estimator import install
from sampling.estimator.calibrated import CALIBRATION
from sampling.estimator.head import CORRECTION
from sampling.probabilities.doubts import Measured
from sampling.schema import WEIGHT_FEATURE
from trainer.classification import collected
from trainer.classification.collected import BASELINE, LABELS, LOGITS, SEGMENTS, WEIGHTS

_PLACES = 2000  # 0.02 apart in the logit
_LOGIT_RANGE = 20.0
# What standard errors are found by.
_MASS, _SPREAD, _DIFFERENCE = "doubts/mass", "doubts/spread", "doubts/baseline_difference"
_BASE_RATE, _CHOSEN, _FOUND = "label/mean", "chosen/mean", "true_positive/mean"
_OF_BASELINE = "baseline/"

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
    "base_rate": _BASE_RATE,
    # of a model that corrects: what it learned
    "uncorrected_log_loss": "uncorrected/average_loss",
    "uncorrected_mean_prediction": "uncorrected/prediction_mean",
    # of a logistic regression on the same features
    "baseline_auc": f"{_OF_BASELINE}auc",
    "baseline_log_loss": f"{_OF_BASELINE}average_loss",
}


def add_metrics(
    estimator: Any, threshold: float, segment: str | None = None, ids: Sequence[str] = ()
) -> Any:
    """An estimator that measures what `NAMES` lists, with classes by the threshold.

    What a report is made of is collected, with the features `segment` and `ids`.
    """

    def metrics(
        features: Mapping[str, Any], labels: tf.Tensor, predictions: Mapping[str, Any]
    ) -> dict[str, Any]:
        weights, logits = features[WEIGHT_FEATURE], predictions["logits"][:, 0]
        rows = {LABELS: labels, LOGITS: predictions["logits"], WEIGHTS: weights}
        baseline = _baseline(predictions)
        more = {SEGMENTS: features[segment]} if segment else {}
        more |= {_id(name): features[name] for name in ids}
        collected.collect(rows | more | ({} if baseline is None else {BASELINE: baseline}))
        labels = tf.cast(labels, tf.float32)
        means = {
            **_of_values(labels, logits, weights),
            **_of_learned(labels, predictions),
            **_of_baseline(labels, logits, baseline, weights),
        }
        is_chosen = tf.cast(predictions["logistic"][:, 0] > threshold, tf.float32)
        means |= {
            "accuracy": 1 - tf.abs(is_chosen - labels),
            _CHOSEN: is_chosen,
            _FOUND: is_chosen * labels,
        }
        curves = {"": logits} if baseline is None else {"": logits, _OF_BASELINE: baseline}
        return _Totals(means, curves, labels, weights).metrics()

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


def also_collected(ids: Sequence[str]) -> dict[str, tf.Tensor]:
    """BASELINE and the ids in the graph of an evaluation, if they are there, by name."""
    keys = {name: _id(name) for name in ids} | {BASELINE: BASELINE}
    found = {name: collected.collected_if_any(key) for name, key in keys.items()}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _id(name: str) -> str:
    return f"id_{name}"


class _Totals:
    """Weighted sums over all batches, and the metrics that follow from them.

    Args:
        means: float32 [batch] values by the name of their weighted mean; _CHOSEN and _FOUND among
            them.
        curves: float32 [batch] logits by what the names of their areas begin with.
        labels: float32 [batch], 0 or 1.
        weights: float32 [batch].
    """

    def __init__(
        self,
        means: Mapping[str, tf.Tensor],
        curves: Mapping[str, tf.Tensor],
        labels: tf.Tensor,
        weights: tf.Tensor,
    ):
        self._means, self._curves = list(means), list(curves)
        weights = tf.cast(weights, tf.float64)
        values = tf.cast(tf.stack(list(means.values()), axis=1), tf.float64)
        sums = tf.linalg.matvec(values, weights, transpose_a=True)
        mass, rows = tf.reduce_sum(weights), tf.cast(tf.size(weights), tf.float64)
        # A place is open below and closed above, and the areas depend on the order alone.
        scaled = tf.stack(list(curves.values())) / (2 * _LOGIT_RANGE) + 0.5
        scaled = tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled)  # above nothing
        places = tf.cast(tf.math.ceil(tf.clip_by_value(scaled, 0.0, 1.0) * _PLACES), tf.int32) - 1
        places = tf.maximum(places, 0) + _PLACES * tf.cast(labels, tf.int32)
        spread = [
            tf.math.unsorted_segment_sum(weights, each, 2 * _PLACES) for each in tf.unstack(places)
        ]
        self._sums = collected.sum_variable("sums", [len(means) + 2])
        self._spread = collected.sum_variable("curves", [len(curves), 2, _PLACES])
        self._update = tf.group(
            self._sums.assign_add(tf.concat([sums, [mass, rows]], axis=0)),
            self._spread.assign_add(tf.reshape(tf.stack(spread), self._spread.shape)),
        )

    def metrics(self) -> dict[str, Any]:
        """Values and their update, by name."""
        *sums, mass, rows = tf.unstack(self._sums.read_value())
        total = dict(zip(self._means, sums, strict=True))
        found, chosen, positive = total[_FOUND], total[_CHOSEN], total[_BASE_RATE]
        values = {name: tf.math.divide_no_nan(each, mass) for name, each in total.items()}
        values |= {
            "precision": tf.math.divide_no_nan(found, chosen),
            "recall": tf.math.divide_no_nan(found, positive),
            "f1": tf.math.divide_no_nan(2 * found, chosen + positive),
            _MASS: mass,
            "rows": rows,
        }
        for index, name in enumerate(self._curves):
            negatives, positives = tf.unstack(self._spread.read_value()[index])
            values[f"{name}auc"] = _area_of_roc(negatives, positives)
            values[f"{name}auc_precision_recall"] = _area_of_precision(negatives, positives)
        return {name: (value, self._update) for name, value in values.items()}


def _area_of_roc(negatives: tf.Tensor, positives: tf.Tensor) -> tf.Tensor:
    """The share of pairs in order, pairs of the same place counted half.

    Args:
        negatives, positives: float64 [places], weights.
    """
    above = tf.cumsum(positives, exclusive=True, reverse=True)
    pairs = tf.reduce_sum(negatives) * tf.reduce_sum(positives)
    return tf.math.divide_no_nan(tf.reduce_sum(negatives * (above + positives / 2)), pairs)


def _area_of_precision(negatives: tf.Tensor, positives: tf.Tensor) -> tf.Tensor:
    """Under precision over recall, between places as Davis and Goadrich (2006) interpolate: true
    positives grow in a line with all that are chosen, so precision does not.

    Args:
        negatives, positives: float64 [places], weights.
    """
    both = negatives + positives
    chosen = tf.cumsum(both, reverse=True)
    before, found = (tf.cumsum(each, exclusive=True, reverse=True) for each in (both, positives))
    slope = tf.math.divide_no_nan(positives, both)
    start = found - slope * before
    growth = tf.where(before > 0, tf.math.divide_no_nan(chosen, before), tf.ones_like(before))
    area = tf.reduce_sum(slope * (positives + start * tf.math.log(tf.maximum(growth, 1.0))))
    return tf.math.divide_no_nan(area, tf.reduce_sum(positives))


def _of_values(labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
    probabilities = tf.sigmoid(logits)
    return {
        "average_loss": tf.nn.sigmoid_cross_entropy_with_logits(labels, logits),
        "brier": (probabilities - labels) ** 2,
        "prediction/mean": probabilities,
        _BASE_RATE: labels,
        _SPREAD: weights * probabilities * tf.sigmoid(-logits),
    }


def _of_learned(labels: tf.Tensor, predictions: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    if CORRECTION not in predictions and CALIBRATION not in predictions:
        return {}
    learned = _learned(predictions["logits"][:, 0], predictions)
    return {
        "uncorrected/average_loss": tf.nn.sigmoid_cross_entropy_with_logits(labels, learned),
        "uncorrected/prediction_mean": tf.sigmoid(learned),
    }


def _of_baseline(
    labels: tf.Tensor, logits: tf.Tensor, baseline: tf.Tensor | None, weights: tf.Tensor
) -> dict[str, tf.Tensor]:
    if baseline is None:
        return {}
    loss, other = (
        tf.nn.sigmoid_cross_entropy_with_logits(labels, each) for each in (logits, baseline)
    )
    return {f"{_OF_BASELINE}average_loss": other, _DIFFERENCE: weights * (loss - other) ** 2}


def _baseline(predictions: Mapping[str, tf.Tensor]) -> tf.Tensor | None:
    """Corrected as the model's own logits are, float32 [batch]."""
    found = collected.collected_if_any(collected.LEARNED_BASELINE)
    if found is None:
        return None
    logits = found[:, 0]
    return logits + (predictions[CORRECTION][:, 0] if CORRECTION in predictions else 0.0)


def _learned(logits: tf.Tensor, predictions: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The logits before they were corrected, then calibrated."""
    if CALIBRATION in predictions:
        slope, intercept = tf.unstack(predictions[CALIBRATION], axis=1)
        logits = (logits - intercept) / slope
    if CORRECTION in predictions:
        logits = logits - predictions[CORRECTION][:, 0]
    return logits
