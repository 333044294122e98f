"""The distinct ids of a column, one a line, the most frequent first: `scripts/make-vocab.sh`.

python -m sampling.make_vocabulary 'plays/*.csv' --column=track_id --output=vocab/songs.csv
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sampling import checks, files
from sampling.formats.csv import CsvBlocks
from sampling.formats.csv_parser import CsvOptions
from sampling.schema import Schema
from sampling.vocabulary import keyed

_BLOCK_ROWS = 65_536
_BLOCKS_AT_A_TIME = 16


def count(blocks: CsvBlocks, column: str) -> Counter[str]:
    """How many rows each id has."""
    counts: Counter[str] = Counter()
    for start in range(0, blocks.num_blocks, _BLOCKS_AT_A_TIME):
        ids = np.arange(start, min(start + _BLOCKS_AT_A_TIME, blocks.num_blocks))
        for pair in blocks.read(ids).column(column).value_counts():
            counts[pair["values"].as_py()] += pair["counts"].as_py()
    return counts


def lines(counts: Counter[str], min_count: int = 1) -> list[str]:
    """Ids of at least so many rows, the most frequent first, equally frequent ones by name.

    Raises:
        ValueError: an id holds a newline, or there is none.
    """
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = [id_ for id_, number in ordered if number >= min_count]
    if not kept:
        raise ValueError(f"found no id of {min_count:,} rows, expected one; lower --min_count")
    for id_ in kept:
        if len(id_.splitlines()) != 1:
            raise ValueError(f"found the id {id_!r}, expected no newline in it; mend the files")
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="make-vocab",
        description="Writes the distinct ids of a column of CSV files, one a line, no header.",
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", help="globs, quoted for the shell")
    parser.add_argument("--column", required=True, help="name of the column")
    parser.add_argument("--output", required=True, help="file to write")
    parser.add_argument("--min_count", type=int, default=1, help="least rows of an id (default 1)")
    parser.add_argument("--columns", help="names (a,b) of the columns of files without a header")
    parser.add_argument("--delimiter", default=",", help="between fields; tab for a tab")
    try:
        _run(parser.parse_args(arguments))
    except ValueError as error:
        parser.exit(1, f"error: {error}\n")


def _run(flags: argparse.Namespace) -> None:
    checks.whole_number("--min_count", flags.min_count, 1)
    delimiter = {"tab": "\t", "\\t": "\t"}.get(flags.delimiter, flags.delimiter)
    options = CsvOptions(flags.columns is None, delimiter)
    listed = files.list_files(flags.files, "files")
    names = flags.columns.split(",") if flags.columns else _header(listed[0].path, delimiter)
    schema = keyed(Schema.from_dict(dict.fromkeys(names, str)), **{"--column": flags.column})
    blocks = CsvBlocks(listed, schema, options, _BLOCK_ROWS, None, "files")
    ids = lines(count(blocks, flags.column), flags.min_count)
    os.makedirs(os.path.dirname(flags.output) or ".", exist_ok=True)
    with open(flags.output, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{id_}\n" for id_ in ids)
    print(f"{len(ids):,} ids: {flags.output}", file=sys.stderr)


def _header(path: str, delimiter: str) -> list[str]:
    with files.open_binary(path) as file:
        first = file.readline().decode("utf-8-sig")
    return next(csv.reader([first], delimiter=delimiter), [])


if __name__ == "__main__":
    main()
