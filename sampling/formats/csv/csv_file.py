"""One CSV file: its layout, and where its rows begin."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import NoReturn

from sampling import files
from sampling.errors import SamplingError
from sampling.formats.csv import parsing, scanning
from sampling.formats.csv.parsing import CsvOptions
from sampling.schema import Schema

_HEAD_BYTES = 16 * 2**10  # enough lines to know how long a row is
_MAX_HEAD_BYTES = 16 * 2**20  # a first line that is longer is no line of text
_OTHER_MARKS = {
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"PAR1": "a Parquet file",
}
_FORMATS = {b"PAR1": "parquet", b"\x1f\x8b": "csv.gz"}


class CsvFile:
    """A listed file, looked into.

    Attributes:
        layout: the columns' names in the order of its rows.
        begin: where the first row begins, in bytes.

    Args:
        file: as listed.
        schema: what columns it should have.
        options: how it is written.
        optional: columns of the schema that it may lack: the label, or label and weight both.
        layouts: first line -> layout, of files seen before; for thousands of files, reading each
            header anew takes longer than the first batch.

    Raises:
        SamplingError: it is not a text, or its header or first row does not fit the schema.
    """

    def __init__(
        self,
        file: files.File,
        schema: Schema,
        options: CsvOptions,
        optional: Sequence[str],
        layouts: dict[bytes, tuple[str, ...]],
    ):
        self.file, self._schema, self._options = file, schema, options
        head = self._read_head()
        self._check_text(head)
        text = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
        first_at = len(head) - len(text)
        first = text[: scanning.first_record_end(text, options.newlines_in_values)]
        if first not in layouts:
            self._line = head[:first_at].count(b"\n") + 1
            layouts[first] = self._layout(first, optional)
        self.layout = layouts[first]
        self.begin = first_at + (len(first) if options.header else 0)

    def sample(self) -> tuple[int, int]:
        """Some first rows: (their bytes, how many)."""
        rows = self._read_head()[self.begin :]
        rows = rows[: rows.rfind(b"\n") + 1] or rows  # whole rows
        return len(rows), scanning.count_rows(rows, self._options.newlines_in_values)

    @property
    def body_bytes(self) -> int:
        return self.file.size - self.begin

    def _read_head(self) -> bytes:
        """The first rows, two at least (the header, and one to tell how long rows are)."""
        length = _HEAD_BYTES
        with self.file.open() as opened:
            while True:
                head = files.read_range(opened, 0, length)
                text = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
                quoted = self._options.newlines_in_values
                end = scanning.first_record_end(text, quoted)
                has_two = scanning.first_record_end(text[end:], quoted) < len(text) - end
                if has_two or length >= self.file.size:
                    return head
                if length >= _MAX_HEAD_BYTES:
                    self._refuse(1, f"no two lines in the first {length:,} bytes")
                length *= 2

    def _check_text(self, head: bytes) -> None:
        for mark, what in _OTHER_MARKS.items():
            if head.startswith(mark):
                said = _FORMATS.get(mark)
                remedy = f"pass file_format={said!r}, or " if said else ""
                self._refuse(1, f"the beginning of {what}", remedy)
        if b"\0" in head:
            self._refuse(head[: head.index(0)].count(b"\n") + 1, "a NUL byte")

    def _refuse(self, line: int, found: str, remedy: str = "") -> NoReturn:
        raise SamplingError(
            f"{self.file.path}, line {line}: found {found}, expected lines of text in UTF-8; "
            f"{remedy}convert the file, or fix the glob"
        )

    def _layout(self, first: bytes, optional: Sequence[str]) -> tuple[str, ...]:
        """The columns, by the first record that is not blank."""
        schema, options = self._schema, self._options
        if not first:  # an empty shard has the layout that all have
            return schema.names
        fields = scanning.split_fields(first, options.delimiter)
        at = f"{self.file.path}, line {self._line}"
        if fields is None:
            raise SamplingError(f"{at}: {parsing.stray_quote(options)}")
        if not options.newlines_in_values and b"\r" in first.rstrip(b"\r\n"):
            raise SamplingError(f"{at}: {parsing.STRAY_RETURN}")
        try:
            names = [field.decode() for field in fields]
        except UnicodeDecodeError as error:
            self._refuse(self._line, f"the byte {error.object[error.start]:#04x}")
        if not options.header:
            return self._layout_by_count(names, optional)
        self._check_header(names, optional)
        return tuple(names)

    def _check_header(self, found: Sequence[str], optional: Sequence[str]) -> None:
        names = self._schema.names
        may_lack = () if self._schema.label in found else optional
        missing = [name for name in names if name not in found and name not in may_lack]
        extra = [name for name in found if name not in names]
        twice = [name for name in names if found.count(name) > 1]
        parts = [f"lacks {_quoted(missing)}"] if missing else []
        parts += [f"has {_quoted(extra)} beyond the schema"] if extra else []
        parts += [f"has {_quoted(twice)} more than once"] if twice else []
        if not parts:
            return
        remedy = "fix the file or the schema"
        if len(found) == 1 and len(names) > 1:
            remedy = f"pass the delimiter if it is not {self._options.delimiter!r}, or {remedy}"
        elif not set(found) & set(names):
            remedy = f"pass header=False if this line is a row, or {remedy}"
        raise SamplingError(
            f"{self.file.path}, line {self._line}: the header {' and '.join(parts)}, "
            f"expected {', '.join(names)} in any order; {remedy}"
        )

    def _layout_by_count(self, found: Sequence[str], optional: Sequence[str]) -> tuple[str, ...]:
        """The schema's columns in its order, with as many of the optional ones as fit."""
        names, at = self._schema.names, f"{self.file.path}, line {self._line}"
        if 1 < len(found) == len(set(found) & set(names)):
            raise SamplingError(
                f"{at}: found the names of the columns, expected a row; pass header=True"
            )
        for lacking in range(len(optional) + 1):
            layout = tuple(name for name in names if name not in optional[:lacking])
            if len(layout) == len(found):
                return layout
        raise SamplingError(
            f"{at}: found {len(found)} field{'s' if len(found) != 1 else ''}, "
            f"expected {len(names)} ({', '.join(names)}); fix the file or the schema, "
            f"or pass the delimiter if it is not {self._options.delimiter!r}"
        )


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"the column{'s' * (len(names) > 1)} {', '.join(map(repr, names[:20]))}{more}"
