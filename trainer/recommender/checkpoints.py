"""The recommender job's model, as its flags and its directory say."""

from __future__ import annotations

import argparse
from typing import Any

import tensorflow as tf

from sampling import InputFnWithFakePairs, Schema
from sampling.errors import SamplingError
from sampling.estimator import install
from trainer.job_dir import contents, trained
from trainer.recommender import inputs, networks
from trainer.recommender.networks import IdVocabulary


def build(flags: argparse.Namespace, schema: Schema, group: int, steps_per_epoch: int = 1) -> Any:
    """With vocabularies that are in the job_dir; `group` as for `networks.build`."""
    config = install().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=steps_per_epoch,
        save_summary_steps=500,
        keep_checkpoint_max=2,
    )
    return networks.build(flags, *vocabularies(flags, schema), config, group)


def write_vocabularies(flags: argparse.Namespace, input_fn: InputFnWithFakePairs) -> None:
    for name, ids in ((inputs.USERS, input_fn.users), (inputs.ITEMS, input_fn.items)):
        texts = [id_.decode() if isinstance(id_, bytes) else str(id_) for id_ in ids.tolist()]
        contents.write_lines(flags.job_dir, name, texts)


def vocabularies(flags: argparse.Namespace, schema: Schema) -> tuple[IdVocabulary, IdVocabulary]:
    """Of users and of items."""

    def vocabulary(key: str, name: str) -> IdVocabulary:
        path = inputs.path(flags, name)
        with tf.io.gfile.GFile(path) as file:
            size = file.read().count("\n")
        return IdVocabulary(key, path, size, schema[key].is_integer)

    return vocabulary(flags.user_key, inputs.USERS), vocabulary(flags.item_key, inputs.ITEMS)


def best_checkpoint(flags: argparse.Namespace) -> str:
    checkpoint = trained.checkpoint(f"{flags.job_dir}/best")
    if not checkpoint:
        raise SamplingError(
            f"found no checkpoint in {flags.job_dir}/best, expected that of the best epoch; run "
            "--mode=train first"
        )
    return checkpoint
