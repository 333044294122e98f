"""Codes of users and items -> their ids and features, for the rows of a chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.rows.columns import Columns
from sampling.samplers.fake_pairs import lookup
from sampling.samplers.fake_pairs.candidates import ITEM, ITEM_A, ITEM_B, LOG_Q, USER
from sampling.samplers.fake_pairs.known_pairs import KnownPairs
from sampling.samplers.fake_pairs.lookup import Lookup
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from sampling.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE, Schema


class PairFeatures:
    """What each feature is looked up in, and by which code.

    Args:
        tables: for each feature its column of codes and its table: an array by code, or a MultiHot.
        group: items of a row, if rows are groups, or 0.
    """

    def __init__(self, tables: Mapping[str, tuple[str, Any]], group: int = 0):
        self._tables, self._group = tables, group

    @property
    def dtypes(self) -> dict[str, np.dtype]:
        """By feature; with a shape, where a row is a vector."""
        return {
            name: dtype_of_group(lookup.dtype(table), self._group if code == ITEM else 0)
            for name, (code, table) in self._tables.items()
        }

    def needed(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that a chunk must have for some features: codes, and those not looked up."""
        codes = {self._tables[name][0] for name in names if name in self._tables}
        return (*sorted(codes), *(name for name in names if name not in self._tables))

    def join(self, chunk: Columns, names: Sequence[str]) -> Columns:
        """The features asked for, and the weight."""
        for name in names:
            if name in self._tables:
                code, table = self._tables[name]
                found = table[chunk[code].ravel()]
                chunk[name] = found.reshape(*chunk[code].shape, *found.shape[1:])
        return {name: chunk[name] for name in (*names, WEIGHT_FEATURE)}


def of_candidates(
    known: KnownPairs,
    keys: tuple[str, str],
    lookups: Mapping[str, Lookup | None],
    schema: Schema,
    sides: Sequence[str],
    group: int = 0,
) -> PairFeatures:
    """The features of users and items.

    Args:
        known: the candidates.
        keys: what users' and items' ids are called as features.
        lookups: of users and of items, by argument.
        sides: what features' names begin with; of two each row has two items.
        group: items of a row, if rows are groups, or 0.

    Raises:
        SamplingError: a lookup does not know an id, or names do not go together.
    """
    users, items = (
        _features_of(vocabulary, key, lookups[argument], argument)
        for vocabulary, key, argument in zip((known.users, known.items), keys, lookups, strict=True)
    )
    _check_names([*users, *items], schema)
    codes = (ITEM_A, ITEM_B) if len(sides) > 1 else (ITEM,)
    tables: dict[str, tuple[str, Any]] = {}
    for side, item in zip(sides, codes, strict=True):
        tables |= {side + name: (USER, table) for name, table in users.items()}
        tables |= {side + name: (item, table) for name, table in items.items()}
    return PairFeatures(tables, group)


def dtype_of_group(dtype: np.dtype, group: int) -> np.dtype:
    """Of a feature that a row has for each of its items."""
    return np.dtype((dtype.base, (group, *dtype.shape))) if group else dtype


def _features_of(
    vocabulary: Vocabulary, key: str, features: Lookup | None, argument: str
) -> dict[str, Any]:
    """Tables by name: the ids themselves under the key, and what is known of them.

    Raises:
        SamplingError: the lookup does not know an id, or returns something else.
    """
    found = lookup.joined(features, vocabulary.ids, argument)
    if key in found:
        raise SamplingError(
            f"{argument} has the feature {key!r}, expected other names than the key's; rename it"
        )
    return {key: vocabulary.ids, **found}


def _check_names(names: Sequence[str], schema: Schema) -> None:
    """Features of users, of items and our own have names of their own; forwarded ones exist.

    Raises:
        SamplingError: two have the same, or one that is to be forwarded is not among them.
    """
    reserved = [schema.label, WEIGHT_FEATURE, LOG_Q]
    forwarded = [name + FORWARDED_SUFFIX for name in schema.features_to_forward]
    everything = [*names, *(name for name in reserved if name), *forwarded]
    twice = sorted({name for name in everything if everything.count(name) > 1})
    if twice:
        raise SamplingError(
            f"the feature {twice[0]!r} is there twice, expected one among the keys, the features "
            "of users and of items, label, weight, log_q and the forwarded ones; rename one"
        )
    for name in schema.features_to_forward:
        if name not in names:
            raise SamplingError(
                f"{name!r} can't be forwarded, expected one of {', '.join(names)}: a fake has no "
                "other columns; forward fewer"
            )
