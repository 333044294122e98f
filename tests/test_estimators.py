"""Forwarded features in predictions and exports, of canned and custom estimators."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn, Schema
from sampling.estimator import legacy_keras
from sampling.estimator.forwarding import forward_features
from sampling.estimator.serving import serving_input_receiver_fn

SCHEMA = Schema.from_dict(
    {"id": int, "code": str, "x": float, "label": int},
    label="label",
    features_to_forward=("id", "code"),
)
IDS, CODES = [11, 12, 13, 14], [b"a", b"b", b"", b"d"]


@pytest.fixture
def input_fn(tmp_path):
    rows = zip(IDS, CODES, (0.5, -1, 2, 0), (1, 0, 1, 0), strict=True)
    lines = [f"{id_},{code.decode()},{x},{label}\n" for id_, code, x, label in rows]
    (tmp_path / "rows.csv").write_text("id,code,x,label\n" + "".join(lines))
    return InputFn(str(tmp_path / "rows.csv"), SCHEMA, batch_size=3)


def canned(model_dir, **options):
    column = tf.feature_column.numeric_column("x")
    return tf.estimator.LinearClassifier(
        [column], model_dir=str(model_dir), weight_column="weight", **options
    )


def custom_model(features, labels, mode):
    weight = tf.compat.v1.get_variable("w", [], initializer=tf.compat.v1.ones_initializer())
    predictions = {"y": weight * features["x"]}
    api = tf.estimator.export
    outputs = {
        "serving_default": api.PredictOutput(predictions),
        "twice": api.PredictOutput({"twice_y": 2 * predictions["y"]}),
        "regression": api.RegressionOutput(predictions["y"]),
    }
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions, export_outputs=outputs)
    loss = tf.reduce_mean((predictions["y"] - tf.cast(labels, tf.float32)) ** 2)
    step = tf.compat.v1.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(mode, predictions, loss, step.assign_add(1).op)


def custom(model_dir):
    return tf.estimator.Estimator(custom_model, str(model_dir))


def predicted(estimator, input_fn, key):
    return [each[key] for each in estimator.predict(input_fn)]


def signatures(estimator, folder):
    path = estimator.export_saved_model(str(folder), serving_input_receiver_fn(SCHEMA)).decode()
    return tf.saved_model.load(path).signatures


@pytest.mark.parametrize(
    ("make", "key", "of"), [(canned, "logistic", SCHEMA), (custom, "y", ["id", "code"])]
)
def test_predictions_hold_the_forwarded_features(make, key, of, input_fn, tmp_path):
    plain = make(tmp_path / "model")
    plain.train(input_fn)
    forwarding = forward_features(plain, of)
    assert predicted(forwarding, input_fn, "id_") == IDS
    assert predicted(forwarding, input_fn, "code_") == CODES
    np.testing.assert_array_equal(
        predicted(forwarding, input_fn, key), predicted(plain, input_fn, key)
    )


def test_a_single_key_and_none(input_fn, tmp_path):
    plain = custom(tmp_path / "model")
    plain.train(input_fn)
    for keys, expected in (("code", {"y", "code_"}), ([], {"y"})):
        first = next(forward_features(plain, keys).predict(input_fn))
        assert set(first) == expected


def test_every_signature_that_can_carry_them_does(input_fn, tmp_path):
    estimator = forward_features(custom(tmp_path / "model"), SCHEMA)
    estimator.train(input_fn)
    found = signatures(estimator, tmp_path / "export")
    rows = tf.constant(["11,a,0.5", "12,,1"])
    for name, keys in (("serving_default", {"y"}), ("twice", {"twice_y"})):
        answer = found[f"csv:{name}"](csv_rows=rows)
        assert set(answer) == keys | {"id_", "code_"}
        assert answer["id_"].numpy().tolist() == [11, 12]
        assert answer["code_"].numpy().tolist() == [b"a", b""]
        assert set(found[name].structured_outputs) == keys | {"id_", "code_"}
    assert set(found["csv:regression"].structured_outputs) == {"outputs"}


def test_canned_default_signature_takes_tensors_and_forwards(input_fn, tmp_path):
    estimator = forward_features(canned(tmp_path / "model"), SCHEMA)
    estimator.train(input_fn)
    ask = signatures(estimator, tmp_path / "export")["serving_default"]
    id_, code, x = tf.constant([5], tf.int64), tf.constant(["q"]), tf.constant([0.5])
    answer = ask(id=id_, code=code, x=x)
    assert answer["id_"].numpy().tolist() == [5]
    assert answer["code_"].numpy().tolist() == [b"q"]
    assert answer["probabilities"].shape == (1, 2)


def test_a_warm_start_is_kept(input_fn, tmp_path):
    first = canned(tmp_path / "first")
    first.train(input_fn)
    optimizer = legacy_keras().optimizers.legacy.SGD(0.0)
    warm = canned(tmp_path / "warm", optimizer=optimizer, warm_start_from=first.model_dir)
    forwarding = forward_features(warm, SCHEMA)
    forwarding.train(input_fn)
    np.testing.assert_array_equal(
        predicted(forwarding, input_fn, "logits"), predicted(first, input_fn, "logits")
    )


def test_a_feature_that_does_not_come_is_named(input_fn, tmp_path):
    estimator = forward_features(custom(tmp_path / "model"), "city")
    estimator.train(input_fn)
    with pytest.raises(ValueError, match="no 'city_'.*features_to_forward"):
        next(estimator.predict(input_fn))


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (lambda x: x, "predictions are a .*Tensor, expected a dict"),
        (lambda x: {"id_": x}, "predictions have 'id_' already"),
    ],
)
def test_predictions_they_cannot_join(predictions, message, input_fn, tmp_path):
    def model_fn(features, labels, mode):
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tf.estimator.EstimatorSpec(mode, predictions(features["x"]))
        return custom_model(features, labels, mode)

    estimator = forward_features(tf.estimator.Estimator(model_fn, str(tmp_path)), SCHEMA)
    estimator.train(input_fn)
    with pytest.raises(ValueError, match=message):
        next(estimator.predict(input_fn))


@pytest.mark.once
def test_importing_the_library_does_not_import_tf_estimator():
    code = (
        "import sys, sampling, sampling.estimator.serving, sampling.estimator.forwarding;"
        "sys.exit(any('tensorflow_estimator' in name for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
