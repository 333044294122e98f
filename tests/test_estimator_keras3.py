"""What is handed to an Estimator where tf.keras is Keras 3: taken over, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import sampling.estimator
from sampling.errors import SamplingError
from tests.estimator_run import COLUMNS, input_fn, receive

if tf.__version__.startswith("2.15."):
    pytest.skip("TensorFlow 2.15 has Keras 2 alone", allow_module_level=True)
sampling.estimator.install()
tf_keras = sampling.estimator.legacy_keras()
legacy = tf_keras.optimizers.legacy


def trained(optimizer, tmp_path, name):
    config = tf.estimator.RunConfig(str(tmp_path / name), tf_random_seed=3)
    estimator = tf.estimator.DNNClassifier([4], COLUMNS, optimizer=optimizer, config=config)
    estimator.train(input_fn)
    return estimator


decay = {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5}


@pytest.mark.parametrize("keras", ["keras 3", "tf_keras"])
@pytest.mark.parametrize(
    ("kind", "options", "schedule"),
    [
        ("Adam", {"learning_rate": 0.02, "beta_1": 0.8, "clipnorm": 0.5}, False),
        ("SGD", {"momentum": 0.9, "nesterov": True}, True),
        ("Ftrl", {"learning_rate": 0.3, "l1_regularization_strength": 0.01}, False),
    ],
)
def test_a_new_style_optimizer_trains_as_the_legacy_one(keras, kind, options, schedule, tmp_path):
    new = tf.keras.optimizers if keras == "keras 3" else tf_keras.optimizers
    rates = [
        {"learning_rate": each.schedules.ExponentialDecay(**decay)} if schedule else {}
        for each in (new, tf_keras.optimizers)
    ]
    given = trained(getattr(new, kind)(**options, **rates[0]), tmp_path, "given")
    expected = trained(getattr(legacy, kind)(**options, **rates[1]), tmp_path, "expected")
    assert given.get_variable_names() == expected.get_variable_names()
    for name in expected.get_variable_names():
        np.testing.assert_array_equal(
            given.get_variable_value(name), expected.get_variable_value(name)
        )


def own_schedule():
    class Own(tf.keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

        def get_config(self):
            return {}

    return tf.keras.optimizers.Adam(Own())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: tf.keras.optimizers.Lion(), "is Keras 3's Lion, expected one of .*legacy .*Adam"),
        (
            lambda: tf.keras.optimizers.Adam(weight_decay=0.1),
            "Adam with weight_decay=0.1, .*leave it",
        ),
        (lambda: tf.keras.optimizers.SGD(use_ema=True), "SGD with use_ema=True, .*leave it out"),
        (own_schedule, "learning rate is an? Own of Keras 3, expected .*LearningRateSchedule"),
        (lambda: tf.keras.optimizers.SGD, "function that returns Keras 3's SGD.*legacy .*Adam"),
    ],
)
def test_an_optimizer_without_a_legacy_counterpart_is_refused(make, sentence, tmp_path):
    with pytest.raises(SamplingError, match=sentence):
        trained(make(), tmp_path, "model")


@pytest.mark.parametrize("keras", ["Keras 3", "tf_keras"])
def test_a_head_takes_legacy_optimizers_alone(keras):
    optimizers = tf.keras.optimizers if keras == "Keras 3" else tf_keras.optimizers

    def model_fn(features, labels, mode):
        logits = tf_keras.layers.Dense(1)(features["x"])
        return tf.estimator.BinaryClassHead().create_estimator_spec(
            features, mode, logits, labels, optimizers.Adam(), trainable_variables=[]
        )

    with pytest.raises(SamplingError, match=f"is {keras}'s Adam, expected one of .*legacy_keras"):
        tf.estimator.Estimator(model_fn).train(input_fn)


def test_a_metric_of_keras_3_is_refused():
    estimator = tf.estimator.DNNClassifier([4], COLUMNS)
    estimator.train(input_fn, steps=1)
    with_metric = tf.estimator.add_metrics(estimator, lambda: {"mine": tf.keras.metrics.Mean()})
    with pytest.raises(SamplingError, match="metric 'mine' is a Mean of Keras 3, .*legacy_keras"):
        with_metric.evaluate(input_fn)


# Keras 2 itself.
@pytest.mark.filterwarnings("ignore:.*(set_learning_phase|state_updates)")
def test_a_model_of_keras_3_is_refused_and_one_of_tf_keras_becomes_an_estimator(tmp_path):
    def model(keras):
        made = keras.Sequential([keras.Input([3], name="x"), keras.layers.Dense(1, "sigmoid")])
        made.compile("sgd", "binary_crossentropy")
        return made

    with pytest.raises(SamplingError, match="model is a Sequential of Keras 3, .*legacy_keras"):
        tf_keras.estimator.model_to_estimator(model(tf.keras))
    estimator = tf_keras.estimator.model_to_estimator(model(tf_keras), model_dir=str(tmp_path))

    def plain():
        return input_fn().map(lambda features, label: ({"x": features["x"]}, label[:, None]))

    estimator.train(plain)
    first = estimator.evaluate(plain)["loss"]
    estimator.train(plain)
    assert estimator.evaluate(plain)["loss"] < first
    path = estimator.export_saved_model(str(tmp_path / "export"), receive).decode()
    assert "serving_default" in tf.saved_model.load(path).signatures
