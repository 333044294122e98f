"""What the recommender job does in each mode; its flags are in recommender.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFnWithFakePairs, Schema
from sampling.estimators import forward_features, require_estimator
from sampling.resume import InputStateListener
from sampling.schema import FORWARDED_SUFFIX
from trainer import (
    distributed,
    predictions,
    quiet,
    ranking,
    recommender_export,
    restart,
    results,
)
from trainer import recommender_inputs as inputs
from trainer import recommender_models as models
from trainer.best import Best, EarlyStopping
from trainer.flags import defaults, of_model
from trainer.progress import Progress
from trainer.ranking import HeldOut
from trainer.recommender import FLAGS
from trainer.recommender_models import Vocabulary

_NEEDED = {
    "train": ("schema_path", "label", "user_key", "item_key", "train_dir", "test_dir"),
    "evaluate": ("test_dir",),
    "predict": ("test_dir",),
}


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says; see `propensity_job.run`."""
    quiet.quieten_tensorflow()
    distributed.refuse("recommender")
    require_estimator()
    flags = _resolved(vars(given))
    schema = Schema.from_json(
        flags.schema_path, flags.label, flags.weight_column, flags.forward or inputs.keys(flags)
    )
    if schema.label_field is not None and schema.label_field.is_string:
        raise ValueError(
            f"--label={flags.label} is of type {schema.label_field.type}, expected a number: how "
            "often or how well; name another column"
        )
    with quiet.plain_errors():
        {"train": train, "evaluate": evaluate, "predict": predict}[flags.mode](flags, schema)


def train(flags: argparse.Namespace, schema: Schema) -> None:
    """Trains epoch by epoch, evaluates each, exports the best; goes on where it was stopped."""
    input_fn = inputs.training_input(flags, schema)
    done, steps = restart.resumed(input_fn, flags), input_fn.steps_per_epoch
    print(input_fn.describe(), flush=True)
    _write_vocabularies(flags, input_fn)
    _write_parameters(flags, schema)
    held_out = inputs.held_out(flags, schema)
    popularity = _of_popularity(input_fn, held_out, flags.top)
    estimator = _estimator(flags, schema, held_out.group, steps)
    best = Best(
        f"{flags.job_dir}/best", flags.best_metric, lambda r: _line(r, steps, flags.top), done
    )

    def test_input() -> tf.data.Dataset:
        return held_out.dataset(schema, inputs.keys(flags))

    _train_on(estimator, best, input_fn, done, test_input, flags.patience)
    epoch = round(best.result["global_step"] / steps)
    _report(flags, best.result, {"epoch": epoch, "popularity": popularity})
    _export(flags, schema, input_fn.items, best.checkpoint)


def _train_on(
    estimator: Any,
    best: Best,
    input_fn: InputFnWithFakePairs,
    done: int,
    test_input: Callable[[], tf.data.Dataset],
    patience: int | None,
) -> None:
    """From step `done`, if that is not the end; no epoch that ended goes without evaluation."""
    best.catch_up(estimator, done, test_input)
    if input_fn.epochs_done >= (input_fn.num_epochs or 1):
        print(f"trained to its end, step {done:,}; exporting the best epoch", file=sys.stderr)
        return
    total = done + input_fn.steps_left
    if done:
        print(f"going on from step {done:,} of {total:,}", file=sys.stderr)
    api, listener = require_estimator(), InputStateListener(input_fn, estimator.model_dir)
    hooks = [Progress("training", total)]
    if patience:
        hooks.append(EarlyStopping(best, patience * input_fn.steps_per_epoch))
    api.train_and_evaluate(
        estimator,
        api.TrainSpec(input_fn, total, hooks, [listener]),
        api.EvalSpec(test_input, steps=None, exporters=[best], start_delay_secs=0, throttle_secs=0),
    )


def evaluate(flags: argparse.Namespace, schema: Schema) -> None:
    """Measures the best epoch on held-out pairs."""
    held_out = inputs.held_out(flags, schema)
    evaluation = _estimator(flags, schema, held_out.group).evaluate(
        lambda: held_out.dataset(schema, inputs.keys(flags)),
        hooks=[Progress("evaluating", held_out.steps)],
        checkpoint_path=_best_checkpoint(flags),
    )
    _report(flags, evaluation, {})


def predict(flags: argparse.Namespace, schema: Schema) -> None:
    """Writes a JSON line for each pair, in the order of the files."""
    input_fn, checkpoint = inputs.pairs(flags, schema), _best_checkpoint(flags)
    estimator = forward_features(_estimator(flags, schema, 1), schema)

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


def _of_popularity(input_fn: InputFnWithFakePairs, held_out: HeldOut, top: int) -> dict[str, float]:
    """What ranking by popularity alone comes to; printed, too."""
    counts = dict(zip(input_fn.items.tolist(), input_fn.popularity.tolist(), strict=True))
    scores = np.array([counts.get(item, 0) for item in held_out.items.ravel().tolist()])
    hr, ndcg = ranking.of_scores(scores.reshape(held_out.items.shape), held_out.items, top)
    print(f"popularity  HR@{top} {hr:.4f}  NDCG@{top} {ndcg:.4f}", flush=True)
    return {"hr": hr, "ndcg": ndcg}


