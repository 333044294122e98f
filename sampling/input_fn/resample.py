"""`InputFnResample`: every row as often as its rate says, and worth the inverse if asked."""

from __future__ import annotations

import dataclasses
from typing import Any

from sampling import files
from sampling.errors import SamplingError
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.options import Reading, takes_reading
from sampling.input_fn.stream.reader import ClassFiles
from sampling.samplers.resample import RateFunction, Resample
from sampling.schema import Schema


class InputFnResample(InputFn):
    """Rows by rates: 0.1 is one row in ten, 2.5 every row two or three times, 0 never.

        input_fn = InputFnResample("visits/*.csv", schema, rate="rate", weight="inverse")
        estimator.train(input_fn)

        InputFnResample("visits/*.csv", schema, weight="inverse",
                        rate=lambda table: pyarrow.compute.if_else(table["seconds"] > 60, 1, 0.1))

    An epoch is a pass over the files, and has R rows, the sum of the rates, rounded. The rates are
    scaled to add up to just that, by less than one part in 2 R. A row comes floor(rate) or
    ceil(rate) times in a pass, its rate on average over the passes. With weight="inverse", the
    weighted sum over an epoch of anything is, on average, the sum over the files (the estimator of
    Horvitz and Thompson, 1952). Draws are systematic ones, see `sampling.order.rates`: they vary as
    little as can be. All rates are read once, before the first row.

    Args:
        files: see `InputFn`.
        schema: the columns.
        rate: the name of a column of numbers, which is no feature then and must not be empty; or a
            function of a pyarrow table (after the transform) that returns a number for each row: a
            pyarrow or numpy array [rows]. It must depend on nothing but the row.
        overall_rate: scales the rates so that this is their mean: the files' n rows make
            R = overall_rate x n of an epoch, rounded. None: the rates are what they say.
        weight: None, or "inverse": 1 / rate as scaled (times the row's own weight, if the schema
            has a weight column).
        shuffle, batch_size, num_epochs, header, seed, pool_rows, delimiter, null_values,
        newlines_in_values, transform, file_format: see `InputFn`. Unshuffled, rows and their copies
            come in file order.

    Raises:
        SamplingError: an argument is out of range, no file matches, or a header does not fit the
            schema; when first read: a rate is negative, NaN or infinite, or all of them are 0.
    """

    @takes_reading()
    def __init__(
        self,
        files: files.Globs,
        schema: Schema,
        rate: str | RateFunction,
        *,
        overall_rate: float | None = None,
        weight: str | None = None,
        shuffle: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        reading: Reading,
    ):
        sampler = Resample(rate, overall_rate, weight)
        opened = ClassFiles(_with_rate(schema, rate), reading)
        opened.add("files", files)
        self._set_up(opened, sampler, shuffle, batch_size, num_epochs)


def _with_rate(schema: Any, rate: Any) -> Schema:
    """The schema with a column of rates that must not be empty."""
    if callable(rate) or not isinstance(schema, Schema):  # what is no schema is refused later
        return schema
    names = [
        field.name
        for field in schema.features
        if not (field.is_string or field.is_list or field.name in schema.features_to_forward)
    ]
    if rate not in names:
        raise SamplingError(
            f"rate is {rate!r}, expected a column of numbers among {', '.join(names) or 'none'} "
            "(no label, weight or forwarded feature), or a function of a pyarrow table; fix it"
        )
    fields = tuple(
        dataclasses.replace(field, mode="REQUIRED") if field.name == rate else field
        for field in schema
    )
    return dataclasses.replace(schema, fields=fields)
