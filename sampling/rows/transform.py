"""The user's own function of pyarrow tables, and what may come out of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.rows import columns
from sampling.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE, Schema

Function = Callable[[pa.Table], pa.Table]


class Transform:
    """A function of a table that returns one with as many rows, checked at every call.

    Args:
        function: None leaves tables as they are.
        schema: of the files.

    Raises:
        SamplingError: it is no function; when called: it returned no table, another number of rows,
            names that clash or are missing, other columns than the first time, or empty values,
            NaN or infinity.
    """

    def __init__(self, function: Function | None, schema: Schema):
        if function is not None and not callable(function):
            raise SamplingError(
                f"transform is {function!r}, expected a function of a pyarrow table; pass one"
            )
        self._function, self._schema = function, schema
        self._dtypes: dict[str, np.dtype] | None = None

    def __bool__(self) -> bool:
        return self._function is not None

    def __call__(self, table: pa.Table) -> pa.Table:
        if self._function is None:
            return table
        after = self._function(table)
        if not isinstance(after, pa.Table) or after.num_rows != table.num_rows:
            found = f"{after.num_rows} rows" if isinstance(after, pa.Table) else f"{after!r}"
            raise SamplingError(
                f"transform returned {found} for a table of {table.num_rows} rows, "
                "expected a pyarrow table with as many; leave no row out"
            )
        self._check_names(table.column_names, after.column_names)
        self._check_types(after)
        return after

    def _check_names(self, before: list[str], after: list[str]) -> None:
        schema = self._schema
        twice = sorted({name for name in after if after.count(name) > 1})
        if twice:
            raise SamplingError(f"transform returned the column {twice[0]!r} twice; rename one")
        needed = [schema.label, schema.weight, *schema.features_to_forward]
        for name in needed:
            if name in before and name not in after:
                raise SamplingError(
                    f"transform left out the column {name!r}, expected it (label, weight and "
                    "forwarded features are needed); keep it"
                )
        forwarded = [name + FORWARDED_SUFFIX for name in schema.features_to_forward]
        for name in after:
            if name in forwarded or (name == WEIGHT_FEATURE and name != schema.weight):
                raise SamplingError(
                    f"transform returned the column {name!r}, a name that batches have for "
                    "something else (row weights, or a forwarded feature); rename it"
                )

    def _check_types(self, after: pa.Table) -> None:
        dtypes = columns.dtypes(after)
        if self._dtypes is None:
            self._dtypes = dtypes
        if dtypes != self._dtypes:
            raise SamplingError(
                f"transform returned the columns {dtypes}, and at first {self._dtypes}; "
                "return the same names and types for every table"
            )
        for name, dtype in dtypes.items():
            column = after[name].drop_null()  # empty values are refused where columns are made
            if dtype.shape:
                column = pc.list_flatten(column).drop_null()
            if dtype.base.kind != "f" or np.isfinite(values := column.to_numpy()).all():
                continue
            known = name in self._schema.names and self._schema[name].empty_value
            if not isinstance(known, float) or not np.isnan(known) or np.isinf(values).any():
                raise SamplingError(
                    f"transform returned NaN or infinity in the column {name!r}, "
                    "expected finite numbers; fix it there"
                )
