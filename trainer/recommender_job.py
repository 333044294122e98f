"""What the recommender job does in each mode; its flags are in recommender.py."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import Schema
from sampling.errors import SamplingError
from sampling.estimator.forwarding import forward_features, require_estimator
from sampling.input_fn.cluster import Task
from sampling.schema import FORWARDED_SUFFIX
from trainer import (
    distributed,
    predictions,
    quiet,
    recommender_estimator,
    recommender_evaluation,
    restart,
    results,
)
from trainer import recommender_inputs as inputs
from trainer.flags import defaults, of_model, refuse_missing, refuse_other_model
from trainer.progress import Progress
from trainer.recommender import FLAGS
from trainer.recommender_training import Training

_NEEDED = {
    "train": ("schema_path", "label", "user_key", "item_key", "train_dir", "test_dir"),
    "evaluate": ("test_dir",),
    "predict": ("test_dir",),
}


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says; see `propensity_job.run`."""
    quiet.quieten_tensorflow()
    require_estimator()
    task = distributed.enter() if given.mode == "train" else Task()
    flags = _resolved(vars(given))
    schema = Schema.from_json(
        flags.schema_path, flags.label, flags.weight_column, flags.forward or inputs.keys(flags)
    )
    if schema.label_field is not None and schema.label_field.is_string:
        raise SamplingError(
            f"--label={flags.label} is of type {schema.label_field.type}, expected a number: how "
            "often or how well; name another column"
        )
    modes: dict[str, Callable[[argparse.Namespace, Schema], None]] = {
        "train": lambda flags, schema: Training(flags, schema, task).run(),
        "evaluate": recommender_evaluation.evaluate,
        "predict": predict,
    }
    with quiet.plain_errors():
        modes[flags.mode](flags, schema)


def predict(flags: argparse.Namespace, schema: Schema) -> None:
    """Writes a JSON line for each pair, in the order of the files."""
    input_fn, checkpoint = inputs.pairs(flags, schema), recommender_estimator.best_checkpoint(flags)
    estimator = forward_features(recommender_estimator.build(flags, schema, 1), schema)

    def batches() -> Iterator[dict[str, np.ndarray]]:
        found = estimator.predict(
            input_fn,
            hooks=[Progress("predicting", input_fn.steps_left)],
            yield_single_examples=False,
            checkpoint_path=checkpoint,
        )
        return (_predicted(batch, schema) for batch in found)

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, input_fn, batches, about)
    print(f"{input_fn.rows_per_epoch:,} predictions: {path}")


def _predicted(batch: Mapping[str, Any], schema: Schema) -> dict[str, np.ndarray]:
    forwarded = {name: batch[name + FORWARDED_SUFFIX] for name in schema.features_to_forward}
    if "probabilities" in batch:
        return {**forwarded, "probability": batch["probabilities"]}
    return {**forwarded, "prediction": batch["predictions"][:, 0]}


def _resolved(given: Mapping[str, Any]) -> argparse.Namespace:
    """The flags that were given; for the others what the job_dir says, or the defaults.

    The schema of a trained model is in its job_dir: `schema_path` is then the text itself.
    """
    stored: dict[str, Any] = {}
    is_begun = not restart.is_asked(given) and tf.train.latest_checkpoint(given["job_dir"])
    if given["mode"] != "train" or is_begun:
        stored = _stored(given["job_dir"])
    values = {**defaults(FLAGS), **stored, **given}
    if stored:
        refuse_other_model(values, stored, of_model(FLAGS))
    flags = argparse.Namespace(**values)
    refuse_missing(flags, _NEEDED[flags.mode])
    if flags.model == "linear" and flags.best_metric == "log_loss":
        raise SamplingError(
            "--best_metric is log_loss, which a linear model of no probabilities does not have; "
            "name rmse, mae, hr or ndcg"
        )
    return flags


def _stored(job_dir: str) -> dict[str, Any]:
    if not tf.io.gfile.exists(os.path.join(job_dir, results.PARAMETERS)):
        raise SamplingError(
            f"found no trained model in {job_dir}, expected one; fix --job-dir, or run "
            "--mode=train first"
        )
    parameters = results.read_json(job_dir, results.PARAMETERS)
    return {**parameters["flags"], "schema_path": json.dumps(parameters["schema"])}
