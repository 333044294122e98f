"""Sets of CSV files of any size, made on the spot and kept by their parameters.

negative/part-000.csv .. part-099.csv    28 of 29 rows
positive/part-000.csv .. part-009.csv    1 of 29
19 columns: an id, two strings, eight fractions, seven whole numbers, the label
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sampling import Schema

NEGATIVES_PER_POSITIVE = 28
POSITIVE_FILES, NEGATIVE_FILES = 10, 100

FLOATS = [f"amount_{i}" for i in range(8)]
INTEGERS = [f"visits_{i}" for i in range(7)]
VOCABULARY = {"brand": 200, "city": 2_000}
SCHEMA = Schema.from_dict(
    {
        "customer_id": int,
        **dict.fromkeys(VOCABULARY, str),
        **dict.fromkeys(FLOATS, float),
        **dict.fromkeys(INTEGERS, int),
        "label": int,
    },
    label="label",
)


@dataclasses.dataclass(frozen=True)
class Set:
    """Files of both classes, and how many rows they have."""

    positive: str  # globs
    negative: str
    positives: int
    negatives: int

    @property
    def row_bytes(self) -> tuple[float, float]:
        """Mean bytes of a row: (positive, negative), headers left out."""
        return (
            sum(map(_body_bytes, _matches(self.positive))) / self.positives,
            sum(map(_body_bytes, _matches(self.negative))) / self.negatives,
        )


def make(folder: Path, rows: int) -> Set:
    """The set of that many rows, 1 of 29 positive."""
    positives = max(POSITIVE_FILES, round(rows / (1 + NEGATIVES_PER_POSITIVE)))
    negatives = max(NEGATIVE_FILES, rows - positives)

    def write(into: Path) -> None:
        _write_class(into / "positive", positives, POSITIVE_FILES, label=1)
        _write_class(into / "negative", negatives, NEGATIVE_FILES, label=0)

    made = once(folder / f"rows-{rows}", write)
    return Set(f"{made}/positive/*.csv", f"{made}/negative/*.csv", positives, negatives)


def in_files(folder: Path, original: Set, number: int) -> Set:
    """The same negatives in another number of files (1, 10, 100 or a multiple of it)."""
    if number == NEGATIVE_FILES:
        return original

    def write(into: Path) -> None:
        bodies = [path.read_bytes().partition(b"\n")[2] for path in _matches(original.negative)]
        header = (",".join(SCHEMA.names) + "\n").encode()
        for part in range(number):
            with open(into / f"part-{part:04d}.csv", "wb") as file:
                file.write(header)
                file.writelines(_share(bodies, part, number))

    made = once(folder / f"rows-{original.positives + original.negatives}-files-{number}", write)
    return dataclasses.replace(original, negative=f"{made}/*.csv")


def repeated(folder: Path, original: Set, times: int) -> Set:
    """As many files, with their negatives several times over: more rows and nothing else."""

    def write(into: Path) -> None:
        for path in _matches(original.negative):
            header, newline, body = path.read_bytes().partition(b"\n")
            with open(into / path.name, "wb") as file:
                file.writelines([header, newline, *[body] * times])

    made = once(folder / f"rows-{original.positives + original.negatives}-times-{times}", write)
    return dataclasses.replace(
        original, negative=f"{made}/*.csv", negatives=original.negatives * times
    )


def once(folder: Path, write: Callable[[Path], None]) -> Path:
    """`folder`, written if it is not there yet; a run that was interrupted leaves no half of it."""
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        write(unfinished)
        unfinished.rename(folder)
    return folder


def write_csv(path: Path, table: pa.Table) -> None:
    with open(path, "wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(table, file, options)


def _write_class(folder: Path, rows: int, files: int, label: int) -> None:
    folder.mkdir()
    starts = np.arange(files + 1) * rows // files
    for part, (start, stop) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        write_csv(folder / f"part-{part:03d}.csv", _table(int(start), int(stop), label))


def _table(start: int, stop: int, label: int) -> pa.Table:
    random, rows = np.random.default_rng([label, start]), stop - start
    columns: dict[str, object] = {"customer_id": 2 * np.arange(start, stop) + label}
    for name, size in VOCABULARY.items():
        words = pa.array([f"{name}_{number}" for number in range(size)])
        columns[name] = words.take(pa.array(random.integers(0, size, rows)))
    for name in FLOATS:  # buyers spend a little more: there is something to learn
        columns[name] = random.gamma(2 + 0.2 * label, 20, rows).round(2)
    for name in INTEGERS:
        columns[name] = random.integers(0, 200, rows)
    return pa.table({**columns, "label": np.full(rows, label)})


def _share(bodies: list[bytes], part: int, number: int) -> Iterator[bytes]:
    """The bytes of one of `number` files: some of the bodies, or whole lines of one of them."""
    if number <= len(bodies):
        yield from bodies[part * len(bodies) // number : (part + 1) * len(bodies) // number]
        return
    pieces = number // len(bodies)
    body, piece = bodies[part // pieces], part % pieces
    cuts = [body.find(b"\n", len(body) * cut // pieces) + 1 for cut in range(pieces)]
    cuts = [0, *cuts[1:], len(body)]
    yield body[cuts[piece] : cuts[piece + 1]]


def _matches(glob: str) -> list[Path]:
    return sorted(Path(glob).parent.glob(Path(glob).name))


def _body_bytes(path: Path) -> int:
    with open(path, "rb") as file:
        return path.stat().st_size - len(file.readline())
