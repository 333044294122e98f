"""What a job leaves behind: JSON files, and tables for people. Directories may be of a bucket."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

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
    path = os.path.join(directory, name)
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def read_json_if_any(directory: str, name: str) -> Any:
    """None where there is no such file."""
    path = os.path.join(directory, name)
    return read_json(directory, name) if tf.io.gfile.exists(path) else None


def write_lines(directory: str, name: str, lines: Iterable[str]) -> str:
    """As `write_json`."""
    tf.io.gfile.makedirs(directory)
    path = os.path.join(directory, name)
    with tf.io.gfile.GFile(path + ".partial", "w") as file:
        for line in lines:
            file.write(line + "\n")
    tf.io.gfile.rename(path + ".partial", path, overwrite=True)
    return path


def write_joined(directory: str, name: str, paths: Iterable[str]) -> str:
    """The contents of files, one after the other, as `write_json`."""
    tf.io.gfile.makedirs(directory)
    path = os.path.join(directory, name)
    with tf.io.gfile.GFile(path + ".partial", "wb") as joined:
        for part in paths:
            with tf.io.gfile.GFile(part, "rb") as file:
                while piece := file.read(_PIECE):
                    joined.write(piece)
    tf.io.gfile.rename(path + ".partial", path, overwrite=True)
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
