"""Input functions that train TensorFlow models on lopsided data straight from files."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampling.input_fn.input_fn import InputFn
    from sampling.probabilities.class_weights import with_class_weights
    from sampling.samplers.downsample import InputFnDownsampleWithWeight
    from sampling.samplers.fake_pairs.lookup import FeatureLookup
    from sampling.samplers.fake_pairs.sampler import InputFnWithFakePairs
    from sampling.samplers.resample import InputFnResample
    from sampling.samplers.stratified import InputFnStratified
    from sampling.schema import Field, Schema

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
    "FeatureLookup": "samplers.fake_pairs.lookup",
    "Field": "schema",
    "InputFn": "input_fn.input_fn",
    "InputFnDownsampleWithWeight": "samplers.downsample",
    "InputFnResample": "samplers.resample",
    "InputFnStratified": "samplers.stratified",
    "InputFnWithFakePairs": "samplers.fake_pairs.sampler",
    "Schema": "schema",
    "with_class_weights": "probabilities.class_weights",
}


def __getattr__(name: str) -> Any:
    """Only what is asked for is imported: calibration and reports need no TensorFlow."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
