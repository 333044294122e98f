"""Distinct values, their counts and quantiles, mergeable: exact while they are few, then sketches.

The sketches are Apache DataSketches': CPC for how many values are distinct (about 1 % off),
frequent items for the most frequent ones, t-digests for quantiles. None of them draws random
numbers (KLL does): the same chunks in the same order give the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import datasketches
import numpy as np
import pyarrow as pa

from sampling.schema import shapes
from sampling.schema.shapes import Shaped

MOST = 4096  # distinct values that are counted exactly
_LONGEST = 200  # characters of a value that is kept by its name
_LG_DISTINCT, _LG_FREQUENT, _COMPRESSION = 13, 13, 1000
_RARE = 16_384  # a value of no more than such a share of a chunk's rows is not frequent
_STRIDE = 16  # of a chunk's numbers in order, every 16th goes into the digest


class Values:
    """The values of some rows of a column."""

    def __init__(self) -> None:
        self._counts: dict[str, int] | None = {}
        self._sketches: _Sketches | None = None

    @classmethod
    def of(cls, shaped: Shaped, counts: np.ndarray) -> Values:
        """Those of a chunk.

        Args:
            shaped: its distinct values.
            counts: int64 [values], rows of each.
        """
        made = cls()
        if len(counts) <= MOST:
            made._counts = _summed(
                zip(_listed(shaped.names(np.arange(len(counts)))), counts.tolist(), strict=True)
            )
        else:
            made._counts, made._sketches = None, _Sketches.of(shaped, counts)
        return made

    def merge(self, other: Values) -> None:
        """Adds the values of other rows."""
        if self._counts is not None and other._counts is not None:
            for text, rows in other._counts.items():
                self._counts[text] = self._counts.get(text, 0) + rows
            if len(self._counts) <= MOST:
                return
            self._sketches, self._counts = _Sketches.of_counts(self._counts), None
            return
        mine = self._sketches or _Sketches.of_counts(self._counts or {})
        mine.merge(other._sketches or _Sketches.of_counts(other._counts or {}))
        self._counts, self._sketches = None, mine

    @property
    def is_exact(self) -> bool:
        return self._counts is not None

    @property
    def distinct(self) -> int:
        """How many there are."""
        if self._sketches is None:
            return len(self._counts or {})
        return max(MOST + 1, round(self._sketches.distinct.get_estimate()))

    def frequent(self, most: int) -> dict[str, int]:
        """The most frequent ones and their rows; equally frequent ones in the order of names."""
        found = (self._counts or {}).items() if self._sketches is None else self._sketches.found()
        listed = sorted(found, key=lambda pair: (-pair[1], pair[0]))[:most]
        return {text: rows for text, rows in listed if len(text) <= _LONGEST}

    def quantiles(self, levels: Iterable[float]) -> list[float]:
        """Of numbers: the least value that at least such a share of the rows is not above."""
        if self._sketches is not None:
            return [self._sketches.digest.get_quantile(level) for level in levels]
        pairs = ((shapes.number_of(text), rows) for text, rows in (self._counts or {}).items())
        ordered = sorted((value, rows) for value, rows in pairs if value is not None)
        ends = np.cumsum([rows for _, rows in ordered])
        places = np.searchsorted(ends, np.ceil(np.array(list(levels)) * ends[-1] - 1e-9))
        return [ordered[place][0] for place in places]


class _Sketches:
    """What is kept of many values."""

    def __init__(self) -> None:
        self.distinct = datasketches.cpc_sketch(_LG_DISTINCT)
        self.frequent = datasketches.frequent_strings_sketch(_LG_FREQUENT)
        self.digest = datasketches.tdigest_double(_COMPRESSION)

    @classmethod
    def of(cls, shaped: Shaped, counts: np.ndarray) -> _Sketches:
        made = cls()
        is_number = shaped.is_whole | shaped.is_other
        _feed(made.distinct.update, shaped.wholes[shaped.is_whole].tolist())
        _feed(made.distinct.update, shaped.floats[shaped.is_other].tolist())
        if not is_number.all():
            _feed(made.distinct.update, _listed(shaped.names(np.flatnonzero(~is_number))))
        often = np.flatnonzero(counts > max(1, counts.sum() // _RARE))
        often = often[np.argsort(-counts[often], kind="stable")[:MOST]]
        texts = _listed(shaped.names(often))
        _feed_pairs(made.frequent.update, zip(texts, counts[often].tolist(), strict=True))
        made._digest_numbers(shaped.floats[is_number], counts[is_number])
        return made

    @classmethod
    def of_counts(cls, counts: dict[str, int]) -> _Sketches:
        made = cls()
        numbers = {}
        for text, rows in counts.items():
            number = shapes.number_of(text)
            made.distinct.update(text if number is None else number)
            if number is not None:
                numbers[float(number)] = rows
        _feed_pairs(made.frequent.update, counts.items())
        made._digest_numbers(np.array(list(numbers), np.float64), np.array(list(numbers.values())))
        return made

    def _digest_numbers(self, values: np.ndarray, counts: np.ndarray) -> None:
        """Takes in numbers that come so often each: every 16th of them in order, from the 8th on.

        Fewer would be no faster, and their ranks are off by no more than that.
        """
        if not len(values):
            return
        if counts.max() > _STRIDE:
            values, counts = values[order := np.argsort(values)], counts[order]
            ends = np.cumsum(counts)
            ranks = np.arange(_STRIDE // 2, ends[-1], _STRIDE)
            ordered = values[np.searchsorted(ends, ranks, side="right")]
        else:  # faster, and with large counts too much
            ordered = np.sort(np.repeat(values, counts))[_STRIDE // 2 :: _STRIDE]
        self.digest.update(ordered)
        self.digest.compress()

    def merge(self, other: _Sketches) -> None:
        union = datasketches.cpc_union(_LG_DISTINCT)
        union.update(self.distinct)
        union.update(other.distinct)
        self.distinct = union.get_result()
        # As after a journey from another machine: what is merged depends on nothing else.
        other = _Sketches.from_bytes(other.to_bytes())
        self.frequent.merge(other.frequent)
        self.digest.merge(other.digest)
        self.digest.compress()

    def found(self) -> Iterator[tuple[str, int]]:
        """Values that are frequent for certain, and how many rows they have at least."""
        certain = datasketches.frequent_items_error_type.NO_FALSE_POSITIVES
        for text, _, at_least, _ in self.frequent.get_frequent_items(certain):
            yield text, at_least

    def to_bytes(self) -> tuple[bytes, bytes, bytes]:
        sketches = self.distinct, self.frequent, self.digest
        return tuple(bytes(sketch.serialize()) for sketch in sketches)  # type: ignore[return-value]

    @classmethod
    def from_bytes(cls, data: tuple[bytes, bytes, bytes]) -> _Sketches:
        made = cls()
        made.distinct = datasketches.cpc_sketch.deserialize(data[0])
        made.frequent = datasketches.frequent_strings_sketch.deserialize(data[1])
        made.digest = datasketches.tdigest_double.deserialize(data[2])
        return made

    def __reduce__(self) -> Any:
        return _Sketches.from_bytes, (self.to_bytes(),)


def _feed(update: Any, values: Iterable[Any]) -> None:
    deque(map(update, values), maxlen=0)


def _feed_pairs(update: Any, pairs: Iterable[tuple[str, int]]) -> None:
    for text, rows in pairs:
        if len(text) <= _LONGEST:
            update(text, rows)


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Rows of each value, however often it is named."""
    sums: dict[str, int] = {}
    for text, rows in pairs:
        sums[text] = sums.get(text, 0) + rows
    return sums


def _listed(texts: pa.Array) -> list[str]:
    """As `to_pylist`, which takes twenty times as long."""
    listed: list[str] = texts.to_numpy(zero_copy_only=False).tolist()
    return listed
