"""Exported models asked in every way."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn
from sampling.serving import serving_input_receiver_fn
from tests.test_parse_csv import NULLS, ROWS, SCHEMA, of_training


@pytest.fixture(scope="module")
def input_fn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    path = folder / "train.csv"
    header = ",".join(field.name for field in SCHEMA.features) + ",label,importance\n"
    path.write_text(
        header + "".join(row.strip("\r\n") + f",{i % 2},1\n" for i, row in enumerate(ROWS))
    )
    return InputFn(str(path), SCHEMA, null_values=NULLS, batch_size=4)


def exported(estimator, input_fn, folder):
    estimator.train(input_fn)
    receiver_fn = serving_input_receiver_fn(SCHEMA, null_values=NULLS)
    return estimator.export_saved_model(str(folder), receiver_fn).decode()


@pytest.fixture(scope="module")
def canned(input_fn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("canned")
    column = tf.feature_column
    columns = [
        column.numeric_column("count", normalizer_fn=lambda x: tf.cast(x, tf.float32) / 1e19),
        column.numeric_column("vip"),
        column.categorical_column_with_hash_bucket("city", 10),
    ]
    estimator = tf.estimator.LinearClassifier(
        columns, weight_column="weight", model_dir=str(folder / "model")
    )
    return exported(estimator, input_fn, folder / "export")


def echo(features, labels, mode):
    """A custom model whose predictions are the features that it was given."""
    names = [field.name for field in SCHEMA.features] + ["id_", "city_"]
    predictions = {name: tf.identity(features[name]) for name in names}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {"serving_default": tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions, export_outputs=outputs)
    step = tf.compat.v1.train.get_or_create_global_step()
    loss = tf.reduce_sum(features["weight"])
    return tf.estimator.EstimatorSpec(mode, predictions, loss, step.assign_add(1).op)


@pytest.fixture(scope="module")
def custom(input_fn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("custom")
    estimator = tf.estimator.Estimator(echo, str(folder / "model"))
    return exported(estimator, input_fn, folder / "export")


def raw_inputs(features):
    return {name: tf.constant(values.tolist(), dtype_of(name)) for name, values in features.items()}


def dtype_of(name):
    return tf.string if SCHEMA[name].is_string else tf.as_dtype(SCHEMA[name].numpy_dtype)


def test_custom_model_gets_the_values_of_training(custom, tmp_path):
    expected = of_training(tmp_path, ROWS)
    signatures = tf.saved_model.load(custom).signatures
    assert set(signatures) == {"serving_default", "csv:serving_default"}
    by_csv = signatures["csv:serving_default"](csv_rows=tf.constant(ROWS))
    by_tensors = signatures["serving_default"](**raw_inputs(expected))
    for found in (by_csv, by_tensors):
        assert {name: values.numpy().tolist() for name, values in found.items()} == {
            **{name: values.tolist() for name, values in expected.items()},
            "id_": expected["id"].tolist(),
            "city_": expected["city"].tolist(),
        }


def test_canned_model_answers_the_same_to_tensors_and_rows(canned, tmp_path):
    signatures = tf.saved_model.load(canned).signatures
    by_csv = signatures["csv:predict"](csv_rows=tf.constant(ROWS))
    by_tensors = signatures["predict"](**raw_inputs(of_training(tmp_path, ROWS)))
    assert by_csv["logistic"].shape == (len(ROWS), 1)
    np.testing.assert_array_equal(by_csv["logistic"], by_tensors["logistic"])
    assert len(np.unique(by_csv["logistic"])) > 3


def test_neither_label_nor_weight_is_asked_for(canned, custom):
    for path in (canned, custom):
        for name, signature in tf.saved_model.load(path).signatures.items():
            asked = {
                key: spec.dtype for key, spec in signature.structured_input_signature[1].items()
            }
            if name in ("csv:classification", "csv:regression", "csv:serving_default"):
                assert list(asked.values()) == [tf.string]
            elif name.startswith("csv:"):
                assert asked == {"csv_rows": tf.string}
            else:
                assert asked == {field.name: dtype_of(field.name) for field in SCHEMA.features}


def test_bad_row_is_an_error_of_the_exported_model(canned):
    ask = tf.saved_model.load(canned).signatures["csv:predict"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="id.*REQUIRED"):
        ask(csv_rows=tf.constant([",1,1,,,1"]))


def test_saved_model_cli(canned):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run"]
    command += ["--dir", canned, "--tag_set", "serve", "--signature_def", "csv:predict"]
    command += ["--input_exprs", "csv_rows=[b'1,2.5,true,2024-02-29,Rome,3', b'2,,,,,']"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    ask = tf.saved_model.load(canned).signatures["csv:predict"]
    probability = ask(csv_rows=tf.constant(ROWS[:2]))["logistic"].numpy()
    assert f"output key logistic:\n{probability}" in result.stdout
