"""`tf-sampling schema`: the columns of files as they are."""

from __future__ import annotations

import argparse
import sys

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import names, renames, whole
from sampling.commands import raw_files

IF_STOPPED = raw_files.NOTHING_WRITTEN
FLAGS = {
    "what is read": (
        raw_files.FILES,
        Flag("rows", None, whole(1), "how many rows to look at; unless given: all"),
    ),
    "what the columns are (names with a comma between)": (
        common.LABEL,
        common.WEIGHT_COLUMN,
        Flag("key", [], names, "columns that rows are known by: ids"),
        Flag("id", [], names, "carried to the predictions, never learned"),
        Flag("category", [], names, "taken for categories, numbers too"),
        Flag("number", [], names, "taken for numbers, though ids by their values"),
        Flag("date", [], names, "taken for dates"),
        Flag("drop", [], names, "left out"),
        Flag("rename", {}, renames, "other names (old:new,old2:new2), in all that is made of them"),
        Flag("columns", [], names, "names of the columns of files without a header"),
    ),
    "how the files are written": (
        common.FILE_FORMAT,
        common.HEADER._replace(help="whether text has one; unless given: found out"),
        common.DELIMITER._replace(help="between fields; unless given: found out"),
        common.NULL_VALUES,
        common.NEWLINES_IN_VALUES,
        common.DECIMAL,
        common.ESCAPE,
        common.ENCODING,
    ),
}


def run(flags: argparse.Namespace) -> None:
    """Prints the schema: JSON on stdout, for people a table on stderr."""
    from sampling.prepare import schema
    from sampling.schema.inferring.inference import Wishes

    wishes = Wishes(
        flags.label,
        flags.weight_column,
        flags.key,
        flags.id,
        flags.category,
        flags.number,
        flags.date,
        flags.drop,
        flags.rename,
    )
    reading = schema.HowToRead(
        **common.file_options(flags), columns=flags.columns, rows=flags.rows, progress=True
    )
    made = schema.infer(flags.files, wishes, reading)
    print(schema.table(made), file=sys.stderr)
    sys.stdout.write(made.to_json())
