"""Tables to numpy columns, and columns to chunks and batches.

`Columns` are equally long numpy arrays by name: the features, the label under its own name, and
the weight under "weight". Whole numbers are int64, other numbers float32, strings bytes objects.
In a round strings are still `Strings`: objects cost more than all else, so they are made last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sampling.schema import WEIGHT_FEATURE, Schema
from sampling.stream import Slice

Columns = dict[str, np.ndarray]


class Strings(NamedTuple):
    """A column of strings: int32 [rows] codes, and the distinct strings, bytes objects."""

    codes: np.ndarray
    values: np.ndarray


Round = dict[str, "np.ndarray | Strings"]


def from_table(table: pa.Table) -> Round:
    """A table -> the columns of a round.

    Raises:
        ValueError: a column has a type that no batch can hold, or empty values.
    """
    return {name: _from_array(name, table.column(name)) for name in table.column_names}


def to_numpy(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """An array without empty values as int64, float32 or bytes objects [rows]."""
    column = _from_array(
        "", array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    )
    return column.values.take(column.codes) if isinstance(column, Strings) else column


def dtypes(table: pa.Table) -> dict[str, np.dtype]:
    """The numpy dtype that `from_table` gives each column: int64, float32 or object (bytes)."""
    return {field.name: _dtype(field.name, field.type) for field in table.schema}


def length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def gather(
    parts: Sequence[tuple[Slice[Round], float]], order: np.ndarray | None, names: Sequence[str]
) -> Columns:
    """The rows of several slices as one chunk.

    Args:
        parts: slices, each with the factor that its rows' own weights are multiplied by.
        order: int64 [rows of all parts], where each row of the chunk comes from; None: as is.
        names: which columns; "weight" is always there.
    """
    slices = [slice_ for slice_, _ in parts]
    weights = np.concatenate([_weights(slice_, factor) for slice_, factor in parts])
    dtypes = {name: _gathered_dtype(slices[0].columns[name]) for name in names}
    chunk = _allocated(dtypes, len(weights))
    for name, out in chunk.items():
        of_slices = [slice_.columns[name] for slice_ in slices]
        if isinstance(of_slices[0], Strings):
            _take_strings(of_slices, slices, order, out)
        else:
            _take(of_slices, slices, order, out)
    chunk[WEIGHT_FEATURE] = weights if order is None else weights.take(order)
    return chunk


def batched(chunks: Iterable[Columns | None], batch_size: int) -> Iterator[Columns]:
    """Chunks of any length -> arrays [batches, batch_size]; what is over waits for the next chunk.

    A None among the chunks ends an epoch: what is over then is a batch of its own, [1, rows].
    """
    over: list[Columns] = []  # together less than a batch
    for chunk in chunks:
        if chunk is None:
            if over:
                yield _joined(over)
            over = []
            continue
        missing = batch_size - sum(map(length, over)) if over else 0
        if length(chunk) < missing:
            over.append(chunk)
            continue
        if over:
            yield _joined([*over, _rows(chunk, 0, missing)])
        whole = (length(chunk) - missing) // batch_size
        end = missing + whole * batch_size
        if whole:
            stack = _rows(chunk, missing, end)
            shape = whole, batch_size
            yield {name: col.reshape(*shape, *col.shape[1:]) for name, col in stack.items()}
        over = [_rows(chunk, end, None)] if end < length(chunk) else []


def pop_weight(round_: Round, schema: Schema) -> np.ndarray | None:
    """Takes the rows' own weights out of the columns, float32, if the schema and the files do."""
    weights = round_.pop(schema.weight, None) if schema.weight else None
    return None if weights is None else np.asarray(weights, np.float32)


def _rows(columns: Columns, start: int, stop: int | None) -> Columns:
    return {name: column[start:stop] for name, column in columns.items()}


def _joined(pieces: Sequence[Columns]) -> Columns:
    """One batch, [1, rows], out of consecutive pieces."""
    return {
        name: np.concatenate([piece[name] for piece in pieces])[np.newaxis] for name in pieces[0]
    }


def _allocated(dtypes: Mapping[str, np.dtype], rows: int) -> Columns:
    """Empty columns in one block of memory.

    The C library hands blocks of some 100 KB back to the system and maps them anew; writing to
    fresh pages made gathering twenty columns six times slower than one large block does.
    """
    aligned = -(-rows * 8 // 64) * 64  # TensorFlow takes what is aligned to 64 bytes uncopied
    block = np.empty(aligned * len(dtypes) + 64, np.uint8)
    block = block[-block.ctypes.data % 64 :]
    return {
        name: np.empty(rows, dtype)
        if dtype.hasobject
        else block[index * aligned :][: rows * dtype.itemsize].view(dtype)
        for index, (name, dtype) in enumerate(dtypes.items())
    }


def _take(
    arrays: Sequence[Any], slices: Sequence[Slice[Round]], order: np.ndarray | None, out: np.ndarray
) -> None:
    """Writes each slice's rows of its array, one after the other, then puts them in order."""
    unordered = out if order is None else np.empty_like(out)
    start = 0
    for array, slice_ in zip(arrays, slices, strict=True):
        stop = start + len(slice_.rows)
        # Clipping is the mode that writes to `out` directly; no index is out of range.
        array.take(slice_.rows, out=unordered[start:stop], mode="clip")
        start = stop
    if order is not None:
        unordered.take(order, out=out, mode="clip")


def _take_strings(
    columns: Sequence[Any],
    slices: Sequence[Slice[Round]],
    order: np.ndarray | None,
    out: np.ndarray,
) -> None:
    first_codes = np.cumsum([0, *(len(column.values) for column in columns)], dtype=np.int32)
    codes = [column.codes + first for column, first in zip(columns, first_codes, strict=False)]
    taken = np.empty(len(out), np.int32)
    _take(codes, slices, order, taken)
    np.concatenate([column.values for column in columns]).take(taken, out=out, mode="clip")


def _weights(slice_: Slice[Round], factor: float) -> np.ndarray:
    own = slice_.columns.get(WEIGHT_FEATURE)
    if own is None:
        return np.full(len(slice_.rows), factor, np.float32)
    return own.take(slice_.rows) * np.float32(factor)  # type: ignore[union-attr]


def _gathered_dtype(column: np.ndarray | Strings) -> np.dtype:
    return np.dtype(object) if isinstance(column, Strings) else column.dtype


def _from_array(name: str, array: pa.ChunkedArray) -> np.ndarray | Strings:
    dtype = _dtype(name, array.type)
    if array.null_count:
        raise ValueError(
            f"column {name!r} has {array.null_count} empty values after the transform, "
            "expected none; fill them there"
        )
    if dtype.hasobject:
        encoded = array.cast(pa.string()).cast(pa.binary()).combine_chunks().dictionary_encode()
        values = encoded.dictionary.to_numpy(zero_copy_only=False)
        return Strings(encoded.indices.to_numpy(), values)
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
