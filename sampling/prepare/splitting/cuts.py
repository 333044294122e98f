"""Sides that all rows decide on: exact shares of each class, or earlier rows before later ones.

Rows are read twice: once to find out where to cut, then to be written.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.prepare.source import Source
from sampling.prepare.splitting.assign import Assignment
from sampling.prepare.splitting.classes import BadRowError

_MERGED = 1_000_000  # times that are counted before equal ones are put together


@dataclasses.dataclass(frozen=True)
class ByTime:
    """Train before dev before test.

    Args:
        column: of the times: whole numbers, dates, or dates with times of day (UTC where no zone
            is given).
        bounds: int64 [splits - 1]: the first time of each split but the first.
        splits: their names.
        is_date: whether the times are microseconds since 1970.
    """

    column: str
    bounds: np.ndarray
    splits: Sequence[str]
    is_date: bool

    @classmethod
    def find(cls, source: Source, assignment: Assignment, column: str) -> ByTime:
        """Cuts where shares of rows come nearest to those asked for; equal times stay together.

        In memory are the distinct times.

        Raises:
            SamplingError: a value is no time; file and line are named.
        """
        times, rows, is_date = np.empty(0, np.int64), np.empty(0, np.int64), None
        waiting: list[np.ndarray] = []
        for chunk, (table, *_) in source.rows("times"):
            try:
                found, is_date = times_of(table.column(column), column, is_date)
            except BadRowError as error:
                raise SamplingError(f"{source.locate(chunk, error.row)}, {error}") from None
            waiting.append(found)
            if sum(map(len, waiting)) >= _MERGED:
                times, rows = _counted(times, rows, waiting)
                waiting = []
        times, rows = _counted(times, rows, waiting)
        bounds = nearest_bounds(times, rows, cumulative(assignment))
        return cls(column, bounds, assignment.splits, bool(is_date))

    def sides(
        self, table: pa.Table, hashes: np.ndarray, codes: np.ndarray, names: list[str]
    ) -> np.ndarray:
        times, _ = times_of(table.column(self.column), self.column, self.is_date)
        return np.searchsorted(self.bounds, times, side="right")

    def about(self) -> dict[str, Any]:
        return {
            "time": self.column,
            "begins": begins(self.splits, self.bounds, self.is_date),
        }


@dataclasses.dataclass(frozen=True)
class ByClass:
    """Every class has its exact share of keys on each side, give or take one.

    Args:
        bounds: uint64 [splits - 1] of each class: the hash at which each split but the first
            begins.
    """

    bounds: Mapping[str, np.ndarray]

    @classmethod
    def find(cls, source: Source, assignment: Assignment) -> ByClass:
        """In memory are 8 bytes for each key.

        Raises:
            SamplingError: there are no classes, or a key has rows of several ones.
        """
        classes = assignment.classes
        if classes is None:
            raise SamplingError("--label is missing, which --stratify needs; name the column")
        found: defaultdict[str, list[np.ndarray]] = defaultdict(list)
        for chunk, rows in source.rows("classes"):
            hashes = assignment.hashes(rows)[:, 0]
            try:
                codes, names = classes.codes(rows.table)
            except BadRowError as error:
                raise SamplingError(f"{source.locate(chunk, error.row)}, {error}") from None
            for code, name in enumerate(names):
                found[name].append(np.unique(hashes[codes == code]))
        keys = {name: np.unique(np.concatenate(parts)) for name, parts in found.items()}
        everything = sum(map(len, keys.values()))
        if twice := everything - len(np.unique(np.concatenate(list(keys.values())))):
            raise SamplingError(
                f"column {assignment.key!r}: found {twice:,} keys with rows of several classes, "
                "expected one class for each key to give classes exact shares; leave --stratify "
                "out, or --key"
            )
        shares = cumulative(assignment)
        return cls({name: _bounds(hashes, shares) for name, hashes in keys.items()})

    def sides(
        self, table: pa.Table, hashes: np.ndarray, codes: np.ndarray, names: list[str]
    ) -> np.ndarray:
        side = np.empty(len(hashes), np.int64)
        for code, name in enumerate(names):
            of_class = codes == code
            side[of_class] = np.searchsorted(self.bounds[name], hashes[of_class], side="right")
        return side

    def about(self) -> dict[str, Any]:
        return {"stratified": True}


def _bounds(hashes: np.ndarray, shares: Sequence[Fraction]) -> np.ndarray:
    """Of sorted hashes."""
    firsts = [math.floor(share * len(hashes) + Fraction(1, 2)) for share in shares]
    after_all = np.uint64(2**64 - 1)
    found = [hashes[first] if first < len(hashes) else after_all for first in firsts]
    return np.array(found, np.uint64)


def begins(splits: Sequence[str], bounds: np.ndarray, is_date: bool) -> dict[str, str | int]:
    """The first time of each split but the first, for people and for JSON."""
    firsts = [str(np.datetime64(bound, "us")) if is_date else bound for bound in bounds.tolist()]
    return dict(zip(splits[1:], firsts, strict=True))


def nearest_bounds(times: np.ndarray, rows: np.ndarray, shares: Sequence[Fraction]) -> np.ndarray:
    """int64 [shares]: the first times where shares of rows come nearest to those asked for.

    Args:
        times: int64, distinct, sorted.
        rows: how many each time has.
    """
    before = np.append(0, np.cumsum(rows))  # rows before each distinct time
    bounds = []
    for share in shares:
        first = int(np.argmin(np.abs(before - float(share * int(before[-1])))))
        bounds.append(times[first] if first < len(times) else times[-1] + 1)
    return np.array(bounds, np.int64)


def cumulative(assignment: Assignment) -> list[Fraction]:
    """Shares of the first split, of the first two, ... without the last."""
    shares = [Fraction(str(share)) for share in assignment.fractions.values()]
    return [sum(shares[:number], Fraction(0)) for number in range(1, len(shares))]


def _counted(
    times: np.ndarray, rows: np.ndarray, waiting: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct times, sorted, and how many rows each has."""
    if not waiting:
        return times, rows
    more, numbers = np.unique(np.concatenate(waiting), return_counts=True)
    merged, place = np.unique(np.concatenate([times, more]), return_inverse=True)
    return merged, np.bincount(place, weights=np.concatenate([rows, numbers])).astype(np.int64)


