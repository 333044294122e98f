"""Slope and intercept of logits: fitted, told with their errors, and kept in a head."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.estimator.calibrated import calibrated_head
from sampling.estimator.head import corrected_head, starting_head
from sampling.probabilities import platt
from sampling.probabilities.calibration import Prior
from sampling.probabilities.platt import Calibration


def drawn(rows, slope, intercept, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-2, 1.5, rows)
    labels = rng.random(rows) < 1 / (1 + np.exp(-(slope * logits + intercept)))
    return logits, labels.astype(int)


def test_many_rows_say_what_it_is():
    logits, labels = drawn(100_000, 0.7, -0.4)
    found = platt.fit(logits, labels)
    assert found.slope == pytest.approx(0.7, abs=3 * found.slope_error)
    assert found.intercept == pytest.approx(-0.4, abs=3 * found.intercept_error)
    assert found.slope_error < 0.02 and found.positives == labels.sum()
    other = LogisticRegression(C=1e9, tol=1e-8).fit(logits[:, None], labels)
    assert found.slope == pytest.approx(other.coef_[0, 0], abs=0.01)
    assert found.intercept == pytest.approx(other.intercept_[0], abs=0.01)


def test_standard_errors_are_those_of_repeated_draws():
    fits = [platt.fit(*drawn(3_000, 1.0, 0.0, seed)) for seed in range(200)]
    slopes, intercepts = np.array([(fit.slope, fit.intercept) for fit in fits]).T
    assert slopes.std() == pytest.approx(np.mean([fit.slope_error for fit in fits]), rel=0.2)
    errors = np.mean([fit.intercept_error for fit in fits])
    assert intercepts.std() == pytest.approx(errors, rel=0.2)


def test_few_rows_change_little():
    logits, labels = drawn(60, 0.4, 0.0)
    other = LogisticRegression(C=1e9).fit(logits[:, None], labels)
    assert abs(platt.fit(logits, labels).slope - 1) < abs(other.coef_[0, 0] - 1)


def test_the_level_is_that_of_many_rows_unless_few_others_say_clearly_otherwise():
    logits, labels = drawn(40_000, 1.0, 0.3)
    level, rate = platt.level_of(logits, labels), labels.mean()

    def off(found):
        return (1 / (1 + np.exp(-found(logits)))).mean() / rate - 1

    assert off(Calibration(1.0, level)) == pytest.approx(0, abs=1e-9)
    few = [drawn(400, 1.0, 0.3, seed) for seed in range(20)]
    by_chance = np.std([labels.mean() / rate - 1 for _, labels in few])
    assert by_chance > 0.05
    assert np.abs([off(platt.fit(*rows, level=level)) for rows in few]).mean() < 0.4 * by_chance
    shifted = platt.fit(logits, labels, level=level + 2)
    assert off(shifted) == pytest.approx(0, abs=0.01)


def test_a_weight_is_worth_so_many_rows():
    logits, labels = drawn(2_000, 0.8, 0.2)
    weights = np.random.default_rng(1).integers(0, 3, 2_000)
    repeated = platt.fit(np.repeat(logits, weights), np.repeat(labels, weights))
    found = platt.fit(logits, labels, weights)
    assert found.slope == pytest.approx(repeated.slope, abs=0.02)
    assert found.intercept == pytest.approx(repeated.intercept, abs=0.02)


def test_what_can_not_be_fitted():
    with pytest.raises(SamplingError, match="rows of one class"):
        platt.fit([0.0, 1.0], [1, 1])
    with pytest.raises(SamplingError, match="no finite number"):
        platt.fit([0.0, np.inf], [0, 1])
    logits, labels = drawn(5_000, -1.0, 0.0)
    with pytest.raises(SamplingError, match="ranks rows the wrong way round"):
        platt.fit(logits, labels)


def test_a_head_calibrates_what_was_started_and_corrected():
    prior = Prior((0.9, 0.1), (0.5, 0.5))
    calibration = Calibration(0.5, 0.25)
    head = install().BinaryClassHead()
    both = corrected_head(starting_head(calibrated_head(head, calibration), prior), prior)
    logits = tf.constant([[0.0], [3.0]])
    expected = calibration(logits + prior.offset + np.log(prior.stream[1] / prior.stream[0]))
    found = both.predictions(logits, ["logistic"])["logistic"]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-expected)), rtol=1e-6)


def test_a_head_is_calibrated_once_and_first():
    head = calibrated_head(install().BinaryClassHead(), Calibration(0.5))
    with pytest.raises(SamplingError, match="is calibrated already"):
        calibrated_head(head, Calibration(0.5))
    prior = Prior((0.9, 0.1), (0.5, 0.5))
    corrected = corrected_head(install().BinaryClassHead(), prior)
    with pytest.raises(SamplingError, match="is corrected for its prior already"):
        calibrated_head(corrected, Calibration(0.5))
    with pytest.raises(SamplingError, match="has 3 logits"):
        calibrated_head(install().MultiClassHead(3), Calibration(0.5))
