"""One training of an Estimator on an input function: from where, to where, validated, exported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from sampling import InputFn, Schema
from sampling.checkpoint.estimator import InputStateListener
from sampling.estimator import install
from sampling.estimator.serving import serving_input_receiver_fn
from sampling.input_fn.cluster import Task
from trainer.distributed import member
from trainer.job_dir import contents, restart
from trainer.training.best import Best, EarlyStopping
from trainer.training.hooks import Speed, StepProgress
from trainer.training.saving import with_saver


class TrainingRun:
    """The steps of a training, in this process or as one of several.

    Args:
        flags: of the job; job_dir, num_epochs, batch_size, patience, eval_secs and more are used.
        task: which process this is.
        input_fn: what is trained on; it goes on where the last checkpoint was taken.
        dev_input: what is validated on.
        done: steps trained.

    Attributes:
        total: the step to train to.
        steps_per_epoch: of input_fn.

    Raises:
        SamplingError: the last checkpoint is of another input, or flags do not go with a cluster.
    """

    def __init__(
        self, flags: argparse.Namespace, task: Task, input_fn: InputFn, dev_input: Any, done: int
    ):
        self._flags, self._task, self._input, self._dev_input = flags, task, input_fn, dev_input
        self._speed = Speed()
        self.total = self._last_step(done)
        self.steps_per_epoch = input_fn.steps_per_epoch

    def train(self, estimator: Any, best: Best | None, hooks: list[Any]) -> Mapping[str, Any]:
        """Trains to the last step, or to where it gets no better.

        Args:
            best: keeps the best checkpoint.
            hooks: of each validation.

        Returns:
            What was measured on dev_input at the best step, or at the last.
        """
        api = install()
        listener = InputStateListener(self._input, self._flags.job_dir)
        evaluation, _ = api.train_and_evaluate(
            with_saver(estimator),
            api.TrainSpec(self._input, self.total, self._hooks(best), [listener]),
            self._eval_spec(best, hooks),
        )
        return best.result if best else dict(evaluation)

    def train_in_cluster(self, estimator: Any, hooks: list[Any]) -> None:
        """This process's part; see `train`."""
        train_spec = install().TrainSpec(self._input, self.total, [self._speed])
        member.train(estimator, train_spec, self._eval_spec(None, hooks), self._task)

    def export(self, estimator: Any, schema: Schema, checkpoint: str | None) -> str:
        """Writes a SavedModel to export/ in the job_dir; returns its path."""
        flags = self._flags
        receiver_fn = serving_input_receiver_fn(
            schema, flags.delimiter, flags.null_values, flags.decimal
        )
        path = estimator.export_saved_model(
            f"{flags.job_dir}/export", receiver_fn, checkpoint_path=checkpoint
        )
        print(f"model: {path.decode()}")
        return str(path.decode())

    def usage(self) -> Any:
        """How this training sampled, since it began or went on; else what is known of the last."""
        flags = self._flags
        if not self._speed.steps_per_second:
            return contents.read_json_if_any(flags.job_dir, contents.USAGE)
        rows_per_second = flags.batch_size * self._speed.steps_per_second
        found = {**self._input.usage(), "rows_per_second": rows_per_second}
        contents.write_json(flags.job_dir, contents.USAGE, found)
        return found

    def _last_step(self, done: int) -> int:
        """To train to; the input goes on where the last checkpoint was taken."""
        flags = self._flags
        if not self._task.is_alone:
            member.refuse_flags(flags, self._task, ("restart", "best_metric"))
            return member.steps(self._input, flags.num_epochs, self._task, done)
        done = restart.resumed(self._input, flags)
        if self._input.epochs_done >= flags.num_epochs:
            print(
                f"the model in {flags.job_dir} has been trained for {done:,} steps, the end of "
                f"--num_epochs={flags.num_epochs}; evaluating and exporting it",
                file=sys.stderr,
            )
            return done
        total = done + self._input.steps_left
        if done:
            print(f"going on from step {done:,} of {total:,}", file=sys.stderr)
        return total

    def _eval_spec(self, best: Best | None, hooks: list[Any]) -> Any:
        return install().EvalSpec(
            self._dev_input,
            steps=None,
            hooks=[StepProgress("evaluating", self._dev_input.steps_per_epoch), *hooks],
            exporters=[best] if best else None,
            start_delay_secs=0,
            throttle_secs=0 if best else self._flags.eval_secs,
        )

    def _hooks(self, best: Best | None) -> list[Any]:
        hooks = [StepProgress("training", self.total), self._speed]
        if best and self._flags.patience:
            hooks.append(EarlyStopping(best, self._flags.patience * self.steps_per_epoch))
        return hooks
