"""Which split, class and shard a row belongs to: by its own key and label, and nothing else.

So it is the same in whatever order, files and processes rows come. In SQL terms the side of a row
is the first 8 bytes of SHA256(CONCAT(seed, ':', key)) as a fraction of 2^64.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from sampling import checks
from sampling.errors import SamplingError
from sampling.prepare.source import Rows
from sampling.prepare.splitting import classes as labelled
from sampling.prepare.splitting.classes import Classes
from sampling.prepare.splitting.hashing import HashKeys, key_hashes


class Destination(NamedTuple):
    """Where rows are written to; class_ is "" where classes are not told apart."""

    split: str
    class_: str
    shard: int

    @property
    def folder(self) -> str:
        return f"{self.split}/{self.class_}" if self.class_ else self.split


class Piece(NamedTuple):
    """Rows that belong to one place, in their order, as they are written."""

    destination: Destination
    table: pa.Table
    classes: Mapping[str, int]  # rows of each class; empty where there is no label
    places: np.ndarray  # int64 [rows]: which rows of their chunk they are


class Cuts(Protocol):
    """What decides which split rows belong to."""

    def sides(
        self, table: pa.Table, hashes: np.ndarray, codes: np.ndarray, names: list[str]
    ) -> np.ndarray:
        """int64 [rows]: the number of the split.

        Args:
            hashes: uint64 [rows]: of the keys.
            codes, names: the class of each row, see `Classes.codes`.
        """

    def about(self) -> dict[str, Any]:
        """For the manifest; JSON takes it."""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """How rows are assigned.

    Args:
        key: the column whose rows with equal values stay together; None: each row is on its own,
            by its place, "name of the file:number of the row", such as "2024/part-0.csv:17".
        fractions: {"train": 0.8, "dev": 0.1, "test": 0.1}: expected share of the keys of each
            split. Exact to 2^-64; a larger share of the first split only adds keys to it.
        seed: another seed, another split.
        shards: files of each folder.
        classes: None: rows have none.
        by_class: the splits in which each class has a folder of its own.
        cuts: which split rows belong to, if it is not by the hash of the key.
        has_statistics: whether the columns of the first split's rows are measured.
        hash_keys: `key_hashes`, or what does the same by several processes.

    Raises:
        SamplingError: fractions are not above 0 or do not add up to 1, or by_class is no split.
    """

    key: str | None
    fractions: Mapping[str, float]
    seed: int = 0
    shards: int = 1
    classes: Classes | None = None
    by_class: tuple[str, ...] = ()
    cuts: Cuts | None = None
    has_statistics: bool = True
    hash_keys: HashKeys = key_hashes

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

    def pieces(self, rows: Rows) -> list[Piece]:
        """Rows by where they belong.

        Raises:
            BadRowError: a label is of no class, or a time is none.
        """
        hashes = self.hashes(rows)
        shard = ((hashes[:, 1] >> np.uint64(32)) * np.uint64(self.shards)) >> np.uint64(32)
        codes, names = np.zeros(len(hashes), np.int64), list[str]()
        if self.classes:
            codes, names = self.classes.codes(rows.table)
        if self.cuts:
            side = self.cuts.sides(rows.table, hashes[:, 0], codes, names)
        else:
            side = np.searchsorted(self.bounds(), hashes[:, 0], side="right")
        has_folder = np.isin(self.splits, self.by_class)[side] & bool(names)
        folder = np.where(has_folder, codes + 1, 0)  # 0: classes mixed
        group = (side * (len(names) + 1) + folder) * self.shards + shard.astype(np.int64)
        order = np.argsort(group, kind="stable")
        first = np.flatnonzero(np.diff(group[order], prepend=-1))
        pieces = []
        for some in np.split(order, first[1:]) if len(order) else []:
            at = some[0]
            class_ = names[folder[at] - 1] if folder[at] else ""
            to = Destination(self.splits[side[at]], class_, int(shard[at]))
            table = rows.written.take(pa.array(some))
            pieces.append(Piece(to, table, labelled.counts(codes[some], names), some))
        return pieces

    def hashes(self, rows: Rows) -> np.ndarray:
        """uint64 [rows, 2]: of keys, for the side and for the shard."""
        if self.key is None:
            places = range(rows.first, rows.first + rows.table.num_rows)
            return self.hash_keys(pa.array([f"{rows.name}:{place}" for place in places]), self.seed)
        encoded = rows.table.column(self.key).combine_chunks().dictionary_encode()
        return self.hash_keys(encoded.dictionary, self.seed)[encoded.indices.to_numpy()]

    def bounds(self) -> np.ndarray:
        """uint64 [splits - 1]: the hash at which each split but the first begins."""
        bounds, total = [], Fraction(0)
        for fraction in list(self.fractions.values())[:-1]:
            total += _exact(fraction)
            bounds.append(min(math.floor(total * 2**64), 2**64 - 1))
        return np.array(bounds, np.uint64)


def _check_name(split: str) -> None:
    if split != labelled.folder_name(split):
        raise SamplingError(
            f"a split is called {split!r}, expected letters and digits for the name of a folder; "
            "fix it"
        )


def _exact(fraction: float) -> Fraction:
    return Fraction(str(fraction))
