"""The propensity job's mode train."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sampling.checkpoint.estimator import InputStateListener, step_of
from sampling.estimator import install
from sampling.estimator.serving import serving_input_receiver_fn
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from sampling.input_fn.description import Description
from trainer.distributed import member
from trainer.job_dir import contents, restart
from trainer.propensity import automatic, calibrate, checkpoints, evaluate, importance, inputs
from trainer.propensity.model import baseline, features, measuring
from trainer.propensity.options import AUTO
from trainer.propensity.parameters import Parameters
from trainer.propensity.reporting import Reporting, reporting, said_of_outputs
from trainer.training.best import Best, EarlyStopping
from trainer.training.hooks import Speed, StepProgress


class PropensityTraining:
    """Trains from the last checkpoint, if there is one, to the last step, or to where it gets no
    better; then evaluates and exports. As one process of several, it does that process's part.

    Args:
        parameters: flags, schema, and what is known of a model that was begun.
        task: which process this is.

    Raises:
        SamplingError: flags do not go together, files have no labels or are not as the schema
            says, or the last checkpoint is of another input.
    """

    def __init__(self, parameters: Parameters, task: Task):
        self._task = task
        self._best: Best | None = None
        parameters = automatic.settled(parameters)
        # what is learned from here on is calibrated at the end
        parameters = parameters._replace(calibration=None, calibrated_step=0)
        self._open(parameters)
        self._total = self._last_step(parameters)
        parameters = self._measured_columns(parameters._replace(prior=self._input.prior()))
        # only what is evaluated on the test rows while training needs it from the start
        is_needed_now = not parameters.flags.dev_dir
        self._parameters = self._with_baseline(parameters) if is_needed_now else parameters
        self._steps_per_epoch = self._input.steps_per_epoch
        self._speed = Speed()

    def run(self) -> None:
        is_chief = self._task.type == cluster.CHIEF
        if is_chief:
            self._describe()
        self._estimator = checkpoints.estimator(
            self._parameters, self._steps_per_epoch, self._total
        )
        measured = None
        if self._task.is_alone:
            measured = self._train_alone()
        else:
            self._train_in_cluster()
        if is_chief:
            self._calibrate_and_compare()
            evaluation, report = measured or self._measured()
            found = evaluate.write(self._parameters, evaluation, report)
            path = self._export()
            if report:
                rises = self._importance(path) if self._task.is_alone else None
                evaluate.write_report(self._parameters, report, rises)
            evaluate.warn(found)

    def _open(self, parameters: Parameters) -> None:
        dev_dir = parameters.flags.dev_dir
        self._input = inputs.training(parameters)
        self._test_input = inputs.test(parameters)
        self._dev_input = self._test_input
        if dev_dir:
            self._dev_input = inputs.test(parameters, dev_dir)
        for labelled in (self._test_input, self._dev_input):
            labelled("eval")  # files without labels are refused now, not after the training

    def _measured_columns(self, parameters: Parameters) -> Parameters:
        if parameters.flags.model != "wide_deep":
            return parameters.with_scales(lambda: features.measure(self._input))
        if parameters.columns is not None:  # a model goes on with those it began with
            return parameters
        rows = measuring.rows_to_measure(parameters.input_schema)
        return parameters._replace(columns=measuring.measure(inputs.as_they_are(parameters, rows)))

    def _with_baseline(self, parameters: Parameters) -> Parameters:
        """Fitted once, by the process that evaluates."""
        columns, is_chief = parameters.columns, self._task.type == cluster.CHIEF
        if not (is_chief and columns and parameters.flags.baseline == AUTO):
            return parameters._replace(baseline=None)
        if parameters.baseline is not None:
            return parameters
        epoch = inputs.training(parameters, num_epochs=1, batch_size=inputs.TEST_BATCH)
        return parameters._replace(baseline=baseline.fit(epoch, columns))

    def _calibrate_and_compare(self) -> None:
        parameters = calibrate.calibrated(self._parameters, self._dev_input)
        parameters = self._with_baseline(parameters)
        if parameters != self._parameters:
            self._parameters = parameters
            parameters.write()
            self._estimator = checkpoints.estimator(parameters, self._steps_per_epoch, self._total)

    def _last_step(self, parameters: Parameters) -> int:
        """To train to; the input goes on where the last checkpoint was taken."""
        flags = parameters.flags
        if not self._task.is_alone:
            member.refuse_flags(flags, self._task, ("restart", "best_metric"))
            done = parameters.trained_steps
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

    def _describe(self) -> None:
        outputs = said_of_outputs(self._parameters)
        print(Description(**self._input.describe(), outputs=outputs), flush=True)
        self._parameters.write()

    def _train_in_cluster(self) -> None:
        train_spec = install().TrainSpec(self._input, self._total, [self._speed])
        member.train(self._estimator, train_spec, self._eval_spec(), self._task)

    def _train_alone(self) -> tuple[Mapping[str, Any], Reporting | None] | None:
        """What was measured on test_dir, and its report, if that is of the step that counts."""
        done, dev_dir = self._parameters.trained_steps, self._parameters.flags.dev_dir
        self._best = checkpoints.best(self._parameters, self._steps_per_epoch)
        if self._best:
            self._best.catch_up(self._estimator, done, self._dev_input)
        if done == self._total:
            return None
        report = None if dev_dir else reporting(self._parameters, self._usage, each=True)
        evaluation = self._train_and_validate(report)
        is_of_other = report and report.step != evaluation["global_step"]  # the best may be earlier
        return None if dev_dir or is_of_other else (evaluation, report)

    def _train_and_validate(self, report: Reporting | None) -> Mapping[str, Any]:
        """What was measured on dev_dir at the best step, or at the last."""
        api = install()
        listener = InputStateListener(self._input, self._parameters.flags.job_dir)
        evaluation, _ = api.train_and_evaluate(
            self._estimator,
            api.TrainSpec(self._input, self._total, self._hooks(), [listener]),
            self._eval_spec(report),
        )
        return self._best.result if self._best else dict(evaluation)

    def _eval_spec(self, report: Reporting | None = None) -> Any:
        return install().EvalSpec(
            self._dev_input,
            steps=None,
            hooks=evaluate.hooks(self._dev_input, report),
            exporters=[self._best] if self._best else None,
            start_delay_secs=0,
            throttle_secs=0 if self._best else self._parameters.flags.eval_secs,
        )

    def _hooks(self) -> list[Any]:
        hooks = [StepProgress("training", self._total), self._speed]
        patience = self._parameters.flags.patience
        if self._best and patience:
            hooks.append(EarlyStopping(self._best, patience * self._steps_per_epoch))
        return hooks

    def _measured(self) -> tuple[Mapping[str, Any], Reporting | None]:
        summaries = evaluate.summaries(self._parameters)
        report = reporting(self._parameters, self._usage, summaries)
        evaluation = evaluate.evaluated(self._parameters, self._estimator, self._test_input, report)
        return evaluation, report

    def _importance(self, path: str) -> Mapping[str, tuple[float, float]]:
        flags = self._parameters.flags
        found = importance.measure(path, inputs.mixed(self._parameters), flags.seed or 0)
        step = step_of(checkpoints.latest(self._parameters))
        known = {"step": step, "log_loss_rises": found}
        contents.write_json(flags.job_dir, contents.IMPORTANCE, known)
        return found

    def _export(self) -> str:
        flags = self._parameters.flags
        receiver_fn = serving_input_receiver_fn(
            self._parameters.input_schema, flags.delimiter, flags.null_values, flags.decimal
        )
        path = self._estimator.export_saved_model(
            f"{flags.job_dir}/export",
            receiver_fn,
            checkpoint_path=checkpoints.checkpoint(self._parameters),
        )
        print(f"model: {path.decode()}")
        return str(path.decode())

    def _usage(self) -> Any:
        """How this training sampled, since it began or went on; else what is known of the last."""
        flags = self._parameters.flags
        if not self._speed.steps_per_second:
            return contents.read_json_if_any(flags.job_dir, contents.USAGE)
        rows_per_second = flags.batch_size * self._speed.steps_per_second
        found = {**self._input.usage(), "rows_per_second": rows_per_second}
        contents.write_json(flags.job_dir, contents.USAGE, found)
        return found
