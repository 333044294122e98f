"""Which split, class and shard a row belongs to: by its own key and label, and nothing else.

So it is the same in whatever order, files and processes rows come. In SQL terms the side of a row
is the first 8 bytes of SHA256(CONCAT(seed, ':', key)) as a fraction of 2^64.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import urllib.parse
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sampling import checks
from sampling.errors import SamplingError

BINARY = {"1": "positive", "0": "negative"}
_MOST_CLASSES = 1000


class Destination(NamedTuple):
    """Where rows are written to; class_ is "" where classes are not told apart."""

    split: str
    class_: str
    shard: int

    @property
    def folder(self) -> str:
        return f"{self.split}/{self.class_}" if self.class_ else self.split


class Piece(NamedTuple):
    """Rows of a table that belong to one place, in the table's order."""

    destination: Destination
    table: pa.Table
    classes: Mapping[str, int]  # rows of each class; empty where there is no label


class UnexpectedLabelError(ValueError):
    """A label that is of no class.

    Attributes:
        row: of the table, from 0.
    """

    def __init__(self, row: int, message: str):
        super().__init__(message)
        self.row = row


@dataclasses.dataclass(frozen=True)
class Classes:
    """Which class a label stands for.

    Args:
        label: the column.
        names: label (as text) -> class; empty: every label is a class, named by its value.
    """

    label: str
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def codes(self, table: pa.Table) -> tuple[np.ndarray, list[str]]:
        """int64 [rows]: the number of each row's class; and the classes' names, sorted.

        Raises:
            UnexpectedLabelError: a label is of no class.
            SamplingError: there are too many labels.
        """
        encoded = table.column(self.label).combine_chunks().dictionary_encode()
        labels = encoded.dictionary.cast(pa.string()).to_pylist()
        check_number(len(labels))
        code = encoded.indices.to_numpy()
        named = [self._name(label) for label in labels]
        if None in named:
            unknown = [number for number, name in enumerate(named) if name is None]
            row = int(np.argmax(np.isin(code, unknown)))
            raise UnexpectedLabelError(row, self._unexpected(labels[code[row]]))
        names = sorted(name for name in set(named) if name is not None)
        numbers = np.array([names.index(name) for name in named if name is not None], np.int64)
        return numbers[code], names

    def counts(self, table: pa.Table) -> dict[str, int]:
        """Rows of each class.

        Raises:
            UnexpectedLabelError: a label is of no class.
        """
        return _counts(*self.codes(table))

    def _name(self, label: str) -> str | None:
        return self.names.get(label) if self.names else folder_name(label)

    def _unexpected(self, label: str) -> str:
        return (
            f"column {self.label!r}: found the label {label!r}, expected one of "
            f"{', '.join(sorted(self.names))}; fix the row, or say which labels there are"
        )


@dataclasses.dataclass(frozen=True)
class Assignment:
    """How rows are assigned.

    Args:
        key: the column whose rows with equal values stay together.
        fractions: {"train": 0.8, "dev": 0.1, "test": 0.1}: expected share of the keys of each
            split. Exact to 2^-64; a larger share of the first split only adds keys to it.
        seed: another seed, another split.
        shards: files of each folder.
        classes: None: rows have none.
        by_class: the splits in which each class has a folder of its own.

    Raises:
        SamplingError: fractions are not above 0 or do not add up to 1, or by_class is no split.
    """

    key: str
    fractions: Mapping[str, float]
    seed: int = 0
    shards: int = 1
    classes: Classes | None = None
    by_class: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.whole_number("seed", self.seed, 0)
        checks.whole_number("shards", self.shards, 1)
        if not self.fractions:
            raise SamplingError("there are no splits, expected one such as train=1; name them")
        for split, fraction in self.fractions.items():
            checks.positive_number(f"the fraction of {split!r}", fraction)
            _check_name(split)
        total = sum(map(_exact, self.fractions.values()))
        if not math.isclose(total, 1, abs_tol=1e-9):
            raise SamplingError(
                f"the fractions of {', '.join(self.fractions)} add up to {float(total):.6g}, "
                "expected 1; fix them"
            )
        for split in self.by_class:
            checks.one_of("by_class", split, list(self.fractions))

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.fractions)

    def pieces(self, table: pa.Table) -> list[Piece]:
        """The rows of a table by where they belong.

        Raises:
            UnexpectedLabelError: a label is of no class.
        """
        side, shard = self._side_and_shard(table.column(self.key))
        codes, names = np.zeros(table.num_rows, np.int64), list[str]()
        if self.classes:
            codes, names = self.classes.codes(table)
        has_folder = np.isin(self.splits, self.by_class)[side] & bool(names)
        folder = np.where(has_folder, codes + 1, 0)  # 0: classes mixed
        group = (side * (len(names) + 1) + folder) * self.shards + shard
        order = np.argsort(group, kind="stable")
        first = np.flatnonzero(np.diff(group[order], prepend=-1))
        pieces = []
        for rows in np.split(order, first[1:]) if len(order) else []:
            at = rows[0]
            class_ = names[folder[at] - 1] if folder[at] else ""
            to = Destination(self.splits[side[at]], class_, int(shard[at]))
            pieces.append(Piece(to, table.take(pa.array(rows)), _counts(codes[rows], names)))
        return pieces

    def _side_and_shard(self, keys: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """int64 [rows] each: the number of the split, and of the shard within its folder."""
        encoded = keys.combine_chunks().dictionary_encode()
        hashes = key_hashes(encoded.dictionary, self.seed)
        side = np.searchsorted(self._bounds(), hashes[:, 0], side="right")
        shard = ((hashes[:, 1] >> np.uint64(32)) * np.uint64(self.shards)) >> np.uint64(32)
        code = encoded.indices.to_numpy()
        return side[code], shard.astype(np.int64)[code]

    def _bounds(self) -> np.ndarray:
        """uint64 [splits - 1]: the hash at which each split but the first begins."""
        bounds, total = [], Fraction(0)
        for fraction in list(self.fractions.values())[:-1]:
            total += _exact(fraction)
            bounds.append(min(math.floor(total * 2**64), 2**64 - 1))
        return np.array(bounds, np.uint64)


def key_hashes(keys: pa.Array, seed: int) -> np.ndarray:
    """uint64 [keys, 2]: the first 16 bytes of SHA-256 of "seed:key", whole numbers as decimals."""
    prefix = f"{seed}:".encode()
    texts = keys.cast(pa.string()).cast(pa.binary()).to_pylist()
    digests = b"".join([hashlib.sha256(prefix + text).digest()[:16] for text in texts])
    return np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)


def folder_name(label: str) -> str:
    """A label as a name of a folder: "New York" -> "New%20York"."""
    name = urllib.parse.quote(label, safe="")
    return name.replace(".", "%2E", 1) if name.startswith(".") else name


def check_number(classes: int) -> None:
    """Raises SamplingError if so many classes can't be meant."""
    if classes > _MOST_CLASSES:
        raise SamplingError(
            f"found more than {_MOST_CLASSES:,} classes, expected a label with few values; "
            "name the column of the class, or the labels that are expected"
        )


def _counts(codes: np.ndarray, names: list[str]) -> dict[str, int]:
    rows = np.bincount(codes, minlength=len(names)).tolist()
    return {name: number for name, number in zip(names, rows, strict=False) if number}


def _check_name(split: str) -> None:
    if split != folder_name(split):
        raise SamplingError(
            f"a split is called {split!r}, expected letters and digits for the name of a folder; "
            "fix it"
        )


def _exact(fraction: float) -> Fraction:
    return Fraction(str(fraction))
