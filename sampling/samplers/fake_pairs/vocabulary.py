"""Ids and their codes: every distinct id has a number from 0 on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling import files
from sampling.errors import SamplingError
from sampling.rows import columns
from sampling.schema import Field, Schema


class Vocabulary:
    """The distinct ids of a column, in order.

    Args:
        values: the ids, each once, none empty: strings or int64.

    Attributes:
        ids: what batches have: int64 [ids], or bytes objects.
    """

    def __init__(self, values: pa.Array):
        self.values = values
        self.ids = columns.to_numpy(values)

    def __len__(self) -> int:
        return len(self.values)

    def codes(self, column: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """int64 [rows]: the code of each id, -1 for one that is not in the vocabulary."""
        found = pc.index_in(column, value_set=self.values)
        return pc.fill_null(found, -1).to_numpy().astype(np.int64)

    def codes_of_ids(self, ids: np.ndarray) -> np.ndarray:
        """The same for ids as batches have them: int64 or bytes objects [rows].

        Raises:
            SamplingError: they are text where the vocabulary is numbers, or the other way.
        """
        is_text = pa.types.is_string(self.values.type)
        if ids.dtype.hasobject != is_text:
            kinds = ("numbers", "text") if is_text else ("text", "numbers")
            raise SamplingError(f"found ids that are {kinds[0]}, expected {kinds[1]}; convert them")
        return self.codes(
            pa.array(ids, pa.binary()).cast(pa.string()) if is_text else pa.array(ids)
        )

    def extended(self, ids: np.ndarray) -> Vocabulary:
        """With further ids, as batches have them, after the others."""
        more = pa.array(ids, pa.binary()) if ids.dtype.hasobject else pa.array(ids)
        return Vocabulary(pa.concat_arrays([self.values, more.cast(self.values.type)]))

    @classmethod
    def from_files(cls, globs: files.Globs, field: Field, role: str) -> Vocabulary:
        """Reads text files without a header, one id a line, as it is: no quotes, no delimiter.

        Args:
            field: the column the ids are of: its type decides on theirs.
            role: the argument's name, for errors.

        Raises:
            SamplingError: a line is empty, is there twice, or is not of the field's type.
        """
        lines: dict[str | int, None] = {}
        for file in files.list_files(globs, role):
            for number, text in enumerate(files.read_text(file.path).splitlines(), 1):
                id_ = _typed(text, field, f"{file.path}, line {number}")
                if id_ in lines:
                    raise SamplingError(
                        f"{file.path}, line {number}: found the id {text!r} a second time, "
                        "expected each once; remove the line"
                    )
                lines[id_] = None
        if not lines:
            raise SamplingError(f"{role}: found no line, expected one id a line; fix the glob")
        return cls(pa.array(list(lines), pa.int64() if field.is_integer else pa.string()))


def of_candidates(
    schema: Schema,
    keys: tuple[str, str],
    user_vocabulary: files.Globs,
    item_vocabulary: files.Globs,
) -> dict[str, Vocabulary]:
    """Those of users and of items that are given, by key.

    Raises:
        SamplingError: see `Vocabulary.from_files`.
    """
    given = {"user_vocabulary": user_vocabulary, "item_vocabulary": item_vocabulary}
    return {
        key: Vocabulary.from_files(globs, schema[key], role)
        for key, (role, globs) in zip(keys, given.items(), strict=True)
        if globs is not None
    }


def _typed(text: str, field: Field, where: str) -> str | int:
    if not text:
        raise SamplingError(f"{where}: found an empty id, expected one id a line; remove the line")
    if not field.is_integer:
        return text
    try:
        return int(text)
    except ValueError:
        raise SamplingError(
            f"{where}: found {text!r}, expected a whole number, since the column {field.name!r} is "
            f"of type {field.type}; fix the line (there is no header), or the schema"
        ) from None


def keyed(schema: Schema, **keys: str) -> Schema:
    """The schema with columns that hold ids: an empty one is an error, whatever the default.

        keyed(schema, user_key="user", item_key="item")

    Raises:
        SamplingError: a key (named by its argument) is no feature, or neither text nor whole
            numbers.
    """
    if not isinstance(schema, Schema):
        raise SamplingError(f"schema is {schema!r}, expected a sampling.Schema; pass one")
    names = [field.name for field in schema.features]
    for argument, key in keys.items():
        if key not in names:
            raise SamplingError(
                f"{argument} is {key!r}, expected a column among {', '.join(names)}; fix it"
            )
        if not (schema[key].is_string or schema[key].is_integer):
            raise SamplingError(
                f"{argument}: the column {key!r} is of type {schema[key].type}, expected ids as "
                "INTEGER or STRING; declare it so"
            )
    fields = [
        dataclasses.replace(field, mode="REQUIRED", default=None)
        if field.name in keys.values()
        else field
        for field in schema
    ]
    return dataclasses.replace(schema, fields=tuple(fields))
