"""Features of users or of items, from files with a row for each, as a matrix of numbers.

A number or a date is standardized, and has columns for its tenths; categories and lists have one
for each frequent value. What is missing is 0 in all of them. Ids are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sampling import FeatureLookup, Field, Schema
from sampling.prepare import schema as inferring
from sampling.samplers.fake_pairs.lookup import MultiHot
from sampling.schema.inferring.inference import Wishes

_MOST_VALUES = 1000  # of a category or of a list
_TENTHS = np.arange(1, 10) / 10


class Features:
    """A lookup in files, and how its columns become numbers.

    Args:
        globs: of the files.
        key: the column of ids.
        is_integer: whether ids are whole numbers elsewhere.
        lists: the separator of each column that holds lists.

    Attributes:
        ids: that have a row, int64 or bytes objects.

    Raises:
        SamplingError: files can't be read, or a column is lacking.
    """

    def __init__(self, globs: list[str], key: str, is_integer: bool, lists: Mapping[str, str]):
        made = inferring.infer(globs, Wishes(key=[key]), inferring.HowToRead())
        own = {name: text for name, text in lists.items() if name in made.schema.names}
        fields = tuple(
            _field(field, key, is_integer, own)
            for field in made.schema
            if field.name == key or field.name in own or field.kind != "id"
        )
        options = made.csv.by_name() if made.csv else {}
        self._lookup = FeatureLookup(globs, Schema(fields), key, lists=own, **options)
        self._dates = [field.name for field in made.schema if field.kind == "date"]
        self.ids = self._lookup.ids

    def matrix(self, ids: np.ndarray) -> np.ndarray:
        """float32 [ids, width]; rows of 0 for ids without features."""
        blocks = [np.zeros((len(ids), 0))]
        for name, values in self._lookup(ids).items():
            if isinstance(values, MultiHot):
                hot = values[np.arange(len(ids))]
                most = np.sort(np.argsort(-hot.sum(axis=0), kind="stable")[:_MOST_VALUES])
                blocks.append(hot[:, most])
            elif name in self._dates:
                blocks.append(_of_numbers(np.array(list(map(_days, values)))))
            elif values.dtype == object:
                blocks.append(_of_categories(values))
            else:
                blocks.append(_of_numbers(values.astype(np.float64)))
        found: np.ndarray = np.concatenate(blocks, axis=1).astype(np.float32)
        return found


def _field(field: Field, key: str, is_integer: bool, lists: Mapping[str, str]) -> Field:
    if field.name == key:
        return Field(key, int if is_integer else str)
    if field.name in lists or field.kind != "number":
        return Field(field.name, str)
    return Field(field.name, float, default=math.nan)


def _of_numbers(values: np.ndarray) -> np.ndarray:
    """[n] -> [n, 1 + tenths]"""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros((len(values), 0))
    spread = values[known].std() or 1.0
    scaled = np.where(known, (values - values[known].mean()) / spread, 0)
    bounds = np.unique(np.quantile(values[known], _TENTHS, method="higher"))
    bounds = bounds[bounds > values[known].min()]
    tenths = np.searchsorted(bounds, values, side="right")
    hot = (tenths[:, np.newaxis] == np.arange(len(bounds) + 1)) & known[:, np.newaxis]
    return np.concatenate([np.clip(scaled, -5, 5)[:, np.newaxis], hot], axis=1)


def _of_categories(values: np.ndarray) -> np.ndarray:
    """bytes [n] -> [n, frequent values]"""
    names, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    frequent = [
        place
        for place in np.argsort(-counts, kind="stable")[: _MOST_VALUES + 1]
        if names[place] != b""
    ]
    return codes[:, np.newaxis] == np.array(sorted(frequent[:_MOST_VALUES]), np.int64)


def _days(text: bytes) -> float:
    """b"2024-01-31 12:00" -> since 1970; NaN for what is no date."""
    try:
        return float(np.datetime64(text[:10].decode(), "D").astype(np.int64)) if text else math.nan
    except ValueError:
        return math.nan