def _estimator(
    flags: argparse.Namespace, schema: Schema, group: int, steps_per_epoch: int = 1
) -> Any:
    config = require_estimator().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=steps_per_epoch,
        save_summary_steps=500,
        keep_checkpoint_max=2,
    )
    return models.build(flags, *_vocabularies(flags, schema), config, group)


def _export(flags: argparse.Namespace, schema: Schema, items: np.ndarray, checkpoint: str) -> None:
    path = f"{flags.job_dir}/export"
    recommender_export.export(flags, *_vocabularies(flags, schema), items, checkpoint, path)
    print(f"model: {path}")


def _write_parameters(flags: argparse.Namespace, schema: Schema) -> None:
    parameters = {"flags": restart.without(vars(flags)), "schema": json.loads(schema.to_json())}
    results.write_json(flags.job_dir, results.PARAMETERS, parameters)


def _write_vocabularies(flags: argparse.Namespace, input_fn: InputFnWithFakePairs) -> None:
    for name, ids in ((inputs.USERS, input_fn.users), (inputs.ITEMS, input_fn.items)):
        texts = [id_.decode() if isinstance(id_, bytes) else str(id_) for id_ in ids.tolist()]
        results.write_lines(flags.job_dir, name, texts)


def _vocabularies(flags: argparse.Namespace, schema: Schema) -> tuple[Vocabulary, Vocabulary]:
    def vocabulary(key: str, name: str) -> Vocabulary:
        path = inputs.path(flags, name)
        with tf.io.gfile.GFile(path) as file:
            size = file.read().count("\n")
        return Vocabulary(key, path, size, schema[key].is_integer)

    return vocabulary(flags.user_key, inputs.USERS), vocabulary(flags.item_key, inputs.ITEMS)


def _report(
    flags: argparse.Namespace, evaluation: Mapping[str, Any], more: Mapping[str, Any]
) -> None:
    names = [name for name in ("hr", "ndcg", "log_loss", "rmse", "mae") if name in evaluation]
    measured: dict[str, Any] = {"step": int(evaluation["global_step"])}
    for name in names:
        at = f"_at_{flags.top}" if name in ("hr", "ndcg") else ""
        measured[name + at] = float(evaluation[name])
    print("", results.table(measured), "", sep="\n")
    measured.update(test_dir=flags.test_dir, **more)
    print(f"evaluation: {results.write_json(flags.job_dir, results.EVALUATION, measured)}")


def _line(result: Mapping[str, Any], steps: int, top: int) -> str:
    parts = [f"epoch {round(result['global_step'] / steps):>3}"]
    for name in ("hr", "ndcg", "log_loss", "rmse", "mae"):
        if name in result:
            shown = f"{name.upper()}@{top}" if name in ("hr", "ndcg") else name.replace("_", " ")
            parts.append(f"{shown} {result[name]:.4f}")
    return "  ".join(parts)


def _resolved(given: Mapping[str, Any]) -> argparse.Namespace:
    """The flags that were given; for the others what the job_dir says, or the defaults.

    The schema of a trained model is in its job_dir: `schema_path` is then the text itself.
    """
    stored: dict[str, Any] = {}
    is_begun = not restart.is_asked(given) and tf.train.latest_checkpoint(given["job_dir"])
    if given["mode"] != "train" or is_begun:
        stored = _stored(given["job_dir"])
    for name in of_model(FLAGS):
        if stored and name in given and given[name] != stored[name]:
            raise ValueError(
                f"--{name} is {given[name]}, and the model in {given['job_dir']} was trained with "
                f"{stored[name]}; leave the flag out, or name another --job-dir"
            )
    flags = argparse.Namespace(**{**defaults(FLAGS), **stored, **given})
    for name in _NEEDED[flags.mode]:
        if not getattr(flags, name):
            raise ValueError(f"--{name} is missing, which --mode={flags.mode} needs; pass it")
    if flags.model == "linear" and flags.best_metric == "log_loss":
        raise ValueError(
            "--best_metric is log_loss, which a linear model of no probabilities does not have; "
            "name rmse, mae, hr or ndcg"
        )
    return flags


def _stored(job_dir: str) -> dict[str, Any]:
    if not tf.io.gfile.exists(os.path.join(job_dir, results.PARAMETERS)):
        raise ValueError(
            f"found no trained model in {job_dir}, expected one; mend --job-dir, or run "
            "--mode=train first"
        )
    parameters = results.read_json(job_dir, results.PARAMETERS)
    return {**parameters["flags"], "schema_path": json.dumps(parameters["schema"])}


def _best_checkpoint(flags: argparse.Namespace) -> str:
    checkpoint = tf.train.latest_checkpoint(f"{flags.job_dir}/best")
    if not checkpoint:
        raise ValueError(
            f"found no checkpoint in {flags.job_dir}/best, expected that of the best epoch; run "
            "--mode=train first"
        )
    return checkpoint
