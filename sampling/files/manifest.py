"""`manifest.json`: what is in a folder of shards, so that nobody has to count it again.

{"made_by": "tf-sampling", "version": 1, ...how it was made..., "schema": [...],
 "splits": {"train": {"rows": 80, "bytes": 2184, "classes": {"positive": {"rows": 3, ...}}}},
 "files": {"train/positive/part-00000-of-00001.csv": {"rows": 3, "bytes": 90, ...}}}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from sampling.errors import SamplingError
from sampling.files.creating import create
from sampling.files.listing import File, stat
from sampling.files.reading import read_text

NAME = "manifest.json"
MADE_BY, VERSION = "tf-sampling", 1
_LEVELS = 3  # split/class/shard: the manifest is at most two folders up


class Written(NamedTuple):
    """A shard: its path in the folder, and what is in it.

    Args:
        split: "train", say.
        class_: of all its rows; None where they are mixed.
        classes: rows of each class, where rows have one.
    """

    path: str
    rows: int
    bytes: int
    split: str
    class_: str | None
    classes: Mapping[str, int]


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
                "classes": dict(sorted(shard.classes.items())),
            }
            for shard in written
        },
    }


def write(folder: str, manifest: Mapping[str, Any]) -> None:
    """Writes `folder/manifest.json`: last, for it says that the folder is whole."""
    with create(os.path.join(folder, NAME)) as file:
        file.write((json.dumps(manifest, indent=2) + "\n").encode())


def read(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        SamplingError: there is none, or it is none of ours.
    """
    path = os.path.join(os.fspath(folder), NAME)
    try:
        found = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise SamplingError(f"{path} is no JSON ({error}); prepare the folder anew") from None
    if not _is_ours(found):
        raise SamplingError(
            f"{path} is no manifest of version {VERSION} made by {MADE_BY}, which tf-sampling "
            "and write_epoch write; prepare the folder with them"
        )
    return found


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Rows of each value, as text."""
    counts = column.value_counts()
    texts = counts.field("values").cast(pa.string()).to_pylist()
    return dict(zip(texts, counts.field("counts").to_pylist(), strict=True))


class Counts:
    """Rows of files by the manifests beside or above them, each read once.

    A file has as many rows as its manifest says if it has the size that it says and was not written
    after it. Everything else has to be counted.
    """

    def __init__(self) -> None:
        self._manifests: dict[str, tuple[File, Any] | None] = {}

    def rows(self, file: File) -> int | None:
        """None: not known."""
        folder, name = os.path.split(file.path)
        for _ in range(_LEVELS):
            found = self._manifest(folder)
            if found:
                itself, manifest = found
                entry = manifest["files"].get(name)
                fits = entry and entry["bytes"] == file.size and file.modified <= itself.modified
                return int(entry["rows"]) if fits else None
            folder, last = os.path.split(folder)
            name = f"{last}/{name}"
        return None

    def _manifest(self, folder: str) -> tuple[File, Any] | None:
        if folder not in self._manifests:
            self._manifests[folder] = _look(folder)
        return self._manifests[folder]


def _look(folder: str) -> tuple[File, Any] | None:
    try:
        itself = stat(os.path.join(folder, NAME))
        return itself, read(folder)
    except (OSError, ValueError):
        return None


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
