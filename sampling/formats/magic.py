"""What files are by their first bytes."""

from __future__ import annotations

import codecs

HEAD_BYTES = 16

# (first bytes, what such a file is called, the format as which it is read or None)
MARKS: tuple[tuple[bytes, str, str | None], ...] = (
    (b"PAR1", "a Parquet file", "parquet"),
    (b"PARE", "an encrypted Parquet file", None),
    (b"ARROW1", "an Arrow file", "arrow"),
    (b"\xff\xff\xff\xff", "a stream of Arrow", "arrow"),
    (b"\x1f\x8b", "a gzip file", "csv.gz"),
    (b"BZh", "a bzip2 file", "csv.bz2"),
    (b"\xfd7zXZ\0", "an xz file", "csv.xz"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "csv.zst"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", None),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of old", None),
    (b"FEA1", "a Feather file of version 1", None),
    (b"Obj\x01", "an Avro file", None),
    (b"ORC", "an ORC file", None),
    (b"\x89HDF", "an HDF5 file", None),
    (b"\x93NUMPY", "a numpy file", None),
    (b"SQLite format 3\0", "an SQLite database", None),
    (codecs.BOM_UTF16_LE, "UTF-16", None),
    (codecs.BOM_UTF16_BE, "UTF-16", None),
)


def look(head: bytes) -> tuple[str, str | None] | None:
    """(What a file is called, its format or None), by its first bytes; None: nothing is known."""
    return next(((what, said) for mark, what, said in MARKS if head.startswith(mark)), None)
