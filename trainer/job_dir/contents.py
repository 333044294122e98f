"""What a job leaves behind: JSON files, and tables for people. Directories may be of a bucket."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sampling import files
from sampling.errors import SamplingError

PARAMETERS = "parameters.json"
EVALUATION = "evaluation.json"
EVALUATIONS = "evaluations.json"  # of one model on several files
IMPORTANCE = "importance.json"
PREDICTIONS = "predictions.jsonl"
EASE = "ease.json"  # how a recommender's baseline is regularized
RECOMMENDATIONS = "recommendations.jsonl"
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
    text = files.read_text(path)
    with undamaged(path):
        value = json.loads(text)
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
    is_there = files.exists(os.path.join(directory, name))
    return read_json(directory, name) if is_there else None


def write_lines(directory: str, name: str, lines: Iterable[str]) -> str:
    """As `write_json`."""
    path = os.path.join(directory, name)
    with files.whole(path, overwrite=True) as file:
        for line in lines:
            file.write(line.encode() + b"\n")
    return path


def write_joined(path: str, paths: Iterable[str], overwrite: bool) -> None:
    """The contents of files, one after the other, as `write_json`.

    Raises:
        SamplingError: the path exists, and is not to be overwritten.
    """
    with files.whole(path, overwrite=overwrite) as joined:
        for part in paths:
            with files.open_binary(part) as file:
                shutil.copyfileobj(file, joined, _PIECE)


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
