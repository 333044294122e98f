"""The mode train of the job of many classes."""

from __future__ import annotations

from sampling.features import measuring
from sampling.input_fn import cluster
from sampling.input_fn.cluster import Task
from trainer.classes import calibrate, evaluate, inputs, metrics, model, reporting
from trainer.classes.options import AUTO
from trainer.classes.parameters import ClassesParameters
from trainer.classification import checkpoints, importance, job
from trainer.classification.importance import Rises
from trainer.classification.run import TrainingRun
from trainer.wide_deep import baseline


class ClassesTraining:
    """Trains from the last checkpoint, if there is one, to the last step, or to where it gets no
    better; then calibrates, evaluates and exports. Of several processes each does its part.

    Args:
        parameters: flags, schema, and what is known of a model that was begun.
        task: which process this is.

    Raises:
        SamplingError: flags do not go together, files have no labels or are not as the schema
            says, or the last checkpoint is of another input.
    """

    def __init__(self, parameters: ClassesParameters, task: Task):
        self._task, self._is_chief = task, task.type == cluster.CHIEF
        parameters = inputs.settled(parameters)
        # what is learned from here on is calibrated at the end
        parameters = parameters._replace(calibration=None, calibrated_step=0)
        flags = parameters.flags
        self._input = inputs.training(parameters)
        self._test_input = self._dev_input = inputs.test(parameters)
        if flags.dev_dir:
            self._dev_input = inputs.test(parameters, flags.dev_dir)
        # files without labels are refused now, not after the training
        for labelled in (self._test_input, self._dev_input):
            labelled.check_mode("eval")
        self._run = TrainingRun(flags, task, self._input, self._dev_input, parameters.trained_steps)
        self._parameters = self._measured_columns(parameters)

    def run(self) -> None:
        if self._is_chief:
            print(reporting.described(self._input, self._parameters), flush=True)
            self._parameters.write()
        self._make_estimator()
        if self._task.is_alone:
            self._train_alone()
        else:
            self._run.train_in_cluster(self._estimator, [])
        if self._is_chief:
            self._calibrate_and_compare()
            found = evaluate.evaluated(self._parameters, self._estimator, self._test_input)
            said, flags = evaluate.write(self._parameters, found), self._parameters.flags
            path = self._run.export(
                self._estimator, self._parameters.input_schema, checkpoints.chosen(flags)
            )
            if flags.report:
                rises = self._importance(path, found.step) if self._task.is_alone else None
                evaluate.write_report(self._parameters, found, self._run.usage(), rises)
            job.warn(said)

    def _measured_columns(self, parameters: ClassesParameters) -> ClassesParameters:
        if parameters.columns is not None:  # a model goes on with those it began with
            return parameters
        rows = measuring.rows_to_measure(parameters.input_schema)
        return parameters._replace(columns=measuring.measure(inputs.as_they_are(parameters, rows)))

    def _with_baseline(self, parameters: ClassesParameters) -> ClassesParameters:
        """Fitted once; nothing while training is compared with it."""
        if parameters.flags.baseline != AUTO or parameters.columns is None:
            return parameters._replace(baseline=None)
        if parameters.baseline is not None:
            return parameters
        epoch = inputs.training(parameters, num_epochs=1, batch_size=inputs.TEST_BATCH)
        fitted = baseline.fit(epoch, parameters.columns, len(parameters.schema.classes))
        return parameters._replace(baseline=fitted)

    def _importance(self, path: str, step: int) -> Rises:
        flags = self._parameters.flags
        found = importance.measure(path, inputs.mixed(self._parameters), flags.seed or 0)
        importance.remember(flags.job_dir, step, found)
        return found

    def _make_estimator(self) -> None:
        steps, total = self._run.steps_per_epoch, self._run.total
        self._estimator = model.estimator(self._parameters, steps, total)

    def _train_alone(self) -> None:
        flags, done = self._parameters.flags, self._parameters.trained_steps
        shown = ("log_loss", "accuracy")
        best = checkpoints.best(flags, metrics.NAMES, self._run.steps_per_epoch, done, shown)
        if best:
            best.catch_up(self._estimator, done, self._dev_input)
        if done < self._run.total:
            self._run.train(self._estimator, best, [])

    def _calibrate_and_compare(self) -> None:
        parameters = calibrate.calibrated(self._parameters, self._dev_input)
        parameters = self._with_baseline(parameters)
        if parameters != self._parameters:
            self._parameters = parameters
            parameters.write()
            self._make_estimator()
