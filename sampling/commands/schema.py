"""`tf-sampling schema`: the columns of files as they are."""

from __future__ import annotations

import argparse
import sys

from sampling.commands import raw_files
from sampling.flags.common import FILE_FORMAT, LABEL, NEWLINES_IN_VALUES, WEIGHT_COLUMN
from sampling.flags.flag import Flag
from sampling.flags.values import delimiter, names, null_values, whole

IF_STOPPED = raw_files.NOTHING_WRITTEN
FLAGS = {
    "what is read": (
        raw_files.FILES,
        Flag("rows", None, whole(1), "how many rows to look at; unless given: all"),
    ),
    "what the columns are (names with a comma between)": (
        LABEL,
        WEIGHT_COLUMN,
        Flag("key", [], names, "columns that rows are known by: ids"),
        Flag("id", [], names, "carried to the predictions, never learned"),
        Flag("category", [], names, "taken for categories, numbers too"),
        Flag("number", [], names, "taken for numbers, though ids by their values"),
        Flag("date", [], names, "taken for dates"),
        Flag("drop", [], names, "left out"),
        Flag("columns", [], names, "names of the columns of files without a header"),
    ),
    "how the files are written": (
        FILE_FORMAT,
        Flag("header", None, None, "whether text has one; unless given: found out"),
        Flag("delimiter", None, delimiter, "between fields; unless given: found out"),
        Flag("null_values", [""], null_values, "spellings (NA,NULL) of no value"),
        NEWLINES_IN_VALUES,
    ),
}


def run(flags: argparse.Namespace) -> None:
    """Prints the schema: JSON on stdout, for people a table on stderr."""
    from sampling.prepare import schema
    from sampling.schema.inference import Wishes

    wishes = Wishes(
        flags.label,
        flags.weight_column,
        flags.key,
        flags.id,
        flags.category,
        flags.number,
        flags.date,
        flags.drop,
    )
    reading = schema.HowToRead(
        flags.file_format,
        flags.header,
        flags.delimiter,
        flags.columns,
        flags.null_values,
        flags.newlines_in_values,
        rows=flags.rows,
        progress=True,
    )
    made = schema.infer(flags.files, wishes, reading)
    print(schema.table(made), file=sys.stderr)
    sys.stdout.write(made.to_json())
