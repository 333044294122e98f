"""`tf-sampling unobserved`: pairs that were not observed, as files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import whole
from sampling.commands import raw_files

if TYPE_CHECKING:
    from sampling.formats.registry import Blocks
    from sampling.samplers.fake_pairs.known_pairs import KnownPairs

IF_STOPPED = "nothing was written; the same command begins anew"
_BLOCK_ROWS = 65_536
FLAGS = {
    "what is read": (
        Flag("files", None, str, "globs of the files of observed pairs", positional=True),
        common.USER_KEY._replace(required=True),
        common.ITEM_KEY._replace(required=True),
        common.EXCLUDE,
        common.USER_VOCABULARY,
        common.ITEM_VOCABULARY,
    ),
    "how the files are written": (
        common.SCHEMA._replace(required=True),
        common.LABEL._replace(required=True),
        *common.WRITTEN,
    ),
    "what is written": (
        common.OUTPUT,
        Flag("sample", None, whole(0), "how many pairs; unless given: all"),
        Flag("default_label", 0, whole(0), "label of all"),
        common.SHARDS,
        common.SEED,
        common.OVERWRITE,
    ),
}


def run(flags: argparse.Namespace) -> None:
    from sampling.prepare import unobserved

    rows = unobserved.write(
        _read(flags),
        (flags.user_key, flags.item_key, flags.label),
        flags.output,
        sample=flags.sample,
        default_label=flags.default_label,
        shards=flags.shards,
        seed=flags.seed,
        overwrite=flags.overwrite,
    )
    print(f"{rows:,} pairs: {flags.output}")


def _read(flags: argparse.Namespace) -> KnownPairs:
    from sampling.formats.registry import open_blocks
    from sampling.order import block_size
    from sampling.samplers.fake_pairs import known_pairs, vocabulary
    from sampling.schema import Schema

    keys = flags.user_key, flags.item_key
    schema = Schema.from_json(flags.schema, flags.label)
    schema = vocabulary.keyed(schema, user_key=flags.user_key, item_key=flags.item_key)
    options = raw_files.csv_options(flags)

    size = block_size.fixed(_BLOCK_ROWS)

    def opened(globs: Any, role: str) -> Blocks:
        return open_blocks(globs, role, schema, options, size, 1, flags.file_format)

    candidates = vocabulary.of_candidates(
        schema, keys, flags.user_vocabulary, flags.item_vocabulary
    )
    exclude = opened(flags.exclude, "exclude") if flags.exclude else None
    return known_pairs.read(opened(flags.files, "files"), exclude, keys, candidates)
