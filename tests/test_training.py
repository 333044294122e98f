"""Models trained on it: canned and custom Estimators, and Keras."""

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


@pytest.mark.parametrize("with_steps", [True, False])
def test_keras_fit_gets_fresh_negatives_in_every_epoch(classes, with_steps):
    seen = []

    def record(features, labels, weights):
        tf.numpy_function(lambda ids: seen.extend(ids.tolist()), [features["id"]], [])
        return {"x": features["x"]}, labels, weights

    input_fn = classes.train(weight="auto", batch_size=32)
    model = keras_model()
    model.compile("adam", "binary_crossentropy", weighted_metrics=["accuracy"])
    history = model.fit(
        input_fn.dataset().map(record),
        epochs=EPOCHS,
        steps_per_epoch=input_fn.steps_per_epoch if with_steps else None,
        verbose=0,
    )
    assert len(history.history["loss"]) == EPOCHS
    epochs = np.split(np.array(seen), EPOCHS)
    negatives = [set(ids[ids >= 100]) for ids in epochs]
    assert [len(each) for each in negatives] == [100] * EPOCHS
    assert len(set.union(*negatives)) == 100 * EPOCHS
    assert all(set(range(100)) <= set(ids) for ids in epochs)


def keras_model():
    x = tf.keras.Input([], name="x")
    return tf.keras.Model({"x": x}, tf.keras.layers.Dense(1, activation="sigmoid")(x[:, None]))


def test_keras_takes_the_dataset_as_it_is(classes):
    input_fn = classes.train(num_epochs=None)
    model = keras_model()
    model.compile("adam", "binary_crossentropy")
    model.fit(input_fn.dataset(["x"]), steps_per_epoch=5, epochs=2, verbose=0)
    model.evaluate(classes.test().dataset(["x"]), verbose=0)
    assert model.predict(classes.test().dataset(["x"]), verbose=0).shape == (2100, 1)