def times_of(column: pa.ChunkedArray, name: str, is_date: bool | None) -> tuple[np.ndarray, bool]:
    """int64 [rows], and whether they are microseconds since 1970.

    Args:
        is_date: None: whatever they are.

    Raises:
        BadRowError: a value is no time, or no whole number where others are.
    """
    if pa.types.is_integer(column.type):
        return column.to_numpy().astype(np.int64), False
    if not pa.types.is_string(column.type):
        raise SamplingError(
            f"column {name!r} has the type {column.type}, expected whole numbers, dates or times "
            "to cut by; declare it INTEGER, DATE or TIMESTAMP"
        )
    kinds = [False, True] if is_date is None else [is_date]
    for kind in kinds:
        try:
            return _parsed(column, kind), kind
        except pa.ArrowInvalid:
            continue
    row = next(row for row, value in enumerate(column) if not _is_time(value, kinds))
    expected = "a whole number" if kinds == [False] else "a date or time such as 2019-10-28 12:30"
    raise BadRowError(
        row, f"column {name!r}: found {column[row].as_py()!r}, expected {expected}; fix the row"
    )


def _is_time(value: pa.Scalar, kinds: Sequence[bool]) -> bool:
    for kind in kinds:
        try:
            _parsed(pa.chunked_array([[value.as_py()]]), kind)
        except pa.ArrowInvalid:
            continue
        return True
    return False


def _parsed(column: pa.ChunkedArray, is_date: bool) -> np.ndarray:
    if not is_date:
        return column.cast(pa.int64()).to_numpy()
    texts = pc.replace_substring_regex(column, r"\s*(UTC|Z)$", "")
    has_zone = pc.match_substring_regex(texts, r":\d\d(\.\d+)?[+-]\d\d:?\d\d$")
    if not pc.any(has_zone).as_py():
        return texts.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    texts = pc.if_else(has_zone, texts, pc.binary_join_element_wise(texts, "+00:00", ""))
    return texts.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
