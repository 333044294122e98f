"""A one-off sample: an epoch of `InputFnDownsampleWithWeight`, written to files."""

from __future__ import annotations

from typing import Any

from sampling import files
from sampling.formats.csv_parser import CsvOptions
from sampling.schema import Schema


def sample(
    positive_dir: files.Globs,
    negative_dir: files.Globs,
    schema: Schema,
    output: str,
    options: CsvOptions,
    *,
    multiplier: float,
    weight: float | str,
    seed: int,
    shards: int,
    format: str,
    file_format: str | None,
    overwrite: bool,
) -> dict[str, Any]:
    """Writes the epoch; returns its manifest.

    Raises:
        ValueError: as `InputFnDownsampleWithWeight` and `InputFn.write_epoch`.
    """
    from sampling.downsample import InputFnDownsampleWithWeight  # it takes TensorFlow seconds

    input_fn = InputFnDownsampleWithWeight(
        positive_dir,
        negative_dir,
        schema=schema,
        is_train=True,
        multiplier=multiplier,
        weight=weight,
        seed=seed,
        file_format=file_format,
        header=options.header,
        delimiter=options.delimiter,
        null_values=options.null_values,
        newlines_in_values=options.newlines_in_values,
    )
    return input_fn.write_epoch(output, shards=shards, format=format, overwrite=overwrite)
