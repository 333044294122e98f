"""The schema of files as they are, found out in one pass and in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats import registry
from sampling.formats.csv.options import UTF8, CsvOptions
from sampling.formats.values import partitions
from sampling.prepare import dialect, raw
from sampling.prepare.raw import RawPiece
from sampling.prepare.source import Source
from sampling.progress import Progress
from sampling.schema import WEIGHT_FEATURE, ColumnStatistics, Schema, json_form
from sampling.schema.inferring import inference
from sampling.schema.inferring.inference import Wishes
from sampling.schema.inferring.table_sketch import TableSketch

_FEW = 5  # distinct numbers up to which they are named rather than their median
_SHOWN, _WIDTH = 3, 24  # values in the table, and characters of each


class HowToRead(NamedTuple):
    """How files are read.

    Args:
        file_format: one of `registry.FORMATS`; None: by the files' names.
        header, delimiter: of text; None: found out by the first lines.
        columns: names of the columns of text without a header; none: column_1, column_2, ...
        null_values: spellings of an empty field.
        newlines_in_values, decimal, escape, encoding: see `CsvOptions`.
        rows: how many to look at; None: all.
        progress: whether to tell how far it is, on stderr.
    """

    file_format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    columns: Sequence[str] = ()
    null_values: Sequence[str] = ()
    newlines_in_values: bool = False
    decimal: str = "."
    escape: str = ""
    encoding: str = UTF8
    rows: int | None = None
    progress: bool = False


class Inferred(NamedTuple):
    """A schema with its statistics, and what was found out of the files.

    Args:
        schema: the columns.
        rows: how many were looked at.
        csv: how text is written, and what is missing in any format; None: there are no files.
        left_out: columns of the files that the schema lacks, and why.
    """

    schema: Schema
    rows: int
    csv: CsvOptions | None
    left_out: dict[str, str]

    def to_json(self) -> str:
        """What `Schema.from_json` reads; a column's statistics take one line."""
        said = self.schema.to_manifest()
        if self.csv is not None:
            said = {json_form.CSV: self.csv.to_dict(), **said}
        statistics = said.pop("statistics", {})
        lines = [f"    {json.dumps(n)}: {json.dumps(each)}" for n, each in statistics.items()]
        text = json.dumps(said, indent=2).removesuffix("\n}")
        return text + ',\n  "statistics": {\n' + ",\n".join(lines) + "\n  }\n}\n"


def infer(data: Any, wishes: Wishes, reading: HowToRead) -> Inferred:
    """The schema of files or tables as they are.

    Args:
        data: a glob, path or folder, a DataFrame or a pyarrow table, or a list of either.

    Raises:
        SamplingError: nothing matches, a file can't be read, there is no row, or a column that is
            asked for is not there.
    """
    if reading.rows is not None:
        checks.whole_number("rows", reading.rows, 1)
    if given := raw.are_tables(data):
        rows = sum(len(table) for table in given)
        return _looked_at(raw.of_tables(given), rows, wishes, reading)
    listed = files.list_files(data, "files")
    of_paths = list(dict.fromkeys(n for file in listed for n in partitions.of_path(file.path)))
    first = next((file for file in listed if file.size), listed[0])
    found = registry.checked_format(reading.file_format) or registry.look(first)
    if not found.startswith("csv"):
        size = sum(file.size for file in listed)
        pieces = raw.typed(listed, found)
        is_examples = found.startswith("tfrecord")
        made = _looked_at(pieces, size, wishes, reading, is_examples=is_examples, of_paths=of_paths)
        return made._replace(csv=CsvOptions(null_values=reading.null_values))
    options, names, left_out = _written(first, found, reading)
    names += [name for name in of_paths if name not in names]
    wishes.renamed(names, of_paths).check(names)
    # No feature can be called as row weights are.
    weight = WEIGHT_FEATURE if WEIGHT_FEATURE in names else None
    texts = Schema.from_dict({n: float if n == weight else str for n in names}, None, weight)
    source = Source(data, texts, options, file_format=reading.file_format)
    chunks = source.chunks()
    pieces = (RawPiece(source.read(chunk), chunk.bytes) for chunk in chunks)
    size = sum(chunk.bytes for chunk in chunks)
    made = _looked_at(pieces, size, wishes, reading, delimiter=options.delimiter)
    return made._replace(csv=options, left_out=made.left_out | left_out)


