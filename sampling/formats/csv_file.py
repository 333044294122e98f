"""One CSV file: its layout, and where its rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from sampling import files
from sampling.formats import csv_parser
from sampling.formats.csv_parser import CsvOptions
from sampling.schema import Schema

_HEAD_BYTES = 16 * 2**10  # enough lines to know how long a row is
_MAX_HEAD_BYTES = 16 * 2**20  # a first line that is longer is no line of text
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip"}


class CsvFile:
    """A listed file, looked into: `layout` (column names), `begin` (bytes), `sample` (first rows).

    Args:
        file: as listed.
        schema: what columns it should have.
        options: how it is written.
        optional: columns of the schema that it may lack: the label, or label and weight both.

    Raises:
        ValueError: it is not a text, or its header or first row does not fit the schema.
    """

    def __init__(
        self, file: files.File, schema: Schema, options: CsvOptions, optional: Sequence[str]
    ):
        self.file = file
        head = self._read_head()
        self.begin = len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0
        first, body = self._first_line(head[self.begin :])
        self.layout = self._layout(first, schema, options, optional)
        if options.header:
            self.begin = len(head) - len(body)
        else:
            body = head[self.begin :]
        self.sample = body[: body.rfind(b"\n") + 1] or body  # whole rows

    @property
    def body_bytes(self) -> int:
        return self.file.size - self.begin

    def _read_head(self) -> bytes:
        length = _HEAD_BYTES
        with files.open_binary(self.file.path) as opened:
            head = files.read_range(opened, 0, length)
            while head.lstrip(b"\r\n").count(b"\n") < 2 and length < self.file.size:
                if length >= _MAX_HEAD_BYTES:
                    self._refuse(f"has no two lines in its first {length:,} bytes")
                length *= 2
                head = files.read_range(opened, 0, length)
        for mark, what in _OTHER_MARKS.items():
            if head.startswith(mark):
                self._refuse(f"begins as {what} does")
        if b"\0" in head:
            self._refuse(f"has a NUL byte at {head.index(0):,}")
        return head

    def _refuse(self, found: str) -> NoReturn:
        raise ValueError(
            f"{self.file.path} {found}, expected lines of text in UTF-8; "
            "convert it, or mend the glob"
        )

    def _first_line(self, text: bytes) -> tuple[bytes, bytes]:
        """(the first line that is not blank, what follows it)"""
        stripped = text.lstrip(b"\r\n")
        end = stripped.find(b"\n") + 1 or len(stripped)
        return stripped[:end].rstrip(b"\r\n"), stripped[end:]

    def _layout(
        self, first: bytes, schema: Schema, options: CsvOptions, optional: Sequence[str]
    ) -> tuple[str, ...]:
        fields = csv_parser.split_fields(first, options.delimiter)
        if not first:  # an empty shard has the layout that all have
            return schema.names
        if not options.header:
            return self._layout_by_count(fields, schema, optional)
        may_lack = () if schema.label in fields else optional
        missing = [name for name in schema.names if name not in fields and name not in may_lack]
        extra = [name for name in fields if name not in schema.names]
        if missing or extra:
            self._refuse_header(fields, missing, extra, schema, options)
        if len(set(fields)) < len(fields):
            twice = sorted({name for name in fields if fields.count(name) > 1})
            raise ValueError(
                f"{self.file.path}, line 1: the column {', '.join(map(repr, twice))} is there "
                "more than once; rename one"
            )
        return tuple(fields)

    def _layout_by_count(
        self, fields: list[str], schema: Schema, optional: Sequence[str]
    ) -> tuple[str, ...]:
        """The schema's columns in its order, with as many of the optional ones as fit."""
        for lacking in range(len(optional) + 1):
            layout = tuple(name for name in schema.names if name not in optional[:lacking])
            if len(layout) == len(fields):
                return layout
        raise ValueError(
            f"{self.file.path}, line 1: found {len(fields)} fields, expected {len(schema)} "
            f"({', '.join(schema.names)}); mend the file, the schema or the delimiter"
        )

    def _refuse_header(
        self,
        found: list[str],
        missing: list[str],
        extra: list[str],
        schema: Schema,
        options: CsvOptions,
    ) -> NoReturn:
        parts = []
        if missing:
            parts.append(f"lacks the column {', '.join(map(repr, missing))}")
        if extra:
            parts.append(f"has the column {', '.join(map(repr, extra[:20]))} beyond the schema")
        if len(missing) == len(schema):
            remedy = "pass header=False if the first line is a row"
        elif len(found) == 1 and len(schema) > 1:
            remedy = f"pass the delimiter (it is {options.delimiter!r} now)"
        else:
            remedy = "mend the file or the schema"
        raise ValueError(
            f"{self.file.path}, line 1: the header {' and '.join(parts)}, "
            f"expected {', '.join(schema.names)} in any order; {remedy}"
        )
