"""Observed pairs and fakes as the rows of a chunk: each a row, two side by side, or in groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.order import apportionment
from sampling.order.rounds import Slice
from sampling.rows import columns
from sampling.rows.columns import Round, Strings
from sampling.samplers.fake_pairs.candidates import ITEM, ITEM_A, ITEM_B, LOG_Q, USER
from sampling.samplers.sampler import Part
from sampling.schema import WEIGHT_FEATURE, Field, Schema


def one_by_one(
    slices: Sequence[Slice[Round]], fakes: Mapping[str, Any], label: Field, default_label: Any
) -> list[Part]:
    """A row for each observed pair, and for each fake, whose label is the default.

    Args:
        slices: of observed pairs.
        fakes: columns [fakes].
    """
    size = len(fakes[USER])
    rows = Round(fakes, **{label.name: _constant(label, default_label, size)})
    return [Part(slices), Part([Slice(rows, np.arange(size))])]


def side_by_side(
    slices: Sequence[Slice[Round]],
    fakes: Mapping[str, Any],
    fakes_before: np.ndarray,
    share: Fraction,
    label: str,
) -> list[Part]:
    """Rows of an observed pair and a fake: those in which a is the observed one, the others.

    Args:
        slices: of observed pairs.
        fakes: columns [fakes], in the order of the observed pairs that they stand beside.
        fakes_before: int64 [pairs + 1], of the epoch's fakes those before each observed pair and
            after the last.
        share: of the rows in which a is the observed one.
    """
    each = np.diff(fakes_before)
    real = gathered(slices, ITEM).repeat(each)
    rows_before = np.arange(fakes_before[0], fakes_before[-1] + 1)
    a_is_real = np.diff(apportionment.portion(rows_before, share)) == 1
    rows = Round(
        {
            USER: fakes[USER],
            ITEM_A: np.where(a_is_real, real, fakes[ITEM]),
            ITEM_B: np.where(a_is_real, fakes[ITEM], real),
            label: a_is_real.astype(np.int64),
        }
    )
    if LOG_Q in fakes:
        rows[f"a.{LOG_Q}"] = np.where(a_is_real, np.float32(0), fakes[LOG_Q])
        rows[f"b.{LOG_Q}"] = np.where(a_is_real, fakes[LOG_Q], np.float32(0))
    if WEIGHT_FEATURE in slices[0].columns:
        rows[WEIGHT_FEATURE] = gathered(slices, WEIGHT_FEATURE).repeat(each)
    return [
        Part([Slice(rows, np.flatnonzero(a_is_real))]),
        Part([Slice(rows, np.flatnonzero(~a_is_real))]),
    ]


def in_groups(slices: Sequence[Slice[Round]], fakes: Mapping[str, Any], label: str) -> list[Part]:
    """A row for each observed pair: its item, and then the fakes' items.

    Args:
        slices: of observed pairs.
        fakes: columns [fakes], as many for each observed pair, in their order.
        label: the column's name; it is the observed pair's own.
    """
    users = gathered(slices, USER)
    rows = Round({USER: users})
    for name in {ITEM, LOG_Q} & set(fakes):
        own = gathered(slices, name)[:, np.newaxis]
        rows[name] = np.concatenate([own, fakes[name].reshape(len(users), -1)], axis=1)
    rows |= {
        name: gathered(slices, name)
        for name in (label, WEIGHT_FEATURE)
        if name in slices[0].columns
    }
    return [Part([Slice(rows, np.arange(len(users)))])]


def gathered(slices: Sequence[Slice[Round]], name: str) -> Any:
    """One column of the slices' rows."""
    return columns.concatenated([each.columns[name].take(each.rows) for each in slices])


def checked_label(schema: Schema, default_label: Any) -> Any:
    """The label of a fake, as the schema's label would have it.

    Raises:
        SamplingError: the schema names no label, or this is none of its type.
    """
    if schema.label_field is None:
        raise SamplingError(
            "the schema names no label, expected one to train on; make it with label="
        )
    try:
        return dataclasses.replace(schema.label_field, default=default_label).default
    except ValueError as error:
        raise SamplingError(f"default_label: {error}") from None


def _constant(field: Field, value: Any, size: int) -> np.ndarray | Strings:
    if not field.is_string:
        return np.full(size, value, field.numpy_dtype)
    return Strings(np.zeros(size, np.int32), np.array([value.encode()], object))
