"""In the place of tensorflow-estimator's modules for TPUs, which need what TensorFlow dropped.

Every name is a class that can be imported, and not made.
"""

from __future__ import annotations

import functools
from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _absent(name)


@functools.cache
def _absent(name: str) -> type:
    def refuse(self: Any, *args: Any, **options: Any) -> None:
        import tensorflow as tf

        raise NotImplementedError(
            f"{name} does not work on TensorFlow {tf.__version__}, which has none for TPUs; "
            "use TensorFlow 2.15, or tf.estimator.Estimator on CPUs or GPUs"
        )

    return type(name, (), {"__init__": refuse})
