"""What a job leaves behind: JSON files, and tables for people. Directories may be of a bucket."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from sampling import files
from sampling.errors import SamplingError

PARAMETERS = "parameters.json"
EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.jsonl"
PARTIAL_PREDICTIONS = "predictions.partial"  # a directory
USAGE = "sampling.json"
_PIECE = 2**24  # bytes copied at a time


def write_json(directory: str, name: str, value: Any) -> str:
    """The file appears when it is complete, not before. Returns the path."""
    return write_lines(directory, name, [json.dumps(value, indent=2)])


def read_json(directory: str, name: str) -> Any:
    """
    Raises:
        SamplingError: it can't be read, or is no JSON.
    """
    path = os.path.join(directory, name)
    text = files.read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SamplingError(
            f"{path}: found {len(text):,} characters that are no JSON ({error}), expected what a "
            "job has written; restore the file from a copy, or remove it and run the job again"
        ) from None


def read_json_if_any(directory: str, name: str) -> Any:
    """None where there is no such file."""
    is_there = files.exists(os.path.join(directory, name))
    return read_json(directory, name) if is_there else None


def write_lines(directory: str, name: str, lines: Iterable[str]) -> str:
    """As `write_json`."""
    path = os.path.join(directory, name)
    with files.whole(path, overwrite=True) as file:
        for line in lines:
            file.write(line.encode() + b"\n")
    return path


def write_joined(directory: str, name: str, paths: Iterable[str]) -> str:
    """The contents of files, one after the other, as `write_json`."""
    path = os.path.join(directory, name)
    with files.whole(path, overwrite=True) as joined:
        for part in paths:
            with files.open_binary(part) as file:
                shutil.copyfileobj(file, joined, _PIECE)
    return path


def json_lines(columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """{"id": [7, 8], "probability": [.1, .2]} -> '{"id": 7, "probability": 0.1}', ..."""
    values = zip(*(_plain(column) for column in columns.values()), strict=True)
    return (json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in values)


def table(values: Mapping[str, Any]) -> str:
    """A line for each value, aligned."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {_shown(value)}" for name, value in values.items())


def _plain(column: np.ndarray) -> list[Any]:
    if column.dtype == object:
        return [text.decode(errors="replace") for text in column]
    if column.dtype == np.float32:  # 0.1 and not 0.10000000149011612
        return [float(str(value)) for value in column]
    return column.tolist()


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
