"""The propensity job's mode train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.checkpoint.estimator import step_of
from sampling.features import measuring
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from sampling.input_fn.description import Description
from trainer.classification import importance, job
from trainer.classification.importance import Rises
from trainer.classification.run import TrainingRun
from trainer.propensity import automatic, calibrate, checkpoints, evaluate, inputs
from trainer.propensity.model import features
from trainer.propensity.options import AUTO
from trainer.propensity.parameters import Parameters
from trainer.propensity.reporting import Reporting, reporting, said_of_outputs
from trainer.wide_deep import baseline


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
        parameters = automatic.settled(parameters)
        # what is learned from here on is calibrated at the end
        parameters = parameters._replace(calibration=None, calibrated_step=0)
        self._open(parameters)
        done = parameters.trained_steps
        self._run = TrainingRun(parameters.flags, task, self._input, self._dev_input, done)
        parameters = self._measured_columns(parameters._replace(prior=self._input.prior()))
        # only what is evaluated on the test rows while training needs it from the start
        is_needed_now = not parameters.flags.dev_dir
        self._parameters = self._with_baseline(parameters) if is_needed_now else parameters

    def run(self) -> None:
        is_chief = self._task.type == cluster.CHIEF
        if is_chief:
            self._describe()
        self._make_estimator()
        measured = None
        if self._task.is_alone:
            measured = self._train_alone()
        else:
            self._run.train_in_cluster(self._estimator, [])
        if is_chief:
            self._calibrate_and_compare()
            evaluation, report = measured or self._measured()
            found = evaluate.write(self._parameters, evaluation, report)
            path = self._run.export(
                self._estimator,
                self._parameters.input_schema,
                checkpoints.checkpoint(self._parameters),
            )
            if report:
                rises = self._importance(path) if self._task.is_alone else None
                evaluate.write_report(self._parameters, report, rises)
            job.warn(found)

    def _make_estimator(self) -> None:
        self._estimator = checkpoints.estimator(
            self._parameters, self._run.steps_per_epoch, self._run.total
        )

    def _open(self, parameters: Parameters) -> None:
        dev_dir = parameters.flags.dev_dir
        self._input = inputs.training(parameters)
        self._test_input = inputs.test(parameters)
        self._dev_input = self._test_input
        if dev_dir:
            self._dev_input = inputs.test(parameters, dev_dir)
        # files without labels are refused now, not after the training
        for labelled in (self._test_input, self._dev_input):
            labelled.check_mode("eval")

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
            self._make_estimator()

    def _describe(self) -> None:
        outputs = said_of_outputs(self._parameters)
        print(Description(**self._input.describe(), outputs=outputs), flush=True)
        self._parameters.write()

    def _train_alone(self) -> tuple[Mapping[str, Any], Reporting | None] | None:
        """What was measured on test_dir, and its report, if that is of the step that counts."""
        done, dev_dir = self._parameters.trained_steps, self._parameters.flags.dev_dir
        best = checkpoints.best(self._parameters, self._run.steps_per_epoch)
        if best:
            best.catch_up(self._estimator, done, self._dev_input)
        if done == self._run.total:
            return None
        report = None if dev_dir else reporting(self._parameters, self._run.usage, each=True)
        evaluation = self._run.train(self._estimator, best, [report] if report else [])
        is_of_other = report and report.step != evaluation["global_step"]  # the best may be earlier
        return None if dev_dir or is_of_other else (evaluation, report)

    def _measured(self) -> tuple[Mapping[str, Any], Reporting | None]:
        summaries = evaluate.summaries(self._parameters)
        report = reporting(self._parameters, self._run.usage, summaries)
        evaluation = evaluate.evaluated(self._parameters, self._estimator, self._test_input, report)
        return evaluation, report

    def _importance(self, path: str) -> Rises:
        flags = self._parameters.flags
        found = importance.measure(path, inputs.mixed(self._parameters), flags.seed or 0)
        importance.remember(flags.job_dir, step_of(checkpoints.latest(self._parameters)), found)
        return found
