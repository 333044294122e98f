"""Input functions that train TensorFlow models on lopsided data straight from files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampling.class_weights import with_class_weights
    from sampling.downsample import InputFnDownsampleWithWeight
    from sampling.fake_pairs import InputFnWithFakePairs
    from sampling.field import Field
    from sampling.input_fn import InputFn
    from sampling.lookup import FeatureLookup
    from sampling.resample import InputFnResample
    from sampling.schema import Schema
    from sampling.stratified import InputFnStratified

__all__ = [
    "FeatureLookup",
    "Field",
    "InputFn",
    "InputFnDownsampleWithWeight",
    "InputFnResample",
    "InputFnStratified",
    "InputFnWithFakePairs",
    "Schema",
    "with_class_weights",
]

_MODULES = {
    "FeatureLookup": "lookup",
    "Field": "field",
    "InputFn": "input_fn",
    "InputFnDownsampleWithWeight": "downsample",
    "InputFnResample": "resample",
    "InputFnStratified": "stratified",
    "InputFnWithFakePairs": "fake_pairs",
    "Schema": "schema",
    "with_class_weights": "class_weights",
}


def __getattr__(name: str) -> Any:
    """Only what is asked for is imported: calibration and reports need no TensorFlow."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
