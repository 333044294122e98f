"""What the recommender job reads: observed pairs with fakes, and held-out pairs to rank."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFnWithFakePairs, Schema
from sampling.command_line.common import file_options
from trainer.recommender import ranking
from trainer.recommender.ranking import HeldOut

TRAINING_INPUT = InputFnWithFakePairs  # an example compares it with another way
USERS, ITEMS = "users.txt", "items.txt"  # the vocabularies, in the job_dir
_TEST_BATCH = 8192


def training_input(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    return TRAINING_INPUT(
        flags.train_dir,
        schema,
        flags.user_key,
        flags.item_key,
        negatives_per_positive=flags.negatives,
        fakes=flags.fakes,
        alpha=flags.alpha,
        full_users="leave_out",
        exclude=flags.exclude or None,
        user_vocabulary=flags.user_vocabulary,
        item_vocabulary=flags.item_vocabulary,
        batch_size=flags.batch_size,
        num_epochs=flags.num_epochs,
        seed=flags.seed,
        pool_rows=flags.pool_rows,
        **file_options(flags),
    )


def unlabelled(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    """`pairs` to predict: labels may be blank."""
    missing: dict[Any, Any] = {schema.label: {"mode": "NULLABLE", "default": 0}}
    fields = [dataclasses.replace(field, **missing.get(field.name, {})) for field in schema]
    return pairs(flags, dataclasses.replace(schema, fields=tuple(fields)))


def pairs(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    """The test files as they are."""
    return InputFnWithFakePairs(
        flags.test_dir,
        schema,
        flags.user_key,
        flags.item_key,
        is_train=False,
        batch_size=_TEST_BATCH,
        **file_options(flags),
    )


def held_out(flags: argparse.Namespace, schema: Schema) -> HeldOut:
    """The test files' pairs, and negatives: those of the file, or drawn."""
    users, items, labels = _columns(pairs(flags, schema), keys(flags))
    if flags.test_negatives_file:
        fields = schema[flags.user_key], schema[flags.item_key]
        negatives = ranking.read_negatives(flags.test_negatives_file, fields, users, items)
    else:
        negatives = _drawing_input(flags, schema).fakes_for(users, flags.test_negatives, flags.seed)
    return HeldOut(users, np.concatenate([items[:, np.newaxis], negatives], axis=1), labels)


def _drawing_input(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    """What knows all pairs, held-out ones too, and the model's users and items."""
    return InputFnWithFakePairs(
        flags.test_dir,
        schema,
        flags.user_key,
        flags.item_key,
        fakes="per_user",
        full_users="leave_out",
        exclude=[*flags.train_dir, *flags.exclude],
        user_vocabulary=path(flags, USERS),
        item_vocabulary=path(flags, ITEMS),
        **file_options(flags),
    )


def _columns(input_fn: InputFnWithFakePairs, keys: tuple[str, str]) -> tuple[Any, Any, Any]:
    """Users, items and labels of all rows; 1 where the files have no labels."""
    everything = tf.distribute.InputContext()  # whichever worker this is
    found = input_fn.batches(input_context=everything)
    batches = [batch if isinstance(batch, tuple) else (batch, None) for batch in found]
    users, items = (np.concatenate([batch[0][key] for batch in batches]) for key in keys)
    if batches[0][1] is None:
        return users, items, np.ones(len(users), np.int64)
    return users, items, np.concatenate([batch[1] for batch in batches])


def keys(flags: argparse.Namespace) -> tuple[str, str]:
    return flags.user_key, flags.item_key


def path(flags: argparse.Namespace, name: str) -> str:
    return os.path.join(flags.job_dir, name)
