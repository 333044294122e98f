"""The recommender job's mode train."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import tensorflow as tf

from sampling import Schema
from sampling.checkpoint.estimator import InputStateListener
from sampling.estimator import install
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from trainer.distributed import member
from trainer.job_dir import contents, restart, trained
from trainer.recommender import evaluate, inputs
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.measuring.baselines import Popular
from trainer.recommender.measuring.ranking import HeldOut
from trainer.recommender.model import checkpoints, export
from trainer.recommender.model.scorer import Scorer
from trainer.training.best import Best, EarlyStopping
from trainer.training.hooks import StepProgress
from trainer.training.saving import with_saver


class RecommenderTraining:
    """Trains epoch by epoch, evaluates each, exports the best; goes on where it was stopped. Of
    several processes each does its part, and the chief evaluates and exports the last checkpoint.

    Args:
        flags: all of the job's.
        schema: of the observed pairs.
        task: which process this is.

    Raises:
        SamplingError: files or flags are not as they should be, or the last checkpoint is of
            another input.
    """

    def __init__(self, flags: argparse.Namespace, schema: Schema, task: Task):
        self._flags, self._schema, self._task = flags, schema, task
        self._pairs = inputs.training_input(flags, schema)
        draws = flags.model == "two_tower"  # by itself
        self._input = inputs.observed_pairs(flags, schema) if draws else self._pairs
        if self._task.is_alone:
            self._done = restart.resumed(self._input, flags)
            self._steps = self._input.steps_per_epoch
        else:
            member.refuse_flags(flags, task, ("restart", "patience"))
            self._done = self._last_step()
            self._steps = self._input.global_steps_per_epoch()

    def run(self) -> None:
        flags = self._flags
        if self._task.type == cluster.CHIEF:
            print(self._input.describe(), flush=True)
            self._catalogue = Catalogue.of_input(self._pairs).with_features(
                *inputs.features(flags, self._schema)
            )
            if flags.dev_dir:  # neither a negative of the test, nor to be recommended
                self._catalogue = inputs.with_pairs_of(
                    flags, self._schema, self._catalogue, flags.dev_dir
                )
            self._write()
        else:
            member.await_chief(self._task, flags.job_dir)  # for its vocabularies
            self._catalogue = Catalogue.of_job(flags, self._schema)
        self._held_out = self._read_held_out(flags.dev_dir or flags.test_dir)
        self._estimator = checkpoints.build(
            flags, self._catalogue, self._held_out.group, self._steps
        )
        if self._task.type == cluster.CHIEF:
            self._train_and_export()
        else:
            self._train_in_cluster()

    def _train_and_export(self) -> None:
        flags = self._flags
        self._best = Best(f"{flags.job_dir}/best", flags.best_metric, self._line, self._done)
        popular = evaluate.among_negatives(
            flags, self._catalogue, self._held_out, Popular(self._catalogue)
        )
        hr, ndcg = (f"{value:.4f}" for value in popular)
        print(f"popularity  HR@{flags.top} {hr}  NDCG@{flags.top} {ndcg}", flush=True)
        if self._task.is_alone:
            self._train_alone()
        else:
            self._train_in_cluster()
            self._best.catch_up(self._estimator, self._last_step(), self._test_input)
        measured = self._measured()
        epoch = round(self._best.result["global_step"] / self._steps)
        print(f"best epoch: {epoch}")
        measured.tell({"epoch": epoch})
        self._export()
        measured.warn()

    def _measured(self) -> evaluate.RankingFigures:
        """The best epoch on the test files."""
        flags, held_out, result = self._flags, self._held_out, self._best.result
        dev = held_out if flags.dev_dir else None
        if flags.dev_dir:
            held_out = self._read_held_out(flags.test_dir)
            result = evaluate.of_model(flags, self._schema, self._catalogue, held_out)
        ease = evaluate.chosen_ease(flags, self._catalogue, dev)
        return evaluate.RankingFigures.of(flags, self._catalogue, held_out, result, ease)

    def _read_held_out(self, globs: list[str]) -> HeldOut:
        return inputs.held_out(self._flags, self._schema, self._catalogue, globs)

    def _export(self) -> None:
        path = f"{self._flags.job_dir}/export"
        scorer = Scorer(self._flags, self._catalogue, checkpoints.best_checkpoint(self._flags))
        export.export(scorer, path)
        print(f"model: {path}")

    def _train_alone(self) -> None:
        """From the step done, if that is not the end; no epoch that ended goes unevaluated."""
        self._best.catch_up(self._estimator, self._done, self._test_input)
        if self._input.epochs_done >= self._flags.num_epochs:
            said = f"trained to its end, step {self._done:,}; exporting the best epoch"
            print(said, file=sys.stderr)
            return
        total = self._done + self._input.steps_left
        if self._done:
            print(f"going on from step {self._done:,} of {total:,}", file=sys.stderr)
        api = install()
        listener = InputStateListener(self._input, self._estimator.model_dir)
        hooks = [StepProgress("training", total)]
        if self._flags.patience:
            hooks.append(EarlyStopping(self._best, self._flags.patience * self._steps))
        api.train_and_evaluate(
            with_saver(self._estimator),
            api.TrainSpec(self._input, total, hooks, [listener]),
            self._eval_spec(exporters=[self._best]),
        )

    def _train_in_cluster(self) -> None:
        total = member.steps(self._input, self._flags.num_epochs, self._task, self._done)
        train_spec = install().TrainSpec(self._input, total)
        eval_spec = self._eval_spec(hooks=[StepProgress("evaluating", self._held_out.steps)])
        member.train(self._estimator, train_spec, eval_spec, self._task)

    def _eval_spec(self, **more: Any) -> Any:
        return install().EvalSpec(
            self._test_input, steps=None, start_delay_secs=0, throttle_secs=0, **more
        )

    def _test_input(self) -> tf.data.Dataset:
        return self._held_out.dataset(self._schema, inputs.keys(self._flags))

    def _last_step(self) -> int:
        """Of the last checkpoint."""
        return trained.steps(trained.checkpoint(self._flags.job_dir))

    def _line(self, result: Any) -> str:
        return evaluate.line(result, self._steps, self._flags.top)

    def _write(self) -> None:
        """What the other modes need, and other processes."""
        self._catalogue.write(self._flags.job_dir)
        flags, schema = restart.without(vars(self._flags)), json.loads(self._schema.to_json())
        contents.write_json(
            self._flags.job_dir, contents.PARAMETERS, {"flags": flags, "schema": schema}
        )
