"""`FeatureLookup`: features by user or by item, from a small file, for every row of every batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats import registry
from sampling.formats.csv.options import CsvOptions
from sampling.formats.registry import Blocks
from sampling.order import block_size
from sampling.rows import columns
from sampling.samplers.fake_pairs.vocabulary import Vocabulary, keyed
from sampling.schema import Schema

_BLOCKS = block_size.fixed(65_536)

# ids [n] (int64 or bytes objects) -> features by name, each [n] or [n, width]
Lookup = Callable[[np.ndarray], Mapping[str, Any]]


class MultiHot:
    """Lists of codes for n rows, which come out as rows of 0 and 1.

        MultiHot(codes=[0, 2, 1], ends=[2, 2, 3], width=3)[[0, 1]]  ->  [[1, 0, 1], [0, 0, 0]]

    The lists are held as they are: a matrix of n rows of width columns exists only for the rows
    that are asked for.

    Args:
        codes: int64 [codes in all lists], 0..width-1, list after list.
        ends: int64 [n], where each list ends.
        width: how many different codes there are.
    """

    def __init__(self, codes: np.ndarray, ends: np.ndarray, width: int):
        self._codes = np.asarray(codes, np.int64)
        self._bounds = np.concatenate([[0], np.asarray(ends, np.int64)])
        self.dtype = np.dtype((np.float32, (width,)))

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """float32 [rows, width]"""
        rows = np.asarray(rows)
        starts, lengths = self._bounds[rows], self._bounds[rows + 1] - self._bounds[rows]
        within = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
        hot = np.zeros((len(rows), *self.dtype.shape), np.float32)
        hot[
            np.repeat(np.arange(len(rows)), lengths), self._codes[starts.repeat(lengths) + within]
        ] = 1
        return hot

    def reordered(self, rows: np.ndarray) -> MultiHot:
        """The lists of other rows, -1 for an empty one."""
        lengths = np.where(rows < 0, 0, np.diff(self._bounds)[rows])
        within = np.arange(lengths.sum()) - np.repeat(lengths.cumsum() - lengths, lengths)
        codes = self._codes[self._bounds[rows].repeat(lengths) + within]
        return MultiHot(codes, lengths.cumsum(), self.dtype.shape[0])


class FeatureLookup:
    """Features by a key, read once from files that fit in memory: one row for each key.

        songs = FeatureLookup("songs.csv", Schema.from_dict(
            {"track_id": str, "year": int, "genres": str}), "track_id", lists={"genres": "|"})
        InputFnWithFakePairs(..., item_features=songs)

    A column of lists ("rock|pop") becomes a multi-hot feature: float32 [batch, width], 1 for each
    value of the row's list and 0 for all others. `values["genres"]` are the values in the order of
    its columns. A list of what the row's user did must not hold what is to be predicted.

    Args:
        filename: a glob, a path or a folder, or a list of them.
        schema: the columns; label and weight are left out.
        key: the column that holds the ids.
        lists: the separator of each column that holds a list, by the column's name.
        missing: what an id without a row gets: "default", the fields' defaults and empty lists, and
            a warning where most ids have none; or "error".
        header, delimiter, null_values, newlines_in_values, decimal, escape, encoding, file_format:
            of the files, see `InputFn`.

    Attributes:
        values: the distinct values of each column of lists, sorted.

    Raises:
        SamplingError: a column is not in the schema, a key is empty or there twice, or a row
            can't be read.
    """

    def __init__(
        self,
        filename: files.Globs,
        schema: Schema,
        key: str,
        *,
        lists: Mapping[str, str] | None = None,
        missing: str = "default",
        header: bool = True,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        decimal: str = ".",
        escape: str = "",
        encoding: str = "utf-8",
        file_format: str | None = None,
    ):
        self.key, self.missing = key, checks.one_of("missing", missing, ("default", "error"))
        self._lists = dict(lists or {})
        self.schema = keyed(schema, key=key)
        _check_lists(self._lists, schema, key)
        options = CsvOptions(
            header, delimiter, null_values, newlines_in_values, decimal, escape, encoding
        )
        registry.checked_format(file_format)
        blocks = registry.open_blocks(
            filename, "filename", self.schema, options, _BLOCKS, None, file_format
        )
        table = blocks.read(np.arange(blocks.num_blocks))
        self._name = blocks.files[0].file.path
        self._rows = self._keyed(table.column(key), blocks)
        names = [field.name for field in schema.features if field.name != key]
        self.values: dict[str, list[str]] = {}
        self._tables = {name: self._read(name, table.column(name)) for name in names}

    def __call__(self, ids: np.ndarray) -> dict[str, Any]:
        """The features of some ids: by name, each [ids], or a `MultiHot` of as many rows.

        Args:
            ids: int64 or bytes objects, as the key is.

        Raises:
            SamplingError: an id has no row and missing is "error", or is of another type.
        """
        rows = self._find(ids)
        self._look_at(rows, ids)
        return {
            name: table.reordered(rows) if isinstance(table, MultiHot) else table[rows]
            for name, table in self._tables.items()
        }

    @property
    def ids(self) -> np.ndarray:
        """int64 or bytes objects: of all rows."""
        return self._rows.ids

    def not_found(self, ids: np.ndarray) -> int:
        """How many of some ids have no row.

        Raises:
            SamplingError: they are of another type than the key.
        """
        return int(np.count_nonzero(self._find(ids) < 0))

    def _find(self, ids: np.ndarray) -> np.ndarray:
        try:
            return self._rows.codes_of_ids(ids)
        except ValueError as error:
            raise SamplingError(f"{self._name}, column {self.key!r}: {error}") from None

    def _look_at(self, rows: np.ndarray, ids: np.ndarray) -> None:
        lacking = np.flatnonzero(rows < 0)
        if self.missing == "default" and 2 * len(lacking) > len(ids):
            warnings.warn(
                f"{self._name}, column {self.key!r}: found no row for {len(lacking):,} of "
                f"{len(ids):,} ids, {_shown(ids[lacking[0]])} for one, which get defaults; make "
                "the ids alike, or pass missing='error'",
                stacklevel=3,
            )
        if self.missing == "error" and len(lacking):
            raise SamplingError(
                f"{self._name}, column {self.key!r}: found no row for "
                f"{_shown(ids[lacking[0]])} and {len(lacking) - 1:,} more ids, expected one "
                "for each; add them, or pass missing='default'"
            )

    def _keyed(self, column: pa.ChunkedArray, blocks: Blocks) -> Vocabulary:
        encoded = column.combine_chunks().dictionary_encode()
        if len(encoded.dictionary) < len(encoded):
            codes = encoded.indices.to_numpy()
            again = np.setdiff1d(np.arange(len(codes)), np.unique(codes, return_index=True)[1])
            raise SamplingError(
                f"{blocks.locate(np.arange(blocks.num_blocks), again[0])}, column {self.key!r}: "
                f"found {column[int(again[0])].as_py()!r} a second time, expected one row for each "
                "key; remove one"
            )
        return Vocabulary(encoded.dictionary)

    def _read(self, name: str, column: pa.ChunkedArray) -> Any:
        """A feature as a table by row, the default last, where -1 finds it."""
        if name in self._lists:
            return self._multi_hot(name, column.combine_chunks())
        values = columns.to_numpy(column)
        empty = self.schema[name].empty_value
        return np.append(values, np.array([_as_bytes(empty)], values.dtype))

    def _multi_hot(self, name: str, column: pa.Array) -> MultiHot:
        separated = pc.split_pattern(column, self._lists[name])
        parts = pc.utf8_trim_whitespace(separated.flatten())
        counts = pc.list_value_length(separated).to_numpy()
        given = pc.not_equal(parts, "").to_numpy(zero_copy_only=False)
        row = np.repeat(np.arange(len(counts)), counts)[given]
        values, codes = np.unique(parts.to_numpy(zero_copy_only=False)[given], return_inverse=True)
        self.values[name] = [str(value) for value in values]
        return MultiHot(codes, np.bincount(row, minlength=len(counts)).cumsum(), len(values))


def joined(lookup: Lookup | None, ids: np.ndarray, name: str) -> dict[str, Any]:
    """The features that a lookup has for all ids, each as a table by code.

    Args:
        lookup: a FeatureLookup or a plain function; None: there are none.
        ids: int64 [n] or bytes objects.
        name: the argument's name, for errors.

    Returns:
        By name: int64, float32 or bytes objects, [n] or [n, width], or a MultiHot of n rows.

    Raises:
        SamplingError: the function returned something else.
    """
    if lookup is not None and not callable(lookup):
        raise SamplingError(
            f"{name} is {lookup!r}, expected a FeatureLookup or a function of ids; pass one"
        )
    found = lookup(ids) if lookup is not None else {}
    if not isinstance(found, Mapping):
        raise SamplingError(
            f"{name} returned {type(found).__name__}, expected a dict of arrays by feature; fix it"
        )
    return {feature: _table(feature, values, len(ids), name) for feature, values in found.items()}


def dtype(table: Any) -> np.dtype:
    """The dtype of a row of a table; with a shape, where a row is a vector."""
    if isinstance(table, MultiHot) or table.ndim == 1:
        return table.dtype
    return np.dtype((table.dtype, table.shape[1:]))


def _table(feature: str, values: Any, length: int, name: str) -> Any:
    if isinstance(values, MultiHot):
        return values
    values = np.asarray(values)
    kind = {"i": np.int64, "u": np.int64, "b": np.int64, "f": np.float32}.get(values.dtype.kind)
    is_text = values.ndim == 1 and values.dtype.kind in "USO"
    if values.shape[:1] != (length,) or values.ndim > 2 or not (kind or is_text):
        raise SamplingError(
            f"{name} returned {feature!r} of shape {values.shape} and dtype {values.dtype} for "
            f"{length:,} ids, expected numbers or texts, one or a vector for each id; fix it"
        )
    if kind:
        return values.astype(kind)
    return np.array([_as_bytes(text) for text in values.tolist()], object)


def _shown(id_: Any) -> str:
    return repr(id_.decode() if isinstance(id_, bytes) else id_)


def _as_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _check_lists(lists: Mapping[str, str], schema: Schema, key: str) -> None:
    features: Collection[str] = [field.name for field in schema.features if field.is_string]
    for name, separator in lists.items():
        if name not in features or name == key:
            raise SamplingError(
                f"lists has {name!r}, expected columns of text among {', '.join(features)} and not "
                "the key; fix the name, or declare STRING"
            )
        if not isinstance(separator, str) or not separator:
            raise SamplingError(
                f"lists has the separator {separator!r} for {name!r}, expected a text such as '|'"
            )
