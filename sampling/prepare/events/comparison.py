"""A comparison of a column with a value, such as `rating>=4` or `event==purchase`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError

_OPERATORS: dict[str, Callable[..., pa.ChunkedArray]] = {
    ">=": pc.greater_equal,
    "<=": pc.less_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
    ">": pc.greater,
    "<": pc.less,
}
_WRITTEN = re.compile(r"\s*([^<>=!]*[^<>=!\s])\s*(>=|<=|==|!=|>|<)\s*(\S.*?)\s*")


class Comparison(NamedTuple):
    """Which rows hold: column, operator, and the value as text; a missing value never does."""

    column: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Comparison | None:
        """None: the text is no comparison."""
        found = _WRITTEN.fullmatch(text)
        return cls(*found.groups()) if found else None

    def holds(self, table: pa.Table) -> np.ndarray:
        """bool [rows]

        Args:
            table: null where a value is missing.

        Raises:
            SamplingError: the column is not there, or is no number where the value is compared by
                size.
        """
        if self.column not in table.column_names:
            raise SamplingError(
                f"--positive={self} compares the column {self.column!r}, expected one of "
                f"{', '.join(table.column_names)}; fix the name"
            )
        column = table.column(self.column)
        is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        try:
            value: object = float(self.value) if is_number else self.value
        except ValueError:
            value = None
        if value is None or (not is_number and self.operator not in ("==", "!=")):
            raise SamplingError(
                f"--positive={self} compares a column of type {column.type}, expected numbers on "
                "both sides, or == and != for text; fix it"
            )
        if not is_number:
            column = column.cast(pa.string())
        found = _OPERATORS[self.operator](column, value)
        return pc.fill_null(found, False).to_numpy().astype(bool)

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.value}"
