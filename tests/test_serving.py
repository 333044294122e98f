"""Exported models asked in every way."""

from __future__ import annotations

import base64
import json

import grpc
import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn
from sampling.estimator.serving import serving_input_receiver_fn
from tests import test_lists
from tests.servicer import answer_command, answer_json, loaded, request_of, serving
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
    signatures = loaded(custom).signatures
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
    signatures = loaded(canned).signatures
    by_csv = signatures["csv:predict"](csv_rows=tf.constant(ROWS))
    by_tensors = signatures["predict"](**raw_inputs(of_training(tmp_path, ROWS)))
    assert by_csv["logistic"].shape == (len(ROWS), 1)
    np.testing.assert_array_equal(by_csv["logistic"], by_tensors["logistic"])
    assert len(np.unique(by_csv["logistic"])) > 3


@pytest.mark.once
def test_neither_label_nor_weight_is_asked_for(canned, custom):
    for path in (canned, custom):
        for name, signature in loaded(path).signatures.items():
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
    ask = loaded(canned).signatures["csv:predict"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="id.*REQUIRED"):
        ask(csv_rows=tf.constant([",1,1,,,1"]))


@pytest.mark.once
def test_saved_model_cli(canned):
    rows = [row.encode() for row in ROWS]
    found = answer_command(canned, "csv:predict", {"csv_rows": np.array(rows)})
    ask = loaded(canned).signatures["csv:predict"]
    np.testing.assert_array_equal(found["logistic"], ask(csv_rows=tf.constant(rows))["logistic"])


@pytest.fixture(scope="module")
def canned_stub(canned):
    with serving(canned) as stub:
        yield stub


@pytest.fixture(scope="module")
def custom_stub(custom):
    with serving(custom) as stub:
        yield stub


def test_grpc_messages_of_rows_and_of_tensors(canned, canned_stub, tmp_path):
    expected = loaded(canned).signatures["csv:predict"](csv_rows=tf.constant(ROWS))
    inputs = {
        name: tensor.numpy() for name, tensor in raw_inputs(of_training(tmp_path, ROWS)).items()
    }
    for request in (
        request_of("csv:predict", {"csv_rows": ROWS}),
        request_of("predict", inputs),
    ):
        outputs = canned_stub.Predict(request).outputs
        assert set(outputs) == set(expected)
        np.testing.assert_array_equal(tf.make_ndarray(outputs["logistic"]), expected["logistic"])


def test_forwarded_features_come_back_by_grpc(custom_stub, tmp_path):
    outputs = custom_stub.Predict(request_of("csv:serving_default", {"csv_rows": ROWS})).outputs
    expected = of_training(tmp_path, ROWS)
    for name in ("id", "city"):
        found = tf.make_ndarray(outputs[name + "_"])
        assert found.tolist() == expected[name].tolist()


@pytest.mark.parametrize(
    ("signature", "inputs", "status", "words"),
    [
        ("csv:predict", {"csv_rows": ["1,abc,,,,"]}, "INVALID_ARGUMENT", "'amount'"),
        ("csv:predict", {"csv_rows": ["1,2"]}, "INVALID_ARGUMENT", "6 fields"),
        ("csv:predict", {"rows": ["1,2"]}, "INVALID_ARGUMENT", "csv_rows"),
        ("predict", {"id": [1]}, "INVALID_ARGUMENT", "amount"),
        ("predicted", {"csv_rows": ROWS}, "NOT_FOUND", "predicted"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_grpc(canned_stub, signature, inputs, status, words):
    with pytest.raises(grpc.RpcError) as error:
        canned_stub.Predict(request_of(signature, inputs))
    assert error.value.code() == grpc.StatusCode[status]
    assert words in error.value.details().replace("\\'", "'")


@pytest.mark.once
def test_json_instances_by_feature(canned, custom, tmp_path):
    """The JSON of AI Platform, Vertex AI and TensorFlow Serving."""
    features = of_training(tmp_path, ROWS)
    plain = {
        name: [each.decode() if isinstance(each, bytes) else each for each in values.tolist()]
        for name, values in features.items()
    }
    instances = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    text = json.dumps({"signature_name": "predict", "instances": instances})
    found = json.loads(answer_json(canned, text))["predictions"]
    expected = loaded(canned).signatures["csv:predict"](csv_rows=tf.constant(ROWS))
    np.testing.assert_allclose([row["logistic"] for row in found], expected["logistic"], rtol=1e-6)
    text = json.dumps({"signature_name": "serving_default", "instances": instances})
    echoed = json.loads(answer_json(custom, text))["predictions"]
    assert [row["id_"] for row in echoed] == plain["id"]
    assert [row["city_"] for row in echoed] == plain["city"]


@pytest.mark.once
def test_json_instances_of_rows(canned):
    encoded = [{"b64": base64.b64encode(row.encode()).decode()} for row in ROWS]
    named = [{"csv_rows": row} for row in ROWS]
    answers = [
        answer_json(canned, json.dumps({"signature_name": "csv:predict", "instances": instances}))
        for instances in (ROWS, named, encoded)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(json.loads(answers[0])["predictions"]) == len(ROWS)


def test_lists_are_served_by_name_and_not_as_text():
    with tf.Graph().as_default():
        receiver = serving_input_receiver_fn(test_lists.SCHEMA)()
    assert {
        n: t.shape.as_list()[1:] for n, t in receiver.receiver_tensors.items()
    } == test_lists.SHAPES
    assert not receiver.receiver_tensors_alternatives
