"""What a job leaves behind: JSON files, and tables for people. Directories may be of a bucket."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError

PARAMETERS = "parameters.json"
EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.jsonl"
PARTIAL_PREDICTIONS = "predictions.partial"  # a directory
USAGE = "sampling.json"
_PIECE = 2**24  # bytes copied at a time


def write_json(directory: str, name: str, value: Any) -> str:
    """The file appears when it is complete, not before. Returns the path.

    Args:
        value: what JSON takes; a number that is not finite, which it does not, becomes null.
    """
    return write_lines(directory, name, [json.dumps(_finite(value), indent=2, allow_nan=False)])


def read_json(directory: str, name: str) -> dict[str, Any]:
    """An object.

    Raises:
        SamplingError: the file is damaged.
    """
    path = os.path.join(directory, name)
    with tf.io.gfile.GFile(path, "rb") as file, undamaged(path):
        value = json.loads(file.read())
        if not isinstance(value, dict):
            raise ValueError(f"found {type(value).__name__}, expected an object")
        return value


@contextlib.contextmanager
def undamaged(path: str) -> Iterator[None]:
    """Around what takes a file's contents for what a job wrote there.

    Raises:
        SamplingError: in place of the errors of parsing and of taking apart.
    """
    try:
        yield
    except SamplingError:
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise SamplingError(
            f"{path} is not as a job writes it ({reason}); restore it, or train again by --restart"
        ) from None


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


def table(values: Mapping[str, Any]) -> str:
    """A line for each value, aligned."""
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {_shown(value)}" for name, value in values.items())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
