"""`tf-sampling count`: rows of each class in each file."""

from __future__ import annotations

import argparse
import contextlib
import json

from sampling.command_line.common import LABEL, OUTPUT, OVERWRITE
from sampling.command_line.flag import Flag
from sampling.commands import raw_files
from sampling.errors import SamplingError

IF_STOPPED = raw_files.NOTHING_WRITTEN
FLAGS = {
    "what is read": (
        raw_files.FILES,
        LABEL._replace(help="column of the class; without it only rows are counted"),
        raw_files.RUNNER,
    ),
    **raw_files.HOW_WRITTEN,
    "what is written": (
        Flag("json", False, None, "whether JSON is printed instead of a table"),
        OUTPUT._replace(help="file to write the JSON to", required=False),
        OVERWRITE,
    ),
}


def run(flags: argparse.Namespace) -> None:
    from sampling import files
    from sampling.prepare import count

    open_source = raw_files.opening(flags, {})
    if flags.runner and not flags.output:
        raise SamplingError("--output is missing, which --runner needs; name a file")
    whole = files.whole(flags.output, flags.overwrite) if flags.output else contextlib.nullcontext()
    with whole as file:
        if flags.runner:
            counts = raw_files.beam().count(open_source, flags.output, raw_files.beam_flags(flags))
        else:
            counts = count.count(open_source())
        as_json = json.dumps(count.as_dict(counts), indent=2)
        if file:
            file.write(f"{as_json}\n".encode())
    print(as_json if flags.json else count.table(counts))
