"""Imports tensorflow-estimator so that its modules find what they were written for.

Inside them, and nowhere else, `import tensorflow as tf` gives `tensorflow_view.tf`.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

from sampling.estimator import keras3

PACKAGE = "tensorflow_estimator"
_TRAINING = "tensorflow.python.distribute.estimator_training"
_ROOT = f"{PACKAGE}.python.estimator"
_TPU = f"{_ROOT}.tpu"
_TPU_MODULES = ("", ".tpu_config", ".tpu_estimator", ".tpu_context", "._tpu_estimator_embedding")


def hook() -> None:
    """From now on, tensorflow-estimator is imported in this way."""
    # What an import of the package left behind when it failed for want of the hook.
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.machinery.PathFinder):
    """Finds the package's modules where they are, and loads them by `_Loader`."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a module with an `__import__` of its own, then adds to it what `keras3` has for it."""

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == PACKAGE:
            prepare()
        # A module's code looks `__import__` up here; its compiled file is used as it is.
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)
        add = keras3.ADDITIONS.get(module.__name__.removeprefix(f"{_ROOT}."))
        if add is not None:
            add(module)


def _import(
    name: str, globals_: Any = None, locals_: Any = None, names: Any = (), level: int = 0
) -> Any:
    found = builtins.__import__(name, globals_, locals_, names, level)
    if found is sys.modules["tensorflow"] and not names:
        from sampling.estimator.tensorflow_view import tf

        return tf
    return found


def prepare() -> None:
    """Fills in what TensorFlow no longer has."""
    from tensorflow.python.util import tf_export

    from sampling.estimator import coordinator, tpu

    if not hasattr(tf_export, "ESTIMATOR_API_NAME"):
        tf_export.ESTIMATOR_API_NAME = api = "estimator"
        for attributes, end in ((tf_export.API_ATTRS, ""), (tf_export.API_ATTRS_V1, "_v1")):
            attributes[api] = tf_export._Attributes(
                f"_{api}_api_names{end}", f"_{api}_api_constants{end}"
            )
    if importlib.util.find_spec(_TRAINING) is None:
        sys.modules[_TRAINING] = coordinator
    for name in _TPU_MODULES:
        sys.modules[_TPU + name] = tpu
