"""Input functions that train TensorFlow models on lopsided data straight from files."""

from sampling.downsample import InputFnDownsampleWithWeight
from sampling.input_fn import InputFn
from sampling.schema import Field, Schema

__all__ = ["Field", "InputFn", "InputFnDownsampleWithWeight", "Schema"]
