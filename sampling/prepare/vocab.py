"""The distinct values of a column, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.prepare.source import Source


def count(source: Source, column: str) -> Counter[str]:
    """How many rows each value has. In memory are the distinct values, and two chunks."""
    counts: Counter[str] = Counter()
    for _, table in source.tables("reading"):
        counts.update(manifest.value_counts(table.column(column)))
    return counts


def lines(counts: Mapping[str, int], min_count: int = 1) -> list[str]:
    """Values of at least so many rows, the most frequent first, equally frequent ones by name.

    Raises:
        SamplingError: a value holds a newline, or there is none.
    """
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = [value for value, rows in ordered if rows >= min_count]
    if not kept:
        raise SamplingError(
            f"found no value of {min_count:,} rows, expected one; lower --min_count"
        )
    for value in kept:
        if len(value.splitlines()) != 1:
            raise SamplingError(
                f"found the value {value!r}, expected no newline in it; fix the files"
            )
    return kept
