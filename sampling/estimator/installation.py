"""Gives TensorFlow 2.16 and newer their tf.estimator back.

The other modules, in reading order:

- `importing`: tensorflow-estimator's modules see a `tf` of their own
- `tensorflow_view`: that `tf`
- `coordinator`, `tpu`: what TensorFlow no longer has
- `keras3`: what users may hand over
- `private_names`: what may vanish next
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from sampling.estimator.importing import PACKAGE, hook

_APIS = f"{PACKAGE}.python.estimator.api"


def install() -> Any:
    """Makes tf.estimator and tf.compat.v1.estimator available.

    As in TensorFlow 2.15, tensorflow-estimator is imported when something of it is first asked for.
    tf.keras stays what it is. TensorFlow 2.15, and a second call, are left as they are.

    Returns:
        tf.estimator.

    Raises:
        ImportError: tensorflow-estimator or tf_keras is not installed.
    """
    import tensorflow as tf

    if hasattr(tf, "estimator"):
        return tf.estimator
    for name, project in ((PACKAGE, "tensorflow-estimator==2.15.*"), ("tf_keras", "tf_keras")):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"TensorFlow {tf.__version__} has no tf.estimator, and {name}, which it can be "
                f"made of, is not installed; pip install 'tf-sampling[estimator]', or {project}"
            )
    hook()
    v1, v2 = (_LazyModule(f"{_APIS}._v{version}.estimator") for version in (1, 2))
    for name, module in (("v1", v1), ("v2", v2)):
        # The same module as that of tf.compat, or another copy of it.
        imported: Any = importlib.import_module(f"tensorflow.compat.{name}")
        imported.estimator = getattr(tf.compat, name).estimator = module
        sys.modules[f"tensorflow.compat.{name}.estimator"] = module
    tf.estimator = sys.modules["tensorflow.estimator"] = v2
    return tf.estimator


def legacy_keras() -> Any:
    """The Keras whose layers, metrics and optimizers Estimators take.

    That is Keras 2: tf_keras, and tf.keras itself in TensorFlow 2.15.
    """
    import tensorflow as tf

    if tuple(map(int, tf.__version__.split(".")[:2])) < (2, 16):
        return tf.keras
    return importlib.import_module("tf_keras")


class _LazyModule(types.ModuleType):
    """Stands for a module that is imported when something of it is asked for."""

    def __init__(self, name: str):
        super().__init__(name)
        root = importlib.util.find_spec(PACKAGE)
        assert root is not None and root.origin is not None
        # For `import tensorflow.estimator.export`.
        self.__path__ = [str(Path(root.origin).parent.joinpath(*name.split(".")[1:]))]

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # asked for by whoever inspects modules, doctest for one
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self.__name__))
