"""The trainer's features for models of one's own: canned Estimators and Keras."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from sampling import InputFn, Schema
from sampling.estimator import install, legacy_keras
from sampling.estimator.serving import serving_input_receiver_fn
from sampling.features import FeatureLayer, feature_columns, measure, readable
from tests.test_wide_deep import LABEL, made_up

ROWS = 6_000
NAMES = ["agent", "code", "spend", "nights", "room", "arrives", "deposit", "vip"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """(Input function of rows to train on, of others, true probabilities of these, columns)"""
    folder = tmp_path_factory.mktemp("bookings")
    frame, truth = made_up(ROWS)
    frame[NAMES + [LABEL]].to_csv(folder / "rows.csv", index=False)
    schema = readable(Schema.infer(str(folder / "rows.csv"), LABEL))
    frame[: ROWS // 2][NAMES + [LABEL]].to_csv(folder / "train.csv", index=False)
    frame[ROWS // 2 :][NAMES + [LABEL]].to_csv(folder / "test.csv", index=False)
    train = InputFn(f"{folder}/train.csv", schema, shuffle=True, num_epochs=4, batch_size=64)
    test = InputFn(f"{folder}/test.csv", schema, batch_size=ROWS)
    return train, test, truth[ROWS // 2 :], measure(train)


def check(found, rows):
    """A little behind the truth, and far ahead of what raw columns would give."""
    _, test, truth, _ = rows
    _, labels, _ = next(test.batches())
    assert np.isfinite(found).all()
    best, own = roc_auc_score(labels, truth), roc_auc_score(labels, found)
    assert own > best - 0.07, (own, best)
    return labels


@pytest.mark.long  # the README's example does it, too
def test_a_canned_estimator_learns_from_them_and_is_exported(rows, tmp_path):
    train, test, _, columns = rows
    estimator = install().DNNClassifier(
        model_dir=str(tmp_path / "model"),
        feature_columns=feature_columns(columns),
        hidden_units=[32],
        optimizer=legacy_keras().optimizers.legacy.Adam(0.01),
        weight_column="weight",
        config=install().RunConfig(tf_random_seed=1),
    )
    estimator.train(train)
    receiver = serving_input_receiver_fn(test.schema)
    path = estimator.export_saved_model(str(tmp_path / "export"), receiver).decode()
    ask = tf.saved_model.load(path).signatures["predict"]
    features = next(test.batches())[0]
    asked = ask(**{name: tf.constant(values) for name, values in features.items()})
    check(asked["logistic"][:, 0], rows)


def test_those_of_a_linear_model_have_names_of_their_own(rows):
    found = feature_columns(rows[3], embedded=False)
    names = [column.name for column in found]
    assert len(set(names)) == len(names) > len(NAMES)


def test_a_keras_model_learns_from_them_and_is_saved(rows, tmp_path):
    train, test, _, columns = rows
    tf.keras.utils.set_random_seed(1)
    layer = FeatureLayer(columns)
    inputs = layer.inputs(train.schema)
    hidden = tf.keras.layers.Dense(32, "relu")(layer(inputs))
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, "sigmoid")(hidden))
    model.compile(tf.keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(train.dataset(NAMES), epochs=1, verbose=0)
    found = model.predict(test.dataset(NAMES), verbose=0)
    check(found[:, 0], rows)
    model.save(tmp_path / "model.keras")
    again = tf.keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(test.dataset(NAMES), verbose=0), found)


def test_the_layer_tells_its_shape_and_takes_columns_by_name_alone(rows):
    _, test, _, columns = rows
    layer = FeatureLayer(columns)
    assert sorted(layer.inputs(test.schema)) == sorted(NAMES)
    features = next(test.batches())[0]
    given = {name: tf.constant(values[:20]) for name, values in features.items()}
    found = layer({**given, "other": tf.constant(["?"] * 20)})
    assert layer.compute_output_shape({}) == (None, found.shape[1])
    in_columns = {name: values[:, tf.newaxis] for name, values in given.items()}
    np.testing.assert_array_equal(layer(in_columns), found)
