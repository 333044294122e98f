"""`tf-sampling sample`: one epoch of a training, as files."""

from __future__ import annotations

import argparse

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.commands import raw_files
from sampling.errors import SamplingError

IF_STOPPED = raw_files.NOTHING_WRITTEN
FLAGS = {
    common.GLOBS: (
        common.POSITIVE_DIR._replace(required=True),
        common.NEGATIVE_DIR._replace(required=True),
        raw_files.RUNNER,
    ),
    "how the files are written": (
        common.SCHEMA._replace(required=True),
        common.LABEL._replace(required=True),
        common.WEIGHT_COLUMN,
        *common.WRITTEN,
    ),
    "sampling": (common.MULTIPLIER, common.WEIGHT, common.SEED),
    "what is written": (
        common.OUTPUT,
        Flag("format", "csv", str, "of what is written", choices=("csv", "parquet")),
        common.SHARDS,
        common.OVERWRITE,
    ),
}


def run(flags: argparse.Namespace) -> None:
    from sampling.formats.writing import Layout
    from sampling.prepare import sample
    from sampling.schema import Schema

    if flags.multiplier == "auto":
        raise SamplingError(
            "--multiplier is auto, which a training makes of its own rows, expected a number or "
            "natural; pass 1 for as many negatives as positives"
        )
    text = raw_files.csv_options(flags)
    options = {
        "positive_dir": flags.positive_dir,
        "negative_dir": flags.negative_dir,
        "schema": Schema.from_json(flags.schema, flags.label, flags.weight_column),
        "multiplier": flags.multiplier,
        "weight": flags.weight,
        "seed": flags.seed,
        "file_format": flags.file_format,
        **text.by_name(),
    }
    if flags.runner:
        layout = Layout(flags.format, text.delimiter).check()
        rest = flags.output, flags.shards, layout, flags.overwrite, raw_files.beam_flags(flags)
        made = raw_files.beam("beam_sample").write(options, *rest)
    else:
        made = sample.open_input(options).write_epoch(
            flags.output, shards=flags.shards, format=flags.format, overwrite=flags.overwrite
        )
    raw_files.tell(made, flags.output)
