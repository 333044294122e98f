"""Columns whose values are in the names of folders: `sales/dt=2024-01-01/part-0.parquet`."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence

import pyarrow as pa

from sampling.errors import SamplingError
from sampling.formats.values import text
from sampling.formats.values.conversion import BadValueError
from sampling.schema import Schema

_MISSING = "__HIVE_DEFAULT_PARTITION__"


def of_path(path: str) -> dict[str, str]:
    """`a/dt=2024-01-01/x.csv` -> {"dt": "2024-01-01"}"""
    pairs = [part.partition("=") for part in path.split("/")[:-1]]
    unquote = urllib.parse.unquote
    return {unquote(name): unquote(value) for name, is_pair, value in pairs if name and is_pair}


def columns(paths: Sequence[str], schema: Schema) -> dict[str, pa.Array]:
    """The values of the schema's columns that paths have, by name, one for each path.

    Raises:
        SamplingError: a value is not of its field's type; or some paths have a column, others not.
    """
    found = [of_path(path) for path in paths]
    names = [name for name in schema.names if any(name in pairs for pairs in found)]
    return {name: _column(name, paths, found, schema) for name in names}


def _column(
    name: str, paths: Sequence[str], found: Sequence[dict[str, str]], schema: Schema
) -> pa.Array:
    values = [
        None if (value := pairs.get(name)) in (None, "", _MISSING) else value for pairs in found
    ]
    try:
        return text.typed(pa.array(values, pa.string()), schema[name], schema)
    except BadValueError as error:
        raise SamplingError(
            f"{paths[error.row]}, column {name!r} in its path: {error.problem}"
        ) from None
