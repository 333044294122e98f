"""The recommender job's mode predict with --top: a list of items for each user."""

from __future__ import annotations

import argparse
import os
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import Schema
from sampling.progress import Progress
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from trainer.job_dir import contents, predictions
from trainer.recommender import inputs
from trainer.recommender.catalogue import USERS, Catalogue
from trainer.recommender.model import checkpoints
from trainer.recommender.model.scorer import COUNT, SCORE, Scorer

_USERS_OF_A_BATCH = 256


def recommend(flags: argparse.Namespace, schema: Schema) -> None:
    """Writes a JSON line for each user: the best items that the user does not have."""
    catalogue, checkpoint = Catalogue.of_job(flags, schema), checkpoints.best_checkpoint(flags)
    if flags.exclude:
        catalogue = inputs.with_pairs_of(flags, schema, catalogue, flags.exclude)
    asked = _Users(flags, schema)
    scorer = Scorer(flags, catalogue, checkpoint)
    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(
        flags.job_dir,
        asked,
        lambda: _lists(flags, scorer, asked),
        about,
        flags.output,
        name=contents.RECOMMENDATIONS,
    )
    unknown = int((catalogue.user_codes(asked.ids) == len(catalogue.users)).sum())
    if unknown:
        print(f"{unknown:,} users are unknown to the model: their items are the popular ones")
    print(f"{len(asked.ids):,} lists of {flags.top} items at most: {path}")


class _Users:
    """Who is asked for, in order, as `predictions.write` goes along them."""

    def __init__(self, flags: argparse.Namespace, schema: Schema):
        source = flags.users or os.path.join(flags.job_dir, USERS)
        vocabulary = Vocabulary.from_files(source, schema[flags.user_key], "--users")
        self.ids, self.schema, self.done = vocabulary.ids, schema, 0
        texts = "\n".join(map(str, vocabulary.values.to_pylist()))
        self._made_with = {"users": zlib.crc32(texts.encode())}

    @property
    def rows_per_epoch(self) -> int:
        return len(self.ids)

    def state(self, rows: int) -> dict[str, Any]:
        return {"made_with": self._made_with, "rows": rows}

    def restore(self, state: dict[str, Any]) -> None:
        self.done = int(state["rows"])


def _lists(
    flags: argparse.Namespace, scorer: Scorer, asked: _Users
) -> Iterator[dict[str, np.ndarray]]:
    progress = Progress("listing", len(asked.ids))
    for start in range(asked.done, len(asked.ids), _USERS_OF_A_BATCH):
        ids = asked.ids[start : start + _USERS_OF_A_BATCH]
        found = scorer.rank(
            tf.constant(ids), tf.constant(flags.top), tf.constant(flags.exclude_known)
        )
        arrays = {name: tensor.numpy() for name, tensor in found.items()}
        counts = arrays.pop(COUNT)
        yield {
            flags.user_key: ids,
            **{
                {SCORE: "score"}.get(name, name): _cut(rows, counts)
                for name, rows in arrays.items()
            },
        }
        progress.update(start + len(ids), start + len(ids))
    progress.close(len(asked.ids))


def _cut(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Objects [n]: the first so many of each row."""
    found = np.empty(len(rows), object)
    for place, (row, count) in enumerate(zip(rows, counts.tolist(), strict=True)):
        found[place] = row[:count]
    return found
