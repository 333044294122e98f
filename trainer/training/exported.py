"""The rows of files put to an exported model, as it is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFn
from sampling.errors import SamplingError
from sampling.progress import Progress

_SIGNATURE = "predict"


class ExportedModel:
    """The signature `predict` of an export, in a session of its own.

        outputs = ExportedModel(path)({"age": ages, "city": cities})

    `tf.saved_model.load` would make a function of each signature first; where there are many
    features that takes longer than to answer.

    Attributes:
        features: the types of the features that it asks for, by name.
    """

    def __init__(self, path: str) -> None:
        """
        Raises:
            SamplingError: the directory holds no SavedModel, or one without the signature.
        """
        expected = "expected the directory of an export, such as JOB_DIR/export/1700000000"
        if not tf.saved_model.contains_saved_model(path):
            raise SamplingError(f"{path} holds no SavedModel, {expected}; fix --export_dir")
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], path)
        except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
            reason = str(error).strip().splitlines()[0]
            raise SamplingError(
                f"the SavedModel in {path} can't be loaded ({reason}), {expected}; export it again"
            ) from None
        signatures = {
            name: signature
            for name, signature in loaded.signature_def.items()
            if not name.startswith("__")  # TensorFlow's own
        }
        if _SIGNATURE not in signatures:
            raise SamplingError(
                f"the SavedModel in {path} has the signatures {', '.join(signatures) or 'none'}, "
                f"expected {_SIGNATURE!r} among them; name the export of a trained model"
            )
        signature = signatures[_SIGNATURE]
        self._outputs = {name: tensor.name for name, tensor in signature.outputs.items()}
        self._ask = {name: tensor.name for name, tensor in signature.inputs.items()}
        self.features = {
            name: tf.as_dtype(tensor.dtype) for name, tensor in signature.inputs.items()
        }

    def __call__(self, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name, [rows] or [rows, n]; more features than it asks for are let be."""
        feed = {tensor: features[name] for name, tensor in self._ask.items()}
        answer: dict[str, np.ndarray] = self._session.run(self._outputs, feed)
        return answer


def predict(path: str, input_fn: InputFn) -> Iterator[Mapping[str, np.ndarray]]:
    """What the export answers to each batch from where input_fn stands, and the features beside it.

    Raises:
        SamplingError: the directory holds no SavedModel, or one that does not take these features.
    """
    model = ExportedModel(path)
    specs = _features(input_fn.dataset().element_spec)
    missing = sorted(model.features.keys() - specs.keys())
    if missing:
        raise SamplingError(
            f"the model in {path} asks for {', '.join(missing)}, which the files lack; name the "
            "export of a model of these files"
        )
    for name, type_ in model.features.items():  # a session would cut floats to integers
        if specs[name].dtype != type_:
            raise SamplingError(
                f"the model in {path} asks for {name} as {type_.name}, and by the schema it is "
                f"{specs[name].dtype.name}; name the export of a model of these files"
            )
    return _answers(model, input_fn)


def _answers(model: ExportedModel, input_fn: InputFn) -> Iterator[Mapping[str, np.ndarray]]:
    progress, rows = Progress("predicting", input_fn.steps_left), 0
    for step, batch in enumerate(input_fn.batches()):
        features = _features(batch)
        rows += len(next(iter(features.values())))
        yield {**features, **model(features)}
        progress.update(step, rows)
    progress.close(rows)


def _features(element: Any) -> Mapping[str, Any]:
    """Beside which labels and weights stand, where files have labels."""
    return element[0] if isinstance(element, tuple) else element
