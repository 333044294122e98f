"""Labels and predictions of two classes, checked, and how they are read from files."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sampling import files
from sampling.errors import SamplingError
from sampling.probabilities.calibration import checked_probabilities
from sampling.schema import labels as labelled

_ROWS_AT_A_TIME = 100_000


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Rows that have been predicted and whose labels are known.

    Args:
        labels: [rows], 0 or 1.
        probabilities: [rows], of class 1, in 0..1.
        weights: [rows], finite, not negative, one at least above 0; None: all 1.
        segments: [rows], what group a row is of, of any type; None: no groups.
        segment: what the groups are called.

    Raises:
        SamplingError: the lengths differ, there is no row, a value is out of range, or there is but
            one class.
    """

    labels: Any
    probabilities: Any
    weights: Any = None
    segments: Any = None
    segment: str = "segment"

    def __post_init__(self) -> None:
        labels = _checked_labels(self.labels)
        probabilities = checked_probabilities("probabilities", self.probabilities)
        rows = len(probabilities)
        if len(labels) != rows:
            raise SamplingError(
                f"there are {len(labels):,} labels and {rows:,} predictions, expected one for the "
                "other; pass the files that were predicted, all of them and in the same order"
            )
        if not rows:
            raise SamplingError("there are no predictions, expected some; fix the path or predict")
        weights = np.ones(rows) if self.weights is None else _checked_weights(self.weights, rows)
        for label, name in ((0, "negative"), (1, "positive")):
            if not weights[labels == label].sum() > 0:
                raise SamplingError(
                    f"there is no {name} among the {rows:,} labels, expected both classes; "
                    "add rows of it, no curve can be drawn of one class"
                )
        if self.segments is not None and len(self.segments) != rows:
            raise SamplingError(
                f"there are {len(self.segments):,} values of {self.segment!r} and {rows:,} "
                "predictions, expected one for the other; pass those of the same rows"
            )
        for name, value in (
            ("labels", labels),
            ("probabilities", probabilities),
            ("weights", weights),
        ):
            object.__setattr__(self, name, value)

    @property
    def base_rate(self) -> float:
        return float(np.average(self.labels, weights=self.weights))

    def with_probabilities(self, probabilities: np.ndarray) -> Predictions:
        """The same rows, predicted otherwise."""
        return dataclasses.replace(self, probabilities=probabilities)


def read(
    predictions: files.Globs,
    label: str,
    *,
    labels: files.Globs = None,
    probability: str = "probability",
    weight: str | None = None,
    segment: str | None = None,
    classes: Sequence[str] = (),
) -> Predictions:
    """Predictions from CSV, Parquet or JSON lines, as the trainer writes them.

    Args:
        predictions: the files' glob, or a list of them.
        label, probability, weight, segment: names of columns.
        labels: the files that were predicted, if they hold what the predictions lack; in the same
            order of rows. Columns that both have must agree.
        classes: what labels are called, ("no", "yes") say; none: they are 0 and 1.

    Raises:
        SamplingError: no file matches, one can't be read, a column is unknown, the two do not
            agree, or see `Predictions`.
    """
    frames = [_frame(predictions, "predictions")]
    if labels is not None:
        frames.append(_frame(labels, "labels"))
        _check_same_rows(*frames)

    def column(name: str | None, role: str) -> Any:
        if name is None:
            return None
        for frame in frames:
            if name in frame.columns:
                return frame[name].to_numpy()
        known = ", ".join(dict.fromkeys(str(name) for frame in frames for name in frame.columns))
        raise SamplingError(
            f"the {role} column {name!r} is not in the files, which have {known}; "
            "name one of these, or pass the files that have it as labels"
        )

    found = column(label, "label")
    return Predictions(
        _places(found, label, classes) if classes else found,
        column(probability, "probability"),
        column(weight, "weight"),
        column(segment, "segment"),
        segment or "segment",
    )


