"""Tables to numpy columns, and columns to chunks and batches.

`Columns` are equally long numpy arrays by name: the features, the label under its own name, and
the weight under "weight". Whole numbers are int64, other numbers float32, strings bytes objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from sampling.schema import WEIGHT_FEATURE, Schema
from sampling.stream import Slice

Columns = dict[str, np.ndarray]


def from_table(table: pa.Table) -> Columns:
    """A table -> its columns.

    Raises:
        ValueError: a column has a type that no batch can hold, or empty values.
    """
    return {name: _from_array(name, table.column(name)) for name in table.column_names}


def dtypes(table: pa.Table) -> dict[str, np.dtype]:
    """The numpy dtype that `from_table` gives each column: int64, float32 or object (bytes)."""
    return {field.name: _dtype(field.name, field.type) for field in table.schema}


def length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def gather(
    parts: Sequence[tuple[Slice[Columns], float]], order: np.ndarray | None, names: Iterable[str]
) -> Columns:
    """The rows of several slices as one chunk.

    Args:
        parts: slices, each with the factor that its rows' own weights are multiplied by.
        order: int64 [rows of all parts], where each row of the chunk comes from; None: as is.
        names: which columns; "weight" is always there.
    """
    chunk = {}
    for name in (*names, WEIGHT_FEATURE):
        column = np.concatenate([_picked(part, factor, name) for part, factor in parts])
        chunk[name] = column if order is None else column.take(order)
    return chunk


def batched(chunks: Iterable[Columns | None], batch_size: int) -> Iterator[Columns]:
    """Chunks of any length -> arrays [batches, batch_size]; what is over waits for the next chunk.

    A None among the chunks ends an epoch: what is over then is a batch of its own, [1, rows].
    """
    over: Columns = {}
    for chunk in chunks:
        if chunk is None:
            if over and length(over):
                yield {name: column[np.newaxis] for name, column in over.items()}
            over = {}
            continue
        if over and length(over):
            chunk = {name: np.concatenate([over[name], chunk[name]]) for name in chunk}
        whole = length(chunk) // batch_size * batch_size
        if whole:
            yield {name: col[:whole].reshape(-1, batch_size) for name, col in chunk.items()}
        over = {name: column[whole:] for name, column in chunk.items()}


def pop_weight(columns: Columns, schema: Schema) -> np.ndarray | None:
    """Takes the rows' own weights out of the columns, float32, if the schema and the files do."""
    if schema.weight is None or schema.weight not in columns:
        return None
    return columns.pop(schema.weight).astype(np.float32)


def _picked(part: Slice[Columns], factor: float, name: str) -> np.ndarray:
    if name != WEIGHT_FEATURE:
        return part.columns[name].take(part.rows)
    if name not in part.columns:
        return np.full(len(part.rows), factor, np.float32)
    return part.columns[name].take(part.rows) * np.float32(factor)


def _from_array(name: str, array: pa.ChunkedArray) -> np.ndarray:
    dtype = _dtype(name, array.type)
    if array.null_count:
        raise ValueError(
            f"column {name!r} has {array.null_count} empty values after the transform, "
            "expected none; fill them there"
        )
    if dtype.hasobject:
        # One object for each distinct string: objects cost more than all the rest.
        encoded = array.cast(pa.string()).cast(pa.binary()).combine_chunks().dictionary_encode()
        return encoded.dictionary.to_numpy(zero_copy_only=False).take(encoded.indices)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int64())
    return array.to_numpy().astype(dtype, copy=False)


def _dtype(name: str, type_: pa.DataType) -> np.dtype:
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return np.dtype(object)
    if pa.types.is_dictionary(type_) and pa.types.is_string(type_.value_type):
        return np.dtype(object)
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return np.dtype(np.int64)
    if pa.types.is_floating(type_):
        return np.dtype(np.float32)
    raise ValueError(
        f"column {name!r} is of type {type_} after the transform, "
        "expected numbers, booleans or strings; cast it there"
    )
