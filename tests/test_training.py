"""Models trained on it: canned and custom Estimators. For Keras see test_keras.py."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn
from tests.conftest import write_classes

CONFIG = tf.estimator.RunConfig(tf_random_seed=1, log_step_count_steps=None)
EPOCHS = 3


@pytest.fixture
def classes(tmp_path):
    """100 positives, 2,000 negatives: x tells them apart."""
    return write_classes(tmp_path, 100, 2000, 2, 4)


def canned(estimator, **options):
    columns = [tf.feature_column.numeric_column("x", normalizer_fn=lambda x: x / 500)]
    return estimator(feature_columns=columns, weight_column="weight", config=CONFIG, **options)


def custom():
    def model_fn(features, labels, mode):
        slope = tf.compat.v1.get_variable("slope", [], initializer=tf.zeros_initializer())
        bias = tf.compat.v1.get_variable("bias", [], initializer=tf.zeros_initializer())
        logits = slope * features["x"] / 500 + bias
        probabilities = tf.sigmoid(logits)
        if mode == tf.estimator.ModeKeys.PREDICT:
            predictions = {"id_": features["id_"], "probability": probabilities}
            return tf.estimator.EstimatorSpec(mode, predictions)
        loss = tf.compat.v1.losses.sigmoid_cross_entropy(labels, logits, features["weight"])
        step = tf.compat.v1.train.get_global_step()
        train_op = tf.compat.v1.train.AdamOptimizer(0.1).minimize(loss, step)
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    return tf.estimator.Estimator(model_fn, config=CONFIG)


ESTIMATORS = {
    "linear": lambda: canned(tf.estimator.LinearClassifier),
    "dnn": lambda: canned(tf.estimator.DNNClassifier, hidden_units=[8]),
    "custom": custom,
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_trains_evaluates_and_predicts(classes, name):
    train_fn = classes.train(num_epochs=EPOCHS, batch_size=20, weight="auto")
    eval_fn = classes.test()
    estimator = ESTIMATORS[name]()
    results, _ = tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(train_fn, max_steps=EPOCHS * train_fn.steps_per_epoch),
        tf.estimator.EvalSpec(eval_fn, steps=None),
    )
    assert results["global_step"] == EPOCHS * train_fn.steps_per_epoch == 30
    assert np.isfinite(results["loss"])
    predictions = list(estimator.predict(eval_fn))
    assert len(predictions) == 2100


def test_files_without_labels_are_predicted(classes, tmp_path):
    unlabelled = tmp_path / "new.csv"
    unlabelled.write_text("city,x,id\nhere,1.5,7\nthere,2.5,8\n")
    input_fn = InputFn(unlabelled, classes.train().schema)
    estimator = custom()
    estimator.train(classes.train())
    assert [row["id_"] for row in estimator.predict(input_fn)] == [7, 8]
    with pytest.raises(ValueError, match="label"):
        estimator.evaluate(input_fn)
