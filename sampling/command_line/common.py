"""The flags that several commands have: the same thing has the same flag everywhere."""

from __future__ import annotations

import argparse
from typing import Any

from sampling.command_line.flag import Flag
from sampling.command_line.values import character, delimiter, names, null_values, number, whole

_PACKED = ("gz", "bz2", "xz", "zst")
FORMATS = (  # those of `formats.registry`, which takes its time to import
    *("csv", *(f"csv.{packed}" for packed in _PACKED), "parquet", "arrow"),
    *("tfrecord", *(f"tfrecord.{packed}" for packed in _PACKED)),
)
GLOBS = "files (globs, quoted for the shell; several with a comma between)"

# What the columns are.
SCHEMA = Flag("schema", None, str, "JSON file of the columns, as bq show --schema prints it")
LABEL = Flag("label", None, str, "name of the column to be learned", of_model=True)
WEIGHT_COLUMN = Flag(
    "weight_column", None, str, "name of the column with each row's own weight", of_model=True
)
USER_KEY = Flag("user_key", None, str, "name of the column of users", of_model=True)
ITEM_KEY = Flag("item_key", None, str, "name of the column of items", of_model=True)

# How the files are written: unless given as `tf-sampling schema` found them, or else as is usual.
FILE_FORMAT = Flag(
    "file_format", None, str, "of all files; unless given: by their names", choices=FORMATS
)
HEADER = Flag(
    "header",
    None,
    None,
    "whether the first line of each file names its columns; this and what follows, unless given: "
    "as the schema's file says, or else yes",
)
DELIMITER = Flag(
    "delimiter", None, delimiter, "the character between fields, tab for a tab; or else a comma"
)
NULL_VALUES = Flag(
    "null_values", None, null_values, "spellings (NA,NULL) of an empty field, besides the empty one"
)
NEWLINES_IN_VALUES = Flag(
    "newlines_in_values", None, None, "whether quoted fields may hold newlines; or else no"
)
DECIMAL = Flag(
    "decimal", None, str, "what stands before a number's fraction; or else .", choices=(".", ",")
)
ESCAPE = Flag(
    "escape", None, character, "what makes the next character a plain one (\\), if anything"
)
ENCODING = Flag(
    "encoding", None, str, "of text: latin-1, cp1252, ..., a byte a character; or else utf-8"
)
WRITTEN = (
    *(FILE_FORMAT, HEADER, DELIMITER, NULL_VALUES, NEWLINES_IN_VALUES),
    *(DECIMAL, ESCAPE, ENCODING),
)

# Which files.
POSITIVE_DIR = Flag("positive_dir", None, names, "files of class 1, the rare one")
NEGATIVE_DIR = Flag("negative_dir", None, names, "files of class 0")
EXCLUDE = Flag("exclude", [], names, "files of further known pairs, never drawn as negatives")
USER_VOCABULARY = Flag(
    "user_vocabulary", None, str, "file of all users, one a line; unless given: those of the files"
)
ITEM_VOCABULARY = Flag(
    "item_vocabulary", None, str, "file of all items, one a line; unless given: those of the files"
)
JOB_DIR = Flag("job_dir", None, str, "directory of a training and all that is said of it")
OUTPUT = Flag("output", None, str, "folder to make", required=True)
OVERWRITE = Flag("overwrite", False, None, "whether to replace what was written before")
SHARDS = Flag("shards", 8, whole(1), "files of each folder")

# How classes are sampled and decided on.
MULTIPLIER = Flag(
    "multiplier",
    1.0,
    number(0, word=("natural", "auto")),
    "negatives per positive in an epoch, a fraction too; natural: as in the files",
)
WEIGHT = Flag(
    "weight",
    "auto",
    number(0, word="auto"),
    "weight of a negative; auto makes up for the sampling, so that probabilities stay true",
)
SEED = Flag("seed", 0, whole(0), "the same seed, files and flags give the same result")
THRESHOLD = Flag(
    "threshold",
    None,
    number(0, 1),
    "probability from which a row is of class 1; unless given: where the costs are even, "
    "which is 0.5 if they are equal",
)
COST_FALSE_POSITIVE = Flag(
    "cost_false_positive", 1.0, number(0), "what it costs to take class 0 for class 1"
)
COST_FALSE_NEGATIVE = Flag(
    "cost_false_negative", 1.0, number(0), "what it costs to miss a row of class 1"
)
DECIDING = (THRESHOLD, COST_FALSE_POSITIVE, COST_FALSE_NEGATIVE)


def file_options(flags: argparse.Namespace) -> dict[str, Any]:
    """How files are written, as every input function takes it: what was given."""
    given = {flag.name: getattr(flags, flag.name) for flag in WRITTEN}
    return {name: value for name, value in given.items() if value is not None}
