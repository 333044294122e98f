"""A DataFrame's columns -> their fields."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sampling.errors import SamplingError
from sampling.schema import shapes
from sampling.schema.field import Field

if TYPE_CHECKING:  # pandas takes its time and 40 MB
    import pandas as pd

_LOOKED_AT = 1_000  # values of a column of text
# Numbers that pandas takes for text, and how to have them read.
_SPELLINGS = {
    shapes.COMMA: "with a decimal comma; read the file with decimal=','",
    shapes.GROUPED: "in groups of digits; read the file with thousands=','",
    shapes.UNIT: "with signs; write plain digits",
}


def field_from_pandas(column: pd.Series) -> Field:
    """The field that a DataFrame's column is, NULLABLE.

    Raises:
        SamplingError: its values are of several kinds.
    """
    import pandas as pd

    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    kind = pd.api.types.infer_dtype(values, skipna=True)
    kinds = {
        "integer": "INTEGER",
        "integer-na": "INTEGER",
        "mixed-integer-float": "FLOAT",
        "floating": "FLOAT",
        "decimal": "NUMERIC",
        "boolean": "BOOLEAN",
        "string": "STRING",
        "empty": "STRING",
        "datetime64": "TIMESTAMP",
        "datetime": "TIMESTAMP",
        "date": "DATE",
        "time": "TIME",
    }
    if kind not in kinds:
        raise SamplingError(
            f"column {column.name!r} of the DataFrame holds {kind} values, expected numbers, "
            "booleans, strings or dates of one kind; convert it"
        )
    if kind == "floating" and _are_whole(column):
        kind = "integer-na"
    if kind == "string":
        _warn_of_numbers(column.name, values)
    return Field(str(column.name), kinds[kind])


def _warn_of_numbers(name: Any, values: Any) -> None:
    """Warns where all of a column's first texts are numbers that are not read as such."""
    import pandas as pd

    texts = pa.array(pd.unique(pd.Series(values).dropna().head(_LOOKED_AT)), pa.string())
    shaped = shapes.of_texts(texts)
    for shape, remedy in _SPELLINGS.items():
        if not set(shaped.rows(np.ones(len(texts)))) <= {shape, *shapes.NUMBERS}:
            continue
        if len(found := shaped.of(shape)):
            example = texts[int(found[0])].as_py()
            warnings.warn(
                f"column {name!r} of the DataFrame holds text such as {example!r}, numbers written "
                f"{remedy} to have numbers, or take it for a category",
                stacklevel=5,
            )


def _are_whole(column: pd.Series) -> bool:
    """Whether whole numbers are floats only because one is missing, as pandas has them."""
    present = column.dropna().to_numpy(np.float64)
    return 0 < len(present) < len(column) and bool(
        ((present == np.floor(present)) & (np.abs(present) < 2.0**63)).all()
    )
