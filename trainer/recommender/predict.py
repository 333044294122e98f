"""The recommender job's mode predict."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sampling import Schema
from sampling.estimator.forwarding import forward_features
from sampling.schema import FORWARDED_SUFFIX
from trainer.job_dir import predictions
from trainer.recommender import inputs, recommend
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.model import checkpoints
from trainer.training.hooks import StepProgress


def predict(flags: argparse.Namespace, schema: Schema) -> None:
    """Writes a JSON line for each pair, in the order of the files; lists for users with --top."""
    if flags.top:
        recommend.recommend(flags, schema)
        return
    catalogue = Catalogue.of_job(flags, schema)
    input_fn, checkpoint = inputs.unlabelled(flags, schema), checkpoints.best_checkpoint(flags)
    estimator = forward_features(checkpoints.build(flags, catalogue, 1), schema)

    def batches() -> Iterator[dict[str, np.ndarray]]:
        found = estimator.predict(
            input_fn,
            hooks=[StepProgress("predicting", input_fn.steps_left)],
            yield_single_examples=False,
            checkpoint_path=checkpoint,
        )
        return (_predicted(batch, schema) for batch in found)

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, input_fn, batches, about, flags.output)
    print(f"{input_fn.rows_per_epoch:,} predictions: {path}")


def _predicted(batch: Mapping[str, Any], schema: Schema) -> dict[str, np.ndarray]:
    forwarded = {name: batch[name + FORWARDED_SUFFIX] for name in schema.features_to_forward}
    if "probabilities" in batch:
        return {**forwarded, "score": batch["probabilities"]}
    return {**forwarded, "prediction": batch["predictions"][:, 0]}