def _looked_at(
    pieces: Iterable[RawPiece], size: float, wishes: Wishes, reading: HowToRead, **of_files: Any
) -> Inferred:
    """One pass; the next rows are read while these are looked at."""
    sketch, done, left_out = TableSketch(), 0.0, dict[str, str]()
    progress = Progress("schema", size) if reading.progress else None
    pieces = iter(pieces)
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(next, pieces, None)
        while (piece := waiting.result()) is not None:
            table = piece.table
            if reading.rows is not None:
                table = table.slice(0, reading.rows - sketch.rows)
            is_last = reading.rows is not None and sketch.rows + len(table) >= reading.rows
            if not is_last:
                waiting = ahead.submit(next, pieces, None)
            sketch.merge(TableSketch.of(table, reading.null_values, reading.decimal))
            left_out |= dict.fromkeys(
                piece.left_out, "no column of values; give each of its fields a column"
            )
            done += piece.bytes
            if progress:
                progress.update(done, sketch.rows)
            if is_last:
                break
    if progress:
        progress.close(sketch.rows)
    if not sketch.rows:
        raise SamplingError("files: found no row, expected at least one; fix the glob or the files")
    schema = inference.schema_of(sketch.columns, wishes, **of_files)
    return Inferred(schema, sketch.rows, None, left_out)


def _written(
    file: files.File, file_format: str, reading: HowToRead
) -> tuple[CsvOptions, list[str], dict[str, str]]:
    """How text is written, by its first lines; its columns, and those that can't be one."""
    text = raw.head(file, file_format, reading.encoding)
    header = False if reading.columns else reading.header
    found = dialect.of_text(text, reading.delimiter, header, reading.decimal, reading.escape)
    options = CsvOptions(
        found.header,
        found.delimiter,
        tuple(reading.null_values),
        reading.newlines_in_values,
        reading.decimal,
        reading.escape,
        reading.encoding,
    )
    fields = found.first
    if not options.header:
        names = list(reading.columns) or [f"column_{i + 1}" for i in range(len(fields))]
        return options, names, {}
    twice = sorted({name for name in fields if name and fields.count(name) > 1})
    if twice:
        raise SamplingError(
            f"{file.path}, line 1: the header has {', '.join(map(repr, twice))} more than once, "
            "expected different names; rename one, or pass header=False if this line is a row"
        )
    left_out = {} if all(fields) else {"": "a column without a name, such as pandas' index"}
    return options, [name for name in fields if name.strip()], left_out


def table(made: Inferred) -> str:
    """A line for each column, aligned, and its remarks."""
    lines = [("column", "type", "kind", "missing", "distinct", "median, or most frequent", "")]
    schema = made.schema
    for field in schema:
        known = schema.statistics[field.name]
        role = next(
            (r for r in ("label", "weight") if getattr(schema, r) == field.name), field.kind
        )
        about = "" if known.is_exact else "~"
        lines.append(
            (
                field.name,
                field.type + (f"[{field.length or ''}]" if field.is_list else ""),
                str(role),
                f"{known.missing_share:.1%}" if known.missing else "",
                f"{about}{known.distinct:,}",
                _usual(known),
                "; ".join(known.remarks),
            )
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = (3, 4)
    shown = [
        "  ".join(
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    shown += [f"left out: {name!r}, {why}" for name, why in made.left_out.items()]
    return "\n".join(shown)


def _usual(known: ColumnStatistics) -> str:
    """The median, or the most frequent values."""
    if known.median is not None and (not known.is_exact or known.distinct > _FEW):
        return f"{known.median:.6g}" if isinstance(known.median, float) else str(known.median)
    texts = [
        f"{_short(text)} {rows / known.present:.0%}"
        for text, rows in list(known.values.items())[:_SHOWN]
    ]
    return ", ".join(texts)


def _short(text: str) -> str:
    plain = repr(text)[1:-1]
    return plain if len(plain) <= _WIDTH else plain[: _WIDTH - 3] + "..."
