"""`tf-sampling vocab`: the distinct values of a column, the most frequent first."""

from __future__ import annotations

import argparse

from sampling.command_line.common import OUTPUT, OVERWRITE
from sampling.command_line.flag import Flag
from sampling.command_line.values import whole
from sampling.commands import raw_files

IF_STOPPED = raw_files.NOTHING_WRITTEN
FLAGS = {
    "what is read": (
        raw_files.FILES,
        Flag("column", None, str, "name of the column", required=True),
        raw_files.RUNNER,
    ),
    **raw_files.HOW_WRITTEN,
    "what is written": (
        OUTPUT._replace(help="file to write"),
        OVERWRITE,
        Flag("min_count", 1, whole(1), "least rows of a value"),
    ),
}


def run(flags: argparse.Namespace) -> None:
    from sampling import files
    from sampling.prepare import vocab

    open_source = raw_files.opening(flags, {"--column": flags.column})
    with files.whole(flags.output, flags.overwrite) as file:
        if flags.runner:
            counts = raw_files.beam().vocab(
                open_source, flags.column, flags.output, raw_files.beam_flags(flags)
            )
        else:
            counts = vocab.count(open_source(), flags.column)
        values = vocab.lines(counts, flags.min_count)
        file.write("".join(f"{value}\n" for value in values).encode())
    print(f"{len(values):,} values: {flags.output}")
