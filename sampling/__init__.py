"""Input functions that train TensorFlow models on lopsided data straight from files."""

from sampling.downsample import InputFnDownsampleWithWeight
from sampling.fake_pairs import InputFnWithFakePairs
from sampling.input_fn import InputFn
from sampling.lookup import FeatureLookup
from sampling.schema import Field, Schema

__all__ = [
    "FeatureLookup",
    "Field",
    "InputFn",
    "InputFnDownsampleWithWeight",
    "InputFnWithFakePairs",
    "Schema",
]
