"""Rows as lines of JSON, exactly: nothing is written that could be read as something else."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from sampling.errors import SamplingError


def encode(
    columns: Mapping[str, np.ndarray],
    binary: Collection[str] = (),
    nullable: Collection[str] = (),
    first: int = 1,
) -> Iterator[str]:
    """{"id": [7, 8], "probability": [.1, .2]} -> '{"id": 7, "probability": 0.1}', ...

    Args:
        binary: names of columns of any bytes, which are written in base64, as BigQuery does.
        nullable: names of columns whose NaN is a missing value: null.
        first: the first row's number, for errors.

    Raises:
        SamplingError: a text is not UTF-8, or a number is one that JSON does not have.
    """
    rows = zip(
        *(
            _texts(name, column, name in binary, first)
            if column.dtype == object
            else _numbers(name, column, name in nullable, first)
            for name, column in columns.items()
        ),
        strict=True,
    )
    return (
        json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, allow_nan=False)
        for row in rows
    )


def _numbers(name: str, column: np.ndarray, is_nullable: bool, first: int) -> list[Any]:
    if column.dtype.kind != "f":
        return column.tolist()
    missing = np.isnan(column)
    wrong = np.isinf(column) if is_nullable else ~np.isfinite(column)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise SamplingError(
            f"row {first + int(at[0]):,} has the {name} {column[at]}, expected a finite number, "
            "which JSON can write; look for extreme numbers in the files, or train with a lower "
            "--learning_rate"
        )
    if missing.any():
        return [_shortest(each) for each in column]
    if column.ndim > 1:
        return [[float(str(value)) for value in row] for row in column]
    return [float(str(value)) for value in column]  # 0.1 and not 0.10000000149011612


def _shortest(value: Any) -> Any:
    if np.ndim(value):
        return [_shortest(each) for each in value]
    return None if np.isnan(value) else float(str(value))


def _texts(name: str, column: np.ndarray, is_binary: bool, first: int) -> list[Any]:
    return [_text(name, value, is_binary, first + at) for at, value in enumerate(column)]


def _text(name: str, value: Any, is_binary: bool, row: int) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return _numbers(name, value, False, row)
        return [_text(name, each, is_binary, row) for each in value]
    if is_binary:
        return base64.b64encode(value).decode()
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise SamplingError(
            f"row {row:,} has the {name} {value!r}, expected text in UTF-8; declare the column as "
            "BYTES, which are written in base64"
        ) from None
