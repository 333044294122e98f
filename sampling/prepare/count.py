"""Rows of each class in each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from sampling.files import manifest
from sampling.prepare.source import Source
from sampling.prepare.splitting import classes

ALL = ""  # in place of a label, which is never empty
Counts = dict[str, Counter[str]]  # path -> label -> rows; and rows of all


def count(source: Source) -> Counts:
    """Reads everything once; in memory are two chunks of some 8 MiB of text.

    Raises:
        SamplingError: a row can't be read, or there are too many classes.
    """
    label = source.schema.label
    tables = source.tables("counting")
    return total((chunk.path, of_table(table, label)) for chunk, table in tables)


def of_table(table: pa.Table, label: str | None) -> Counter[str]:
    """Rows of all, and of each label."""
    counts = Counter({ALL: table.num_rows})
    if label is not None:
        counts.update(manifest.value_counts(table.column(label)))
    return counts


def total(counted: Iterable[tuple[str, Counter[str]]]) -> Counts:
    """Of each file.

    Raises:
        SamplingError: there are too many classes.
    """
    counts: Counts = {}
    labels: set[str] = set()
    for path, rows in counted:
        counts.setdefault(path, Counter()).update(rows)
        labels |= set(rows)
        classes.check_number(len(labels) - 1)
    return counts


def as_dict(counts: Counts) -> dict[str, Any]:
    """What JSON takes: rows and classes of each file, and of all."""
    everything = sum(counts.values(), Counter[str]())
    return {"files": {path: _entry(rows) for path, rows in counts.items()}, **_entry(everything)}


def table(counts: Counts) -> str:
    """A line for each file and one for all, a column for each class."""
    everything = sum(counts.values(), Counter[str]())
    labels = sorted(set(everything) - {ALL})
    lines = [["rows", *(f"label {label}" for label in labels), "file"]]
    for path, rows in [*counts.items(), ("all files", everything)]:
        lines.append([f"{rows[label]:,}" for label in (ALL, *labels)] + [path])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(line[:-1], widths, strict=False))
        + f"  {line[-1]}"
        for line in lines
    )


def _entry(rows: Counter[str]) -> dict[str, Any]:
    classes = {label: number for label, number in sorted(rows.items()) if label != ALL}
    return {"rows": rows[ALL], "classes": classes}
