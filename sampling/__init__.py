"""Input functions that train TensorFlow models on lopsided data straight from files.

Which room to enter for what:

- another sampler: `sampling.samplers`, a subclass of `Sampler` with a plan
- another file format: `sampling.formats`, whose registry opens files as blocks of rows
- the columns of files: `sampling.schema`
- what an input function does when it is called: `sampling.input_fn`
- the order of rows, and all arithmetic of it: `sampling.order`
- another way to save where the input is: `sampling.checkpoint`
- features by kind, as the trainer's models have them: `sampling.features`
- another serving signature or head, or tf.estimator itself: `sampling.estimator`
- probabilities, priors, class weights: `sampling.probabilities`
- preparing files, and the commands for it: `sampling.prepare`; the report: `sampling.report`
- testing a sampler of your own: `sampling.testing`
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampling.errors import SamplingError
    from sampling.input_fn.downsample import InputFnDownsampleWithWeight
    from sampling.input_fn.fake_pairs import InputFnWithFakePairs
    from sampling.input_fn.input_fn import InputFn
    from sampling.input_fn.resample import InputFnResample
    from sampling.input_fn.stratified import InputFnStratified
    from sampling.probabilities.class_weights import with_class_weights
    from sampling.samplers.fake_pairs.lookup import FeatureLookup
    from sampling.samplers.plan import Plan
    from sampling.samplers.sampler import Sampler
    from sampling.schema import Field, Schema

__version__ = "0.2.0"

_HOMES = {
    "FeatureLookup": "samplers.fake_pairs.lookup",
    "Field": "schema",
    "InputFn": "input_fn.input_fn",
    "InputFnDownsampleWithWeight": "input_fn.downsample",
    "InputFnResample": "input_fn.resample",
    "InputFnStratified": "input_fn.stratified",
    "InputFnWithFakePairs": "input_fn.fake_pairs",
    "Plan": "samplers.plan",
    "Sampler": "samplers.sampler",
    "SamplingError": "errors",
    "Schema": "schema",
    "with_class_weights": "probabilities.class_weights",
}

__all__ = [
    "FeatureLookup",
    "Field",
    "InputFn",
    "InputFnDownsampleWithWeight",
    "InputFnResample",
    "InputFnStratified",
    "InputFnWithFakePairs",
    "Plan",
    "Sampler",
    "SamplingError",
    "Schema",
    "with_class_weights",
]


def __getattr__(name: str) -> Any:
    """Only what is asked for is imported: priors and reports need no TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
