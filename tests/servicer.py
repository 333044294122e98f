"""A small stand-in for TensorFlow Serving: a SavedModel asked by its gRPC messages, or by JSON.

What JSON means is written at https://www.tensorflow.org/tfx/serving/api_rest (AI Platform and
Vertex AI take the same `instances`); the messages are those of tensorflow-serving-api.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import tempfile
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

NAME = "sampled"  # of the model, which requests give


@functools.cache
def loaded(path: str) -> Any:
    """A SavedModel, which takes longer to load than to ask."""
    return tf.saved_model.load(path)


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict; anything wrong with a request is INVALID_ARGUMENT or NOT_FOUND."""

    def __init__(self, path: str):
        self._model = loaded(path)

    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        name = request.model_spec.signature_name or "serving_default"
        if request.model_spec.name != NAME or name not in self._model.signatures:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no signature {name}")
        inputs = {key: tf.constant(tf.make_ndarray(it)) for key, it in request.inputs.items()}
        try:
            outputs = self._model.signatures[name](**inputs)
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse()
        for key, tensor in outputs.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(tensor.numpy()))
        return response


@contextlib.contextmanager
def serving(path: str) -> Iterator[Any]:
    """Serves the model while it lasts; gives a client's stub."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(path), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    server.stop(None)


def request_of(signature: str, inputs: dict[str, Any]) -> Any:
    """Inputs by name, lists or arrays, as a PredictRequest."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = NAME, signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def answer_json(path: str, text: str) -> str:
    """{"signature_name": ..., "instances": [...]} -> {"predictions": [...]}"""
    request = json.loads(text)
    signature = loaded(path).signatures[request["signature_name"]]
    specs = signature.structured_input_signature[1]
    instances = request["instances"]
    if not isinstance(instances[0], dict) or "b64" in instances[0]:  # where there is one input
        (only,) = specs
        instances = [{only: instance} for instance in instances]
    inputs = {
        name: tf.constant([_value(instance[name]) for instance in instances], spec.dtype)
        for name, spec in specs.items()
    }
    outputs = {name: _plain(tensor.numpy()) for name, tensor in signature(**inputs).items()}
    rows = zip(*outputs.values(), strict=True)
    return json.dumps({"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]})


def answer_command(path: str, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
    """What `saved_model_cli run` writes; by its own functions, in this process."""
    from tensorflow.python.tools import saved_model_cli

    with tempfile.TemporaryDirectory() as name:
        given, folder = Path(name, "inputs.npz"), Path(name, "outputs")
        np.savez(given, **inputs)
        said = ";".join(f"{each}={given}[{each}]" for each in inputs)  # --inputs
        feed = saved_model_cli.load_inputs_from_input_arg_string(said, "", "")
        saved_model_cli.run_saved_model_with_feed_dict(
            path, "serve", signature, feed, str(folder), overwrite_flag=True
        )
        return {each.stem: np.load(each, allow_pickle=True) for each in folder.iterdir()}


def answers(
    path: str, signature: str, inputs: dict[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """A model's outputs by way of asking: a gRPC message, JSON, TensorFlow's command."""
    request = predict_pb2.PredictRequest.FromString(
        request_of(signature, inputs).SerializeToString()
    )
    by_message = Servicer(path).Predict(request, None).outputs
    lists = {name: values.tolist() for name, values in inputs.items()}
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    text = json.dumps({"signature_name": signature, "instances": rows})
    by_json = json.loads(answer_json(path, text))["predictions"]
    in_bytes = {
        name: np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values
        for name, values in inputs.items()
    }
    return {
        "gRPC": {name: tf.make_ndarray(tensor) for name, tensor in by_message.items()},
        "JSON": {name: np.array([row[name] for row in by_json]) for name in by_json[0]},
        "saved_model_cli": answer_command(path, signature, in_bytes),
    }


def _value(value: Any) -> Any:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _plain(array: np.ndarray) -> list[Any]:
    if array.dtype.hasobject:
        array = np.vectorize(bytes.decode, otypes=[object])(array)
    return array.tolist()
