"""The columns of the files: their names, types and roles, and where such descriptions come from."""

from sampling.schema.field import Field
from sampling.schema.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE, Schema

__all__ = ["FORWARDED_SUFFIX", "WEIGHT_FEATURE", "Field", "Schema"]
