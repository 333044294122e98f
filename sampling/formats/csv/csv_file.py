"""One CSV file: its layout, and where its rows begin."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NoReturn

from sampling import files
from sampling.errors import SamplingError
from sampling.formats import magic
from sampling.formats.csv import parsing, scanning
from sampling.formats.csv.options import UTF8, CsvOptions
from sampling.formats.values import partitions
from sampling.formats.values.types import names_shown
from sampling.schema import Schema

_HEAD_BYTES = 16 * 2**10  # enough lines to know how long a row is


class CsvFile:
    """A listed file, looked into.

    Attributes:
        layout: the columns' names in the order of its rows, each once.
        left_out: the names of columns that the schema lacks.
        of_path: columns whose value is in the file's path, and the values.
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
        layouts: dict[tuple[bytes, Collection[str]], tuple[tuple[str, ...], tuple[str, ...]]],
    ):
        self.file, self._schema, self._options = file, schema, options
        of_path = partitions.of_path(file.path)
        head = self._read_head()
        self._check_text(head)
        text = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
        first_at = len(head) - len(text)
        first = text[: self._record_end(text, 0)]
        key = first, frozenset(of_path)
        if key not in layouts:
            self._line = head[:first_at].count(b"\n") + 1
            layouts[key] = self._layout(first, optional, of_path)
        self.layout, self.left_out = layouts[key]
        named = [name for name in schema.names if name in of_path and name not in self.layout]
        self.of_path = {name: of_path[name] for name in named}
        self.begin = first_at + (len(first) if options.header else 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that it has, by its path too."""
        return (*self.layout, *self.of_path)

    def sample(self) -> tuple[int, int]:
        """Some first rows: (their bytes, how many)."""
        rows = self._read_head()[self.begin :]
        rows = rows[: rows.rfind(b"\n") + 1] or rows  # whole rows
        quoted = self._options.newlines_in_values
        scanned = self._options.dialect.masked(rows) if quoted else rows
        return len(rows), scanning.count_rows(scanned, quoted)

    @property
    def body_bytes(self) -> int:
        return self.file.size - self.begin

    def _read_head(self) -> bytes:
        """The first rows, two at least (the header, and one to tell how long rows are)."""
        length = _HEAD_BYTES
        with self.file.open() as opened:
            while True:
                head = self.file.read(opened, 0, length)
                start = len(head) - len(head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n"))
                if length >= self.file.size:
                    return head
                end = self._record_end(head, start)
                if self._record_end(head, end) < len(head):
                    return head
                if length >= scanning.RECORD_BYTES:
                    limit = f"a row may have {scanning.RECORD_BYTES:,}"
                    self._refuse(1, f"no two lines in the first {length:,} bytes, where {limit}")
                length *= 2

    def _record_end(self, text: bytes, start: int) -> int:
        quoted = self._options.newlines_in_values
        scanned = self._options.dialect.masked(text) if quoted else text
        return scanning.first_record_end(scanned, quoted, start)

    def _check_text(self, head: bytes) -> None:
        if known := magic.look(head):
            what, said = known
            remedy = f"pass file_format={said!r}, or " if said else ""
            if what == "UTF-16":
                remedy = "run `iconv -f UTF-16 -t UTF-8` to "
            self._refuse(1, f"the beginning of {what}", remedy)
        if b"\0" in head:
            self._refuse(head[: head.index(0)].count(b"\n") + 1, "a NUL byte")

    def _refuse(self, line: int, found: str, remedy: str = "") -> NoReturn:
        raise SamplingError(
            f"{self.file.path}, line {line}: found {found}, expected lines of text in "
            f"{self._options.encoding.upper()}; {remedy}convert the file, or fix the glob"
        )

    def _layout(
        self, first: bytes, optional: Sequence[str], of_path: Collection[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns, by the first record that is not blank, and those that are left out."""
        schema, options = self._schema, self._options
        if not first:  # an empty shard has the layout that all have
            return tuple(name for name in schema.names if name not in of_path), ()
        fields = scanning.split_fields(first, options.dialect)
        at = f"{self.file.path}, line {self._line}"
        if fields is None:
            raise SamplingError(f"{at}: {parsing.stray_quote(options)}")
        if not options.newlines_in_values and b"\r" in first.rstrip(b"\r\n"):
            raise SamplingError(f"{at}: {parsing.STRAY_RETURN}")
        try:
            names = [field.decode(options.encoding) for field in fields]
        except UnicodeDecodeError as error:
            remedy = "pass encoding='latin-1' if it is that, " if options.encoding == UTF8 else ""
            self._refuse(self._line, f"the byte {error.object[error.start]:#04x}", remedy)
        if not options.header:
            return self._layout_by_count(names, optional, of_path)
        names = schema.names_of(_as_pandas_calls(names, schema))
        self._check_header(names, optional, of_path)
        known = set(schema.names)
        left_out = tuple(name for name in names if name not in known)
        return _each_once(names, schema), left_out

    def _check_header(
        self, found: Sequence[str], optional: Sequence[str], of_path: Collection[str]
    ) -> None:
        names, there = self._schema.names, {*found, *of_path}
        may_lack = () if self._schema.label in there else optional
        missing = [name for name in names if name not in there and name not in may_lack]
        known, times = set(names), Counter(found)
        extra = [name for name in found if name not in known]
        twice = [name for name in names if times[name] > 1]
        parts = [f"lacks {names_shown(missing)}"] if missing else []
        parts += [f"has {names_shown(extra)} beyond the schema"] if missing and extra else []
        parts += [f"has {names_shown(twice)} more than once"] if twice else []
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

    def _layout_by_count(
        self, found: Sequence[str], optional: Sequence[str], of_path: Collection[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The schema's columns in its order, with as many of the optional ones as fit."""
        names = tuple(name for name in self._schema.names if name not in of_path)
        at = f"{self.file.path}, line {self._line}"
        if 1 < len(found) == len(set(found) & set(names)):
            raise SamplingError(
                f"{at}: found the names of the columns, expected a row; pass header=True"
            )
        ends_empty = found[-1] == ""  # a delimiter at the end of each row
        for lacking in range(len(optional) + 1):
            layout = tuple(name for name in names if name not in optional[:lacking])
            if len(layout) == len(found):
                return layout, ()
            if ends_empty and len(layout) == len(found) - 1:
                return _each_once([*layout, ""], self._schema), ("",)
        raise SamplingError(
            f"{at}: found {len(found)} field{'s' if len(found) != 1 else ''}, "
            f"expected {len(names)} ({', '.join(names)}); fix the file or the schema, "
            f"or pass the delimiter if it is not {self._options.delimiter!r}"
        )


def _as_pandas_calls(found: Sequence[str], schema: Schema) -> list[str]:
    """What has no name is "Unnamed: 0" by its place, where the schema has a column of that name."""
    called = [name or f"Unnamed: {place}" for place, name in enumerate(found)]
    return [new if new in schema.names else old for new, old in zip(called, found, strict=True)]


def _each_once(found: Sequence[str], schema: Schema) -> tuple[str, ...]:
    """Names for all columns of a file: those that the schema lacks may be none or the same."""
    names: dict[str, None] = {}
    others = {*schema.names, *found}
    for place, name in enumerate(found):
        unique = name or f"column {place + 1}"
        while unique in names or (unique != name and unique in others):
            unique += "_"
        names[unique] = None
    return tuple(names)
