"""The `tf` of tensorflow-estimator's modules: TensorFlow, with Keras 2 for its Keras."""

from __future__ import annotations

import types
from typing import Any

import tensorflow
from tf_keras.api._v1 import keras as keras_v1
from tf_keras.api._v2 import keras as keras_v2


class _View(types.ModuleType):
    """A module with some attributes in the place of another one's."""

    def __init__(self, of: Any, **instead: Any):
        super().__init__(of.__name__)
        self.__dict__.update(instead, _of=of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_of"], name)


tf = _View(
    tensorflow,
    keras=keras_v2,
    # In TensorFlow itself these four are Keras's, too.
    initializers=keras_v2.initializers,
    losses=keras_v2.losses,
    metrics=keras_v2.metrics,
    optimizers=keras_v2.optimizers,
    compat=_View(
        tensorflow.compat,
        v1=_View(tensorflow.compat.v1, keras=keras_v1, layers=keras_v1.__internal__.legacy.layers),
        v2=_View(tensorflow.compat.v2, keras=keras_v2),
    ),
)
