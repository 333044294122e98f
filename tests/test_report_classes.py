"""Measures, doubts and the page of predictions of many classes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn import metrics

from sampling.errors import SamplingError
from sampling.probabilities.doubts import doubts_of_classes
from sampling.probabilities.temperature import softmax
from sampling.report.classes import measures
from sampling.report.classes.build import ClassOptions, build
from sampling.report.classes.rows import ClassPredictions


def drawn(classes, rows=3_000, seed=0):
    """Rows whose probabilities are true, with weights."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(0, 1.5, (rows, classes)) - np.arange(classes) / 3)
    labels = (p.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(0, classes - 1)
    return ClassPredictions(labels, p, [f"c{n}" for n in range(classes)], rng.random(rows) * 2)


def test_measures_are_those_of_scikit_learn():
    rows = drawn(4)
    given = {"y_true": rows.labels, "y_pred": rows.predicted, "sample_weight": rows.weights}
    overall, by_class = measures.overall(rows), measures.by_class(rows)
    expected = {
        "log_loss": metrics.log_loss(rows.labels, rows.probabilities, sample_weight=rows.weights),
        "accuracy": metrics.accuracy_score(**given),
        "macro_recall": metrics.recall_score(**given, average="macro"),
        "top_2_accuracy": metrics.top_k_accuracy_score(
            rows.labels, rows.probabilities, k=2, sample_weight=rows.weights
        ),
    }
    assert {name: overall[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert overall["ece"] < 0.02
    precision, recall, *_ = metrics.precision_recall_fscore_support(**given)
    np.testing.assert_allclose(by_class.precision, precision)
    np.testing.assert_allclose(by_class.recall, recall)
    for k in range(4):
        area = metrics.roc_auc_score(
            rows.labels == k, rows.probabilities[:, k].round(2), sample_weight=rows.weights
        )
        rounded = rows.with_probabilities(rows.probabilities.round(2))
        assert measures.by_class(rounded).auc[k] == pytest.approx(area)


def test_true_predictions_are_not_doubted_and_others_are():
    said = [doubts_of_classes(measures.evidence(drawn(6, seed=seed))) for seed in range(20)]
    assert sum(map(len, said)) == 0
    rows = drawn(6)
    tilted = rows.probabilities * np.array([1, 1, 3, 1, 1, 1])
    tilted = rows.with_probabilities(tilted / tilted.sum(axis=1, keepdims=True))
    found = doubts_of_classes(measures.evidence(tilted, rows.probabilities))
    assert "further apart than chance allows" in found[0] and "of 'c2' 0." in found[0]
    assert "a logistic regression on the same features has" in found[1]
    reversed_ = rows.with_probabilities(rows.probabilities[:, ::-1])
    found = doubts_of_classes(measures.evidence(reversed_))
    assert "no better than the" in found[0] and "and 3 more classes" in found[1]


def test_a_page_of_many_classes_and_of_some_without_rows():
    rows = drawn(20)
    kept = rows.labels != 3
    rows = ClassPredictions(
        rows.labels[kept], rows.probabilities[kept], rows.classes, rows.weights[kept]
    )
    by_class = measures.by_class(rows)
    assert np.isnan([by_class.recall[3], by_class.auc[3]]).all()
    assert by_class.rows[3] == 0 and by_class.mean_prediction[3] > 0
    drawn_ = build(rows, ClassOptions(title="<Kinds>", baseline=rows.probabilities))
    page = drawn_["report.html"].decode()
    assert "&lt;Kinds&gt;" in page and "c19" in page and "nan" not in page.partition("<main")[2]
    assert drawn_["confusion.png"].startswith(b"\x89PNG")


def test_one_class_alone_has_no_curve_and_does_not_fail():
    rows = drawn(3)
    alone = dataclasses.replace(rows, labels=np.zeros(len(rows.labels)))
    assert doubts_of_classes(measures.evidence(alone))  # the means are off
    certain = alone.with_probabilities(np.eye(3)[np.zeros(len(rows.labels), int)])
    assert doubts_of_classes(measures.evidence(certain)) == []
    assert measures.overall(certain)["log_loss"] == 0


def test_rows_that_are_no_predictions():
    with pytest.raises(SamplingError, match="found labels from 0 to 3, expected 0 to 2"):
        ClassPredictions([0, 3], np.full((2, 3), 1 / 3), "abc")
    with pytest.raises(SamplingError, match="have the shape"):
        ClassPredictions([0, 1], np.full((2, 2), 0.5), "abc")
    with pytest.raises(SamplingError, match="found 2 weights with the sum 0"):
        ClassPredictions([0, 1], np.full((2, 2), 0.5), "ab", [0, 0])
