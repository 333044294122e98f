"""`_manifest.json`: what is in a folder of shards, so that nobody has to count it again.

{"made_by": "tf-sampling", "version": 1, ...how it was made..., "schema": [...],
 "splits": {"train": {"rows": 80, "bytes": 2184, "classes": {"positive": {"rows": 3, ...}}}},
 "files": {"train/positive/part-00000-of-00001.csv":
           {"rows": 3, "bytes": 90, "crc32c": "5b2f7d0c", ...}}}

A file has the rows that its entry says if it has that size and that checksum. Times say nothing:
copies keep them, or not, and are made in any order. The checksum is of at most three pieces, at the
beginning, in the middle and at the end. To check all bytes would cost what counting costs, which
the manifest is to save, and a bucket's own checksum is known to that bucket alone. In a bucket,
where each piece is a request, 32 files that are spread over all are compared by it. A file that was
changed elsewhere, with the same size and another number of rows, is noticed by readers of all rows.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from sampling.errors import SamplingError
from sampling.files.creating import create
from sampling.files.listing import File, checked, stat
from sampling.files.reading import open_binary, read_text

NAME = "_manifest.json"  # readers of folders (Spark, Arrow, pandas, ours) leave such names out
MADE_BY, VERSION = "tf-sampling", 1
_LEVELS = 3  # split/class/shard: the manifest is at most two folders up


class Written(NamedTuple):
    """A shard: its path in the folder, and what is in it.

    Args:
        split: "train", say.
        class_: of all its rows; None where they are mixed.
        classes: rows of each class, where rows have one.
        crc32c: see `File.checksum`.
    """

    path: str
    rows: int
    bytes: int
    split: str
    class_: str | None
    classes: Mapping[str, int]
    crc32c: str


def written(
    folder: str, path: str, rows: int, split: str, class_: str | None, classes: Mapping[str, int]
) -> Written:
    """A shard that has just been written."""
    file = stat(f"{folder}/{path}")
    return Written(path, rows, file.size, split, class_, classes, file.checksum())


def build(
    about: Mapping[str, Any],
    schema: Mapping[str, Any],
    splits: Iterable[str],
    written: Iterable[Written],
) -> dict[str, Any]:
    """The manifest as a dict that JSON takes.

    Args:
        about: how the shards were made.
        schema: what `Schema.to_manifest` returns.
        splits: all of them, in order, also those that got no row.
    """
    written = sorted(written)
    return {
        "made_by": MADE_BY,
        "version": VERSION,
        **about,
        **schema,
        "splits": {split: _sums([w for w in written if w.split == split]) for split in splits},
        "files": {
            shard.path: {
                "rows": shard.rows,
                "bytes": shard.bytes,
                "crc32c": shard.crc32c,
                "classes": dict(sorted(shard.classes.items())),
            }
            for shard in written
        },
    }


def write(folder: str, manifest: Mapping[str, Any]) -> None:
    """Writes `folder/_manifest.json`: last, for it says that the folder is whole."""
    with create(os.path.join(folder, NAME)) as file:
        file.write((json.dumps(manifest, indent=2) + "\n").encode())


def read(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        SamplingError: there is none, it is none of ours, or it says what can't be.
    """
    path = os.path.join(os.fspath(folder), NAME)
    text = read_text(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SamplingError(f"{path} is no JSON ({error}); prepare the folder anew") from None
    if not _is_ours(found):
        raise SamplingError(
            f"{path} is no manifest of version {VERSION} made by {MADE_BY}, which tf-sampling "
            "and write_epoch write; prepare the folder with them"
        )
    return _checked(path, found)


def _checked(path: str, found: dict[str, Any]) -> dict[str, Any]:
    for place, value, expected in _wrong(found):
        raise SamplingError(
            f"{path}: {place} is {json.dumps(value)[:100]}, expected {expected}; prepare the "
            "folder anew, or remove the manifest"
        )
    return found


def _wrong(found: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """(where, what is there, what should be)"""
    for path, entry in found["files"].items():
        at = f"files[{json.dumps(path)}]"
        if not isinstance(entry, dict):
            yield at, entry, "rows, bytes and crc32c of the file"
            continue
        yield from _wrong_numbers(at, entry, ("rows", "bytes"))
        if not isinstance(entry.get("crc32c"), str):
            yield f"{at}.crc32c", entry.get("crc32c"), "eight hexadecimal digits"
        yield from _wrong_classes(at, entry)
    splits = found.get("splits")
    if not isinstance(splits, dict):
        yield "splits", splits, "rows, bytes and classes of each split"
        return
    for name, sums in splits.items():
        at = f"splits[{json.dumps(name)}]"
        if not isinstance(sums, dict):
            yield at, sums, "rows, bytes and classes of the split"
            continue
        yield from _wrong_numbers(at, sums, ("rows", "bytes"))
        yield from _wrong_classes(at, sums)


def _wrong_classes(at: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Of a file a number each, of a split rows and, where they have files, bytes."""
    classes = entry.get("classes")
    if not isinstance(classes, dict):
        yield f"{at}.classes", classes, "the rows of each class"
        return
    for name, rows in classes.items():
        sums = rows if isinstance(rows, dict) else {"rows": rows}
        yield from _wrong_numbers(f"{at}.classes[{json.dumps(name)}]", sums, ("rows",))


def _wrong_numbers(
    at: str, entry: Mapping[str, Any], names: Iterable[str]
) -> Iterator[tuple[str, Any, str]]:
    for name in names:
        value = entry.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            yield f"{at}.{name}", value, "a whole number of 0 or more"


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Rows of each value, as text."""
    counts = column.value_counts()
    texts = counts.field("values").cast(pa.string()).to_pylist()
    return dict(zip(texts, counts.field("counts").to_pylist(), strict=True))


class Counts:
    """Rows of files by the manifests beside or above them, each read once.

    Files that are not as the manifest says have to be counted, which a warning tells once for each
    folder.

    Args:
        listed: all files that will be asked for. Of those of buckets, the checksum of a few is
            compared, and of all the size.
    """

    def __init__(self, listed: Sequence[File]) -> None:
        self._checked = frozenset(file.path for file in checked(listed))
        self._manifests: dict[str, dict[str, Any] | None] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()  # files of buckets are asked for by several threads

    def rows(self, file: File) -> int | None:
        """None: not known.

        Raises:
            SamplingError: a manifest of ours says what can't be.
        """
        folder, name = os.path.split(file.path)
        for _ in range(_LEVELS):
            if found := self._manifest(folder):
                entry = found["files"].get(name)
                if problem := _problem(entry, file, file.path in self._checked):
                    self._tell(folder, f"{file.path} {problem}")
                    return None
                return int(entry["rows"])
            folder, last = os.path.split(folder)
            name = f"{last}/{name}"
        return None

    def _manifest(self, folder: str) -> dict[str, Any] | None:
        with self._lock:
            if folder not in self._manifests:
                self._manifests[folder] = _look(folder)
            return self._manifests[folder]

    def _tell(self, folder: str, problem: str) -> None:
        if folder not in self._told:
            self._told.add(folder)
            warnings.warn(
                f"{folder}/{NAME} does not fit all files, whose rows are counted: {problem}; "
                "prepare the folder anew, or copy it as a whole",
                stacklevel=2,
            )


def _problem(entry: Mapping[str, Any] | None, file: File, is_checked: bool) -> str:
    """Why a manifest is not to be trusted on a file; "" if it is."""
    if entry is None:
        return "is not in it"
    if entry["bytes"] != file.size:
        return f"has {file.size:,} bytes, {entry['bytes']:,} by it"
    if is_checked and entry["crc32c"] != file.checksum():
        return "has the same size and another checksum"
    return ""


def _look(folder: str) -> dict[str, Any] | None:
    """None: there is none of ours."""
    path = os.path.join(folder, NAME)
    try:
        with open_binary(path) as file:
            found = _parsed(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        warnings.warn(f"{path} can't be used, rows are counted: {error}", stacklevel=2)
        return None
    return _checked(path, found) if _is_ours(found) else None


@functools.lru_cache(maxsize=2)
def _parsed(text: bytes) -> Any:
    """Every input function of a job asks for the same; statistics of many columns are long."""
    return json.loads(text)


def _is_ours(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.get("made_by") == MADE_BY
        and found.get("version") == VERSION
        and isinstance(found.get("files"), dict)
    )


def _sums(written: list[Written]) -> dict[str, Any]:
    """Rows and bytes of a split and of its classes; bytes where a class has files of its own."""
    classes: dict[str, dict[str, int]] = {}
    for shard in written:
        for class_, rows in sorted(shard.classes.items()):
            sums = classes.setdefault(class_, {"rows": 0})
            sums["rows"] += rows
            if shard.class_ is not None:
                sums["bytes"] = sums.get("bytes", 0) + shard.bytes
    return {
        "rows": sum(shard.rows for shard in written),
        "bytes": sum(shard.bytes for shard in written),
        "classes": dict(sorted(classes.items())),
    }