def _places(found: Any, label: str, classes: Sequence[str]) -> np.ndarray:
    """The classes' places for their names."""
    known = {value: labelled.place(value, tuple(classes)) for value in set(found.tolist())}
    for row, value in enumerate(found.tolist()):
        if known[value] is None:
            raise SamplingError(
                f"row {row + 1:,}, column {label!r}: found the label {value!r}, expected one of "
                f"{', '.join(map(repr, classes))}; fix it, or pass --classes"
            )
    return np.array([known[value] for value in found.tolist()])


def _read_json_lines(path: str) -> pd.DataFrame:
    """Values as they are written: pandas' own reader takes some columns for dates."""
    with files.open_binary(path) as file:
        lines = enumerate(file.read().splitlines(), 1)
    rows = (_parsed(line, number) for number, line in lines if line.strip())
    pieces = iter(lambda: list(itertools.islice(rows, _ROWS_AT_A_TIME)), [])
    frames = list(map(pd.DataFrame, pieces))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _parsed(line: bytes, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SamplingError(f"line {number:,}: found {line[:40]!r} ({error})") from None


_READERS: dict[str, Callable[[str], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, keep_default_na=False),
    ".csv.gz": lambda path: pd.read_csv(path, keep_default_na=False),
    ".parquet": pd.read_parquet,
    ".jsonl": _read_json_lines,
}


def _frame(globs: files.Globs, role: str) -> pd.DataFrame:
    return pd.concat(
        [_read_file(file.path) for file in files.list_files(globs, role)], ignore_index=True
    )


def _read_file(path: str) -> pd.DataFrame:
    for suffix, reader in _READERS.items():
        if path.endswith(suffix):
            try:
                return reader(path)
            except pd.errors.EmptyDataError:
                return pd.DataFrame()
            except (ValueError, OSError) as error:
                raise SamplingError(f"{path}: {error}; expected a {suffix} file, fix it") from None
    raise SamplingError(
        f"{path} ends in none of {', '.join(_READERS)}; convert it, or name it as what it is"
    )


def _check_same_rows(predictions: pd.DataFrame, labels: pd.DataFrame) -> None:
    if len(predictions) != len(labels):
        raise SamplingError(
            f"there are {len(labels):,} labels and {len(predictions):,} predictions, expected one "
            "for the other; pass the files that were predicted, all of them"
        )
    for name in set(predictions.columns) & set(labels.columns):
        one, other = predictions[name], labels[name]
        differ = np.flatnonzero(~_same(one, other))
        if len(differ):
            row = differ[0]
            raise SamplingError(
                f"row {row + 1:,} has {name} = {one[row]} in the predictions and {other[row]} in "
                "the labels, expected the same rows in the same order; pass the files in the order "
                "in which they were predicted"
            )


def _same(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Whether values agree, as texts or as numbers: float32 is written in fewer digits."""
    as_texts = np.asarray(one.astype(str)) == np.asarray(other.astype(str))
    number, other_number = (
        pd.to_numeric(column, errors="coerce").to_numpy(np.float64) for column in (one, other)
    )
    return as_texts | np.isclose(number, other_number, rtol=1e-6, atol=0)


def _checked_labels(labels: Any) -> np.ndarray:
    array = np.asarray(labels)
    with contextlib.suppress(TypeError, ValueError):
        array = array.astype(np.float64)
    wrong = ~np.isin(array, (0, 1))
    if wrong.any():
        raise SamplingError(
            f"found the label {array[wrong][0]} in row {int(np.argmax(wrong)) + 1:,}, "
            "expected 0 or 1; fix it, name the classes (--classes=no,yes), or name another column"
        )
    return array.astype(np.int64)


def _checked_weights(weights: Any, rows: int) -> np.ndarray:
    try:
        array = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise SamplingError("found a weight that is no number; name another column") from None
    if len(array) != rows:
        raise SamplingError(
            f"there are {len(array):,} weights and {rows:,} predictions, expected one for the "
            "other; pass those of the same rows"
        )
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        raise SamplingError(
            f"found the weight {array[wrong][0]} in row {int(np.argmax(wrong)) + 1:,}, expected a "
            "finite number, not negative; fix it"
        )
    return array
