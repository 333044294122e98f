"""Tables to numpy columns.

`Columns` are equally long numpy arrays by name: the features, the label under its own name, and
the weight under "weight". Whole numbers are int64, other numbers float32, strings bytes objects or
`Strings`: an object for every value costs more than all else, so they are made last, if at all.

Rows that are lists of one length make a column [rows, length]. Where they vary, the column is
`Lists`, each batch is padded to its longest with 0 or "", and the dtype of the column has width 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling.errors import SamplingError
from sampling.rows import lists
from sampling.rows.lists import Lists
from sampling.schema import Schema


@dataclasses.dataclass(frozen=True)
class Strings:
    """Strings of any shape: int32 codes, and what they stand for, bytes objects [values]."""

    codes: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: Any) -> Strings:
        return Strings(self.codes[index], self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    def reshape(self, *shape: int) -> Strings:
        return Strings(self.codes.reshape(*shape), self.values)

    def take(self, rows: np.ndarray, axis: int = 0) -> Strings:
        return Strings(self.codes.take(rows, axis=axis), self.values)

    def to_numpy(self) -> np.ndarray:
        """Bytes objects in the shape of the codes."""
        return self.values.take(self.codes)


@dataclasses.dataclass(frozen=True)
class Carried:
    """Rows of a table as one column, which is handed on and never looked at."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, rows: np.ndarray, axis: int = 0) -> Carried:
        return Carried(self.table.take(pa.array(rows)))


Columns = dict[str, Any]  # each an array, Strings, Lists or Carried


class Round(dict[str, Any]):
    """The columns of a round; once rows are gathered from it they stay as they are."""

    _records: np.ndarray | None = None

    def records(self, names: Sequence[str]) -> np.ndarray:
        """The numbers and codes of some columns that are no lists, row by row: structured [rows].

        To take a row from here is one access to memory, and not one for every column of it.
        """
        if self._records is None or set(self._records.dtype.names or ()) != set(names):
            narrow = [(name, codes_or_values(self[name])) for name in names]
            narrow.sort(key=lambda column: -column[1].itemsize)  # so that all of them are aligned
            fields = [(name, values.dtype) for name, values in narrow]
            self._records = records = np.empty(length(self), np.dtype(fields, align=True))
            for name, values in narrow:
                records[name] = values
                column, held = self[name], records[name]  # once: the values from before can go
                self[name] = Strings(held, column.values) if isinstance(column, Strings) else held
        return self._records


_FEW_VALUES = 1024  # distinct strings that are handed on with however few rows


def from_table(table: pa.Table) -> Round:
    """A table -> the columns of a round.

    Raises:
        SamplingError: a column has a type that no batch can hold, or empty values.
    """
    return Round((name, _from_array(name, table.column(name))) for name in table.column_names)


