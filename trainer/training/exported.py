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


def predict(path: str, input_fn: InputFn) -> Iterator[Mapping[str, np.ndarray]]:
    """What the signature `predict` answers to each batch from where input_fn stands, and the
    features beside it.

    Raises:
        SamplingError: the directory holds no SavedModel, or one that does not take these features.
    """
    ask = signature(path)
    asked = ask.structured_input_signature[1]
    missing = sorted(set(asked) - set(_features(input_fn.dataset().element_spec)))
    if missing:
        raise SamplingError(
            f"the model in {path} asks for {', '.join(missing)}, which the files lack; name the "
            "export of a model of these files"
        )
    return _answers(ask, asked, input_fn)


def signature(path: str) -> Any:
    """The signature `predict` of an export.

    Raises:
        SamplingError: the directory holds no SavedModel, or one without it.
    """
    expected = "expected the directory of an export, such as JOB_DIR/export/1700000000"
    if not tf.saved_model.contains_saved_model(path):
        raise SamplingError(f"{path} holds no SavedModel, {expected}; fix --export_dir")
    try:
        signatures = tf.saved_model.load(path).signatures
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SamplingError(
            f"the SavedModel in {path} can't be loaded ({reason}), {expected}; export it again"
        ) from None
    if _SIGNATURE not in signatures:
        raise SamplingError(
            f"the SavedModel in {path} has the signatures {', '.join(signatures) or 'none'}, "
            f"expected {_SIGNATURE!r} among them; name the export of a trained model"
        )
    return signatures[_SIGNATURE]


def _answers(
    ask: Any, asked: Mapping[str, Any], input_fn: InputFn
) -> Iterator[Mapping[str, np.ndarray]]:
    progress, rows = Progress("predicting", input_fn.steps_left), 0
    for step, element in enumerate(input_fn.dataset()):
        features = _features(element)
        outputs = ask(**{name: features[name] for name in asked})
        rows += len(next(iter(features.values())))
        progress.update(step, rows)
        yield {name: tensor.numpy() for name, tensor in {**features, **outputs}.items()}
    progress.close(rows)


def _features(element: Any) -> Mapping[str, Any]:
    """Beside which labels and weights stand, where files have labels."""
    return element[0] if isinstance(element, tuple) else element
