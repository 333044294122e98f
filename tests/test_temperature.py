"""The calibration of many classes: a temperature, and a bias for each."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.estimator.calibrated import calibrated_head
from sampling.probabilities import platt, temperature
from sampling.probabilities.temperature import ClassCalibration, fit, softmax

TEMPERATURE, BIASES = 1.6, np.array([0.3, -0.2, 0.0, -0.1])


def drawn(rows, seed=0, prior=(0.0, 0.5, -0.7, 1.0)):
    """Logits of a model that is too sure of itself, and labels by the true probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.2, (rows, len(prior))) + np.array(prior)
    labels = (softmax(true).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    return (true - BIASES[: len(prior)]) * TEMPERATURE, labels


def test_it_finds_what_the_labels_were_drawn_with_and_how_sure_it_is():
    fits = [fit(*drawn(5_000, seed)) for seed in range(30)]
    found = np.array([[each.temperature, *each.biases] for each in fits])
    found[:, 1:] -= found[:, 1:].mean(axis=1, keepdims=True)
    expected = [TEMPERATURE, *(BIASES - BIASES.mean())]
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=0.03)
    assert found[:, 0].std() == pytest.approx(fits[0].temperature_error, rel=0.35)
    assert (
        np.array([each.bias_errors for each in fits]).min() > 0.8 * found[:, 1:].std(axis=0).min()
    )


def test_two_classes_are_as_by_slope_and_intercept():
    logits, labels = drawn(20_000, prior=(0.0, -1.0))
    found, one = fit(logits, labels), platt.fit(logits[:, 1] - logits[:, 0], labels)
    np.testing.assert_allclose(found.constants, one.constants, atol=0.01)
    other = found(logits)
    expected = found.constants[0] * (logits[:, 1] - logits[:, 0]) + found.constants[1]
    np.testing.assert_allclose(other[:, 1] - other[:, 0], expected, atol=1e-9)


def test_a_weight_is_worth_so_many_rows():
    logits, labels = drawn(3_000)
    weights = np.random.default_rng(1).integers(0, 3, 3_000)
    repeated = fit(np.repeat(logits, weights, axis=0), np.repeat(labels, weights))
    found = fit(logits, labels, weights)
    assert found.temperature == pytest.approx(repeated.temperature, abs=0.03)
    np.testing.assert_allclose(found.biases, repeated.biases, atol=0.03)


def test_a_class_of_few_rows_stays_as_likely_as_the_model_has_it():
    logits, labels = drawn(5_000, prior=(0.0, 0.5, -5.5, 1.0))
    assert 0 < (labels == 2).sum() < 10
    before, after = softmax(logits)[:, 2].mean(), softmax(fit(logits, labels)(logits))[:, 2].mean()
    assert after == pytest.approx(before, abs=0.001)
    without = labels != 2
    assert np.isfinite(fit(logits[without], labels[without]).biases).all()


def test_what_can_not_be_fitted():
    logits, labels = drawn(2_000)
    with pytest.raises(SamplingError, match="found 50 rows or more of 1 of 4 classes"):
        fit(logits[labels == 0], labels[labels == 0])
    with pytest.raises(SamplingError, match="the label 7, expected one from 0 to 3"):
        fit(logits, np.where(labels == 3, 7, labels))
    with pytest.raises(SamplingError, match="no finite number"):
        fit(np.full((2, 4), np.nan), [0, 1])
    with pytest.raises(SamplingError, match="ranks classes the wrong way round"):
        fit(-logits, labels)


def test_a_head_calibrates_as_many_logits():
    calibration = ClassCalibration(2.0, (0.5, 0.0, -0.5))
    head = calibrated_head(install().MultiClassHead(3), calibration)
    logits = tf.constant([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    found = head.predictions(logits, ["probabilities"])["probabilities"]
    np.testing.assert_allclose(found, softmax(calibration(logits)), rtol=1e-6)
    with pytest.raises(SamplingError, match="has 4 logits, expected 3"):
        calibrated_head(install().MultiClassHead(4), calibration)


def test_it_is_told_with_the_names_of_the_classes():
    said = ClassCalibration(1.5, (0.1, -0.2), 0.02, (0.03, 0.04)).told(["no", "yes"], 1)
    assert said == "temperature 1.500 ± 0.020, biases no +0.100 ± 0.030, 1 more"
    assert temperature.ENOUGH > 0
