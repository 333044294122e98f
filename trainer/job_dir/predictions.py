"""Predictions for many files, in parts, so that a run that was killed goes on where it was.

predictions.partial/00000.jsonl, 00001.jsonl, ...   parts of PART_ROWS rows
predictions.partial/progress.json                   what they are of, and the input's state
predictions.jsonl, or --output                      all of it, once it is complete
predictions.lock                                    the process that is at work
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from sampling import Schema, files
from sampling.errors import SamplingError
from trainer.job_dir import contents, json_lines

PART_ROWS = 131_072
_PROGRESS = "progress.json"
_LOCK = "predictions.lock"

Batch = Mapping[str, np.ndarray]


class InOrder(Protocol):
    """What is predicted, in order: an InputFn, say."""

    schema: Schema

    @property
    def rows_per_epoch(self) -> int: ...

    def state(self, rows: int, /) -> Any:
        """Where it is after so many rows: a dict that JSON takes, with "made_with" and "rows"."""

    def restore(self, state: Any, /) -> None:
        """Raises SamplingError if it is a state of something else."""


def write(
    job_dir: str,
    input_fn: InOrder,
    predict: Callable[[], Iterable[Batch]],
    about: Mapping[str, Any],
    output: str | None = None,
    name: str = contents.PREDICTIONS,
) -> str:
    """Writes a JSON line for each row, in the order of the files.

    What an earlier run has written for the same model and files is kept.

    Args:
        job_dir: where predictions go.
        input_fn: its one epoch is what is predicted.
        predict: called where input_fn stands: the predictions of each batch that follows.
        about: the model and what else decides on predictions; JSON takes it.
        output: the file, which must not exist; None: that of the name in job_dir, in place of the
            last one.

    Returns:
        The path of the predictions.

    Raises:
        SamplingError: another process predicts into the same directory, the output exists, or a
            file can't be written.
    """
    if output:
        files.check_new(output)
    with files.lock(job_dir, _LOCK):
        parts = _written(job_dir, input_fn, predict, about)
        return parts.join(output, name)


def _written(
    job_dir: str,
    input_fn: InOrder,
    predict: Callable[[], Iterable[Batch]],
    about: Mapping[str, Any],
) -> _Parts:
    parts = _Parts(job_dir, {**about, "input": input_fn.state(0)["made_with"]})
    total = input_fn.rows_per_epoch
    if parts.rows:
        print(f"going on after row {parts.rows:,} of {total:,}", file=sys.stderr)
    if 0 < parts.rows < total:
        parts.restore(input_fn)
    if parts.rows < total:
        for lines in _in_parts(predict(), input_fn.schema, parts.rows):
            parts.append(lines, input_fn.state)
    return parts


class _Parts:
    """The parts that are there, in order, and where the input is after them.

    Those of another model or of other files are removed.
    """

    def __init__(self, job_dir: str, about: Mapping[str, Any]):
        self._job_dir, self._folder = job_dir, f"{job_dir}/{contents.PARTIAL_PREDICTIONS}"
        self._about = json.loads(json.dumps(about))
        self._number, self.rows = 0, 0
        self.state: Any = None
        if not files.exists(f"{self._folder}/{_PROGRESS}"):
            return
        found = self._known()
        if found is not None and found["about"] == self._about:
            self._number, self.rows, self.state = found["parts"], found["rows"], found["state"]
            return
        why = "with another model or files" if found else "and what is said of them is damaged"
        print(f"predictions were begun {why}; anew", file=sys.stderr)
        files.remove(self._folder)

    def _known(self) -> dict[str, Any] | None:
        """What the progress says, if it is whole, and all its parts are there."""
        try:
            found = contents.read_json(self._folder, _PROGRESS)
        except SamplingError:
            return None
        numbers = found.get("parts"), found.get("rows")
        is_whole = {"about", "state"} <= set(found) and all(type(n) is int for n in numbers)
        if not is_whole or found["parts"] < 1:
            return None
        if not isinstance(found["state"], dict) or found["state"].get("rows") != found["rows"]:
            return None
        is_there = all(files.exists(self._path(number)) for number in range(found["parts"]))
        return found if is_there else None

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:05}.jsonl"

    def restore(self, input_fn: InOrder) -> None:
        """Lets the input go on after the parts."""
        try:
            input_fn.restore(self.state)
        except SamplingError as error:
            raise SamplingError(
                f"{self._folder}/{_PROGRESS}: {error}; or remove {self._folder}, to predict anew"
            ) from None

    def append(self, lines: list[str], state: Callable[[int], Any]) -> None:
        """A part counts once the progress says so; one cut off before is written again."""
        contents.write_lines(self._folder, f"{self._number:05}.jsonl", lines)
        self._number, self.rows = self._number + 1, self.rows + len(lines)
        progress = {
            "about": self._about,
            "parts": self._number,
            "rows": self.rows,
            "state": state(self.rows),
        }
        contents.write_json(self._folder, _PROGRESS, progress)

    def join(self, output: str | None, name: str) -> str:
        """All parts as one file; then they are removed."""
        paths = [self._path(number) for number in range(self._number)]
        path = output or f"{self._job_dir}/{name}"
        contents.write_joined(path, paths, output is None)
        files.remove(self._folder)
        return path


def _in_parts(batches: Iterable[Batch], schema: Schema, rows: int) -> Iterator[list[str]]:
    """Lines of the rows that follow the first `rows`."""
    binary = [field.name for field in schema.features if field.type == "BYTES"]
    lines: list[str] = []
    for batch in batches:
        first = rows + len(lines) + 1
        lines.extend(json_lines.encode(batch, binary, schema.features_to_forward, first))
        if len(lines) >= PART_ROWS:
            yield lines
            rows += len(lines)
            lines = []
    if lines:
        yield lines
