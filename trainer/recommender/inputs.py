"""What the recommender job reads: observed pairs with fakes, and held-out pairs to rank."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFn, InputFnWithFakePairs, Schema
from sampling.command_line.common import file_options
from sampling.command_line.ending import say
from sampling.order import seeds
from sampling.order.pair_ranks import UnobservedPairs
from sampling.samplers.all_rows import AllRows
from trainer.recommender import usual
from trainer.recommender.catalogue import Catalogue, with_unknown
from trainer.recommender.features import Features
from trainer.recommender.measuring import ranking
from trainer.recommender.measuring.ranking import HeldOut

TRAINING_INPUT = InputFnWithFakePairs  # an example compares it with another way
_TEST_BATCH = 8192


def training_input(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    return TRAINING_INPUT(
        flags.train_dir,
        schema,
        flags.user_key,
        flags.item_key,
        negatives_per_positive=flags.negatives,
        fakes=flags.fakes,
        grouped=usual.is_grouped(vars(flags)),
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


def observed_pairs(flags: argparse.Namespace, schema: Schema) -> InputFn:
    """The training's pairs alone, shuffled, for a model that draws others by itself."""
    return InputFn(
        flags.train_dir,
        dataclasses.replace(schema, features_to_forward=()),
        sampler=_Observed(),
        shuffle=True,
        batch_size=flags.batch_size,
        num_epochs=flags.num_epochs,
        seed=flags.seed,
        pool_rows=flags.pool_rows,
        **file_options(flags),
    )


class _Observed(AllRows):
    """Every row of the files, which need no label."""

    labels = {"files": 1}


def features(flags: argparse.Namespace, schema: Schema) -> list[Features | None]:
    """Of users and of items, where files are given."""
    return [
        Features(globs, key, schema[key].is_integer, flags.lists) if globs else None
        for globs, key in zip((flags.user_features, flags.item_features), keys(flags), strict=True)
    ]


def unlabelled(flags: argparse.Namespace, schema: Schema) -> InputFnWithFakePairs:
    """The test files' `pairs` to predict: labels may be blank."""
    missing: dict[Any, Any] = {schema.label: {"mode": "NULLABLE", "default": 0}}
    fields = [dataclasses.replace(field, **missing.get(field.name, {})) for field in schema]
    return pairs(flags, dataclasses.replace(schema, fields=tuple(fields)), flags.test_dir)


def pairs(flags: argparse.Namespace, schema: Schema, globs: list[str]) -> InputFnWithFakePairs:
    """Files of pairs as they are."""
    return InputFnWithFakePairs(
        globs,
        schema,
        flags.user_key,
        flags.item_key,
        is_train=False,
        batch_size=_TEST_BATCH,
        **file_options(flags),
    )


def held_out(
    flags: argparse.Namespace, schema: Schema, catalogue: Catalogue, globs: list[str]
) -> HeldOut:
    """The pairs of some files, and negatives: of test_dir those of its file, or else drawn.

    What training never saw is counted, and said.
    """
    users, items, labels = _columns(pairs(flags, schema, globs), keys(flags))
    user_codes, item_codes = catalogue.user_codes(users), catalogue.item_codes(items)
    _tell(globs, catalogue, user_codes, item_codes)
    if flags.test_negatives_file and globs == flags.test_dir:
        fields = schema[flags.user_key], schema[flags.item_key]
        found = ranking.read_negatives(flags.test_negatives_file, fields, users, items)
        codes = catalogue.item_codes(found.ravel()).reshape(found.shape)
    else:
        known = catalogue.with_pairs(user_codes, item_codes)
        codes = _drawn(known, user_codes, flags.test_negatives, flags.seed)
    return HeldOut(users, items, labels, codes.astype(np.int32), with_unknown(catalogue.items))


def with_pairs_of(
    flags: argparse.Namespace, schema: Schema, catalogue: Catalogue, globs: list[str]
) -> Catalogue:
    """The catalogue with the pairs of some files as known ones."""
    users, items, _ = _columns(pairs(flags, schema, globs), keys(flags))
    return catalogue.with_pairs(catalogue.user_codes(users), catalogue.item_codes(items))


def _drawn(catalogue: Catalogue, users: np.ndarray, each: int, seed: int) -> np.ndarray:
    """int64 [n, each] codes of items that are no known ones of the users, by their codes [n].

    Users without such an item, and unknown ones, are given any.
    """
    num_users, num_items = len(catalogue.users), len(catalogue.items)
    unobserved = UnobservedPairs(catalogue.pairs, num_users, num_items)
    generator = seeds.generator(seeds.PAIRS, seed)
    can_draw = np.append(unobserved.user_totals > 0, False).take(users)
    found = np.empty((len(users), each), np.int64)
    of_users = users[can_draw].repeat(each)
    found[can_draw] = unobserved.draw_for(generator, of_users).reshape(-1, each)
    found[~can_draw] = generator.integers(num_items, size=(int((~can_draw).sum()), each))
    return found


def _tell(globs: list[str], catalogue: Catalogue, users: np.ndarray, items: np.ndarray) -> None:
    """What is to be known of held-out pairs, by code, on stderr."""
    new_users, new_items = users == len(catalogue.users), items == len(catalogue.items)
    what, of = ", ".join(globs), f"of {len(users):,} pairs"
    for unknown, name, gets in (
        (new_users, "users", "for whom popularity decides"),
        (new_items, "items", "which count as items that nobody has"),
    ):
        if count := int(unknown.sum()):
            say(f"{what}: {count:,} {of} have {name} that training never saw, {gets}")
    trained = np.isin(users * len(catalogue.items) + items, catalogue.trained)
    if count := int(trained[~new_users & ~new_items].sum()):
        say(
            f"warning: {what}: {count:,} {of} are in the training files too, which flatters the "
            "model; split the files anew, or name others"
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
