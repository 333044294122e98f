"""Files of observed pairs -> vocabularies of users and items, and the pairs as codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sampling.errors import SamplingError
from sampling.formats.registry import Blocks
from sampling.order.pair_ranks import pair_codes
from sampling.samplers.fake_pairs.vocabulary import Vocabulary

_ROWS_AT_A_TIME = 200_000


class KnownPairs(NamedTuple):
    """What the files know of users and items.

    Attributes:
        users, items: the candidates.
        user_codes, item_codes: int32 [rows]: of each row of the positive files, in file order.
        codes: int64: of all known pairs, sorted, each once, excluded ones too.
    """

    users: Vocabulary
    items: Vocabulary
    user_codes: np.ndarray
    item_codes: np.ndarray
    codes: np.ndarray

    @property
    def popularity(self) -> np.ndarray:
        """int64 [items]: how many users of the positive files have each item."""
        pairs = pair_codes(self.user_codes, self.item_codes, len(self.items))
        return np.bincount(pairs % len(self.items), minlength=len(self.items))


def read(
    positives: Blocks,
    exclude: Blocks | None,
    keys: tuple[str, str],
    given: Mapping[str, Vocabulary],
    label_of_fakes: tuple[str, Any] | None = None,
) -> KnownPairs:
    """Reads all pairs, once; in memory are codes alone, 4 bytes each, and the distinct ids.

    Args:
        positives: files with both keys; their ids are the candidates unless others are given.
        exclude: further known pairs; those of an id that is no candidate are left out.
        keys: the columns of users and of items.
        given: vocabularies of candidates by key.
        label_of_fakes: the label's column, and the value that no row of the positive files has.

    Raises:
        SamplingError: an id of the positive files is not in the vocabulary given, or a row of them
            has the label of a fake.
    """
    (users, user_codes), (items, item_codes) = _encoded(positives, keys, given, label_of_fakes)
    codes = [pair_codes(user_codes, item_codes, len(items))]
    for _, table in _tables(exclude) if exclude else ():
        user, item = users.codes(table.column(keys[0])), items.codes(table.column(keys[1]))
        known = (user >= 0) & (item >= 0)
        codes.append(pair_codes(user[known], item[known], len(items)))
    united = codes[0] if len(codes) == 1 else np.unique(np.concatenate(codes))
    return KnownPairs(users, items, user_codes, item_codes, united)


def codes_of(
    vocabulary: Vocabulary, table: pa.Table, key: str, blocks: Blocks, ids: np.ndarray
) -> np.ndarray:
    """int64 [rows]: the codes of a column's ids.

    Args:
        blocks, ids: where the table was read from, for the error.

    Raises:
        SamplingError: an id is not in the vocabulary.
    """
    codes = vocabulary.codes(table.column(key))
    if len(codes) and codes.min() < 0:
        row = int(codes.argmin())
        raise SamplingError(
            f"{blocks.locate(ids, row)}, column {key!r}: found the id "
            f"{table.column(key)[row].as_py()!r}, expected one of the {len(vocabulary):,} of the "
            "vocabulary; add it there, or remove the row"
        )
    return codes


def _check_labels(table: pa.Table, name: str, value: Any, blocks: Blocks, ids: np.ndarray) -> None:
    """Raises SamplingError if a row of observed pairs has the label of a fake."""
    if name not in table.column_names:
        return
    is_fake = pc.equal(table.column(name), value).to_numpy()
    if count := int(is_fake.sum()):
        raise SamplingError(
            f"{blocks.locate(ids, int(is_fake.argmax()))}, column {name!r}: found {value!r} in "
            f"{count:,} rows or more, which is the label of pairs that were not observed, expected "
            "another one in files of observed pairs; leave such rows out (tf-sampling split "
            f"--positive='{name}!={value}' --user_key=...), or name no label"
        )


def _encoded(
    blocks: Blocks,
    keys: tuple[str, str],
    given: Mapping[str, Vocabulary],
    label_of_fakes: tuple[str, Any] | None,
) -> list[tuple[Vocabulary, np.ndarray]]:
    """For each key its vocabulary, and int32 [rows] codes."""
    chunks: dict[str, list[pa.Array]] = {key: [] for key in keys}
    for ids, table in _tables(blocks):
        if label_of_fakes is not None:
            _check_labels(table, *label_of_fakes, blocks, ids)
        for key in keys:
            if key in given:
                codes = codes_of(given[key], table, key, blocks, ids)
                chunks[key].append(pa.array(codes.astype(np.int32)))
            else:
                chunks[key].append(table.column(key).combine_chunks().dictionary_encode())
    return [_united(chunks[key], given.get(key)) for key in keys]


def _united(chunks: list[pa.Array], vocabulary: Vocabulary | None) -> tuple[Vocabulary, np.ndarray]:
    if vocabulary is not None:
        return vocabulary, np.concatenate([chunk.to_numpy() for chunk in chunks])
    alike = pa.chunked_array(chunks).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in alike.chunks])
    return Vocabulary(alike.chunk(0).dictionary), codes


def _tables(blocks: Blocks) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """All rows, in file order, with the blocks they are of."""
    parts = -(-round(blocks.estimated_rows) // _ROWS_AT_A_TIME)
    for ids in np.array_split(np.arange(blocks.num_blocks), max(1, min(blocks.num_blocks, parts))):
        yield ids, blocks.read(ids)