def to_numpy(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """An array without empty values as int64, float32 or bytes objects [rows]."""
    column = _from_array(
        "", array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    )
    return as_numpy(column)


def in_numpy(columns: Columns) -> dict[str, np.ndarray]:
    """Columns with strings as bytes objects."""
    return {name: as_numpy(column) for name, column in columns.items()}


def as_numpy(column: np.ndarray | Strings) -> np.ndarray:
    """A column with strings as bytes objects."""
    return column.to_numpy() if isinstance(column, Strings) else column


def dtypes(table: pa.Table) -> dict[str, np.dtype]:
    """The numpy dtype that `from_table` gives each column: int64, float32 or object (bytes)."""
    return {field.name: _dtype(field.name, field.type) for field in table.schema}


def length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def pop_weight(round_: Round, schema: Schema) -> np.ndarray | None:
    """Takes the rows' own weights out of the columns, float32, if the schema and the files do."""
    weights = round_.pop(schema.weight, None) if schema.weight else None
    return None if weights is None else np.asarray(weights, np.float32)


def is_wide(column: Any) -> bool:
    """Whether rows are lists, or of a table."""
    return isinstance(column, (Lists, Carried)) or len(column.shape) > 1


def concatenated(pieces: Sequence[Any]) -> Any:
    """One column out of several, whose strings may have codes of their own."""
    if isinstance(pieces[0], Carried):
        return Carried(pa.concat_tables(piece.table for piece in pieces))
    if isinstance(pieces[0], Lists):
        return lists.joined(pieces, concatenated([piece.values for piece in pieces]))
    values, first_codes = joined_values(pieces)
    arrays = map(codes_or_values, pieces)
    if values is None:
        return np.concatenate(list(arrays))
    codes = [codes + first for codes, first in zip(arrays, first_codes, strict=True)]
    return compact(Strings(np.concatenate(codes), values))


def codes_or_values(column: np.ndarray | Strings) -> np.ndarray:
    """The numbers that a column consists of."""
    return column.codes if isinstance(column, Strings) else column


def joined_values(columns: Sequence[Any]) -> tuple[np.ndarray | None, Any]:
    """What the codes of several columns stand for, and the first code of each; None: no strings."""
    if not isinstance(columns[0], Strings):
        return None, [None] * len(columns)
    starts = np.cumsum([0, *(len(column.values) for column in columns[:-1])], dtype=np.int32)
    return np.concatenate([column.values for column in columns]), starts


def compact(strings: Strings) -> Strings:
    """Not many more values than rows: all of them go to TensorFlow with every chunk."""
    if len(strings.values) <= max(len(strings), _FEW_VALUES):
        return strings
    used, codes = np.unique(strings.codes, return_inverse=True)
    return Strings(codes.reshape(strings.shape).astype(np.int32), strings.values.take(used))


def _from_array(name: str, array: pa.ChunkedArray) -> np.ndarray | Strings:
    dtype = _dtype(name, array.type)
    if array.null_count:
        raise SamplingError(
            f"column {name!r} has {array.null_count} empty values after the transform, "
            "expected none; fill them there"
        )
    if dtype.shape:
        return _from_lists(name, array.combine_chunks(), dtype)
    if dtype.hasobject:
        if not pa.types.is_dictionary(array.type):
            array = array.cast(pa.binary()).dictionary_encode()
        encoded = array.unify_dictionaries().combine_chunks()
        values = encoded.dictionary.cast(pa.binary()).to_numpy(zero_copy_only=False)
        return Strings(encoded.indices.to_numpy(), values)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int64())
    return array.to_numpy().astype(dtype, copy=False)


def _from_lists(name: str, array: Any, dtype: np.dtype) -> Any:
    if isinstance(array, pa.ChunkedArray):  # none, or too many values for one array
        array = pa.concat_arrays(array.chunks) if array.num_chunks else array.chunk(0)
    values = _from_array(name, pa.chunked_array([array.flatten()]))
    if dtype.shape[0]:
        return values.reshape(len(array), *dtype.shape)
    lengths = array.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    return Lists(np.cumsum(lengths) - lengths, lengths, values)


def _dtype(name: str, type_: pa.DataType) -> np.dtype:
    is_fixed = pa.types.is_fixed_size_list(type_)
    if is_fixed or pa.types.is_list(type_) or pa.types.is_large_list(type_):
        of_values = _dtype(name, type_.value_type)
        if not of_values.shape:
            return np.dtype((of_values, (type_.list_size if is_fixed else 0,)))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return np.dtype(object)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return np.dtype(object)
    if pa.types.is_dictionary(type_) and pa.types.is_string(type_.value_type):
        return np.dtype(object)
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_):
        return np.dtype(np.int64)
    if pa.types.is_floating(type_):
        return np.dtype(np.float32)
    raise SamplingError(
        f"column {name!r} is of type {type_} after the transform, "
        "expected numbers, booleans, strings or lists of these; cast it there"
    )


def add_masses(masses: dict[Any, float], labels: Any, weights: np.ndarray) -> None:
    """Adds the weights of some rows to the sum of each label.

    Args:
        labels: a column [rows].
        weights: float32 [rows].
    """
    classes, numbers = np.unique(as_numpy(labels), return_inverse=True)
    sums = np.bincount(numbers, weights.astype(np.float64), len(classes))
    for class_, mass in zip(classes.tolist(), sums.tolist(), strict=True):
        masses[class_] = masses.get(class_, 0.0) + mass
