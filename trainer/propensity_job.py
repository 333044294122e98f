"""What the propensity job does in each mode; its flags are in propensity.py."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFnDownsampleWithWeight, cluster
from sampling.cluster import Task
from sampling.description import Description
from sampling.estimators import require_estimator
from sampling.resume import InputStateListener
from sampling.schema import FORWARDED_SUFFIX
from sampling.serving import serving_input_receiver_fn
from trainer import (
    classifier,
    columns,
    distributed,
    exported,
    metrics,
    predictions,
    quiet,
    restart,
    results,
    warm_start,
)
from trainer.best import Best, EarlyStopping
from trainer.parameters import Parameters
from trainer.progress import Progress, Speed
from trainer.reporting import Reporting, reporting, said_of_outputs

_BEST = "best"
_TEST_BATCH = 1024  # where nothing is learned, larger batches are only faster


def run(given: argparse.Namespace) -> None:
    """See `propensity.run`."""
    quiet.quieten_tensorflow()
    require_estimator()
    task = distributed.enter() if given.mode == "train" else Task()
    modes: dict[str, Callable[[Parameters], None]] = {
        "train": lambda parameters: train(parameters, task),
        "evaluate": evaluate,
        "predict": predict,
    }
    parameters = Parameters.resolve(vars(given))
    with quiet.plain_errors():
        modes[given.mode](parameters)


def train(parameters: Parameters, task: Task) -> None:
    """Trains from the last checkpoint, if there is one, to the last step, or to where it gets no
    better; then evaluates and exports. As one process of several, it does that process's part."""
    flags, schema = parameters.flags, parameters.schema
    input_fn = _training_input(parameters)
    test_input = _test_input(parameters)
    dev_input = _test_input(parameters, flags.dev_dir) if flags.dev_dir else test_input
    for labelled in (test_input, dev_input):
        labelled("eval")  # files without labels are refused now, not after the training
    is_alone = task.workers == 1 and task.type == cluster.CHIEF
    if flags.best_metric and not is_alone:
        raise ValueError(
            f"--best_metric is {flags.best_metric}, and TF_CONFIG names a cluster, whose "
            "checkpoints are not compared; leave it out, or train in one process"
        )
    if is_alone:
        total = _resumed(parameters, input_fn)
    else:
        total = distributed.steps(input_fn, flags, task, parameters.trained_steps)
    parameters = parameters._replace(prior=input_fn.prior())
    parameters = parameters.with_scales(lambda: columns.measure(input_fn))
    if task.type == cluster.CHIEF:
        outputs = said_of_outputs(parameters)
        print(Description(**input_fn.describe(), outputs=outputs), flush=True)
        parameters.write()
    estimator = _estimator(parameters, input_fn.steps_per_epoch, total)
    speed = Speed()

    def usage() -> Any:
        return _usage(parameters, input_fn, speed)

    report = reporting(parameters, usage, files=flags.dev_dir)
    evaluation: Mapping[str, Any] | None = None
    if best := _best(parameters, input_fn.steps_per_epoch):
        best.catch_up(estimator, parameters.trained_steps, dev_input)
    if not is_alone:
        distributed.train(estimator, input_fn, dev_input, total, flags.eval_secs, task, [speed])
        if task.type != cluster.CHIEF:
            return
    elif parameters.trained_steps != total:
        hooks = [Progress("training", total), speed]
        evaluation = _trained(estimator, parameters, input_fn, total, dev_input, hooks, report)
    is_of_other = report and evaluation and report.step != evaluation["global_step"]
    if evaluation is None or flags.dev_dir or is_of_other:  # the best step may not be the last
        report = reporting(parameters, usage, _summaries(parameters))
        evaluation = _evaluated(parameters, estimator, test_input, report)
    _report(parameters, evaluation, report)
    receiver_fn = serving_input_receiver_fn(schema, flags.delimiter, flags.null_values)
    exported = estimator.export_saved_model(
        f"{flags.job_dir}/export", receiver_fn, checkpoint_path=_checkpoint(parameters)
    )
    print(f"model: {exported.decode()}")


def _trained(
    estimator: Any,
    parameters: Parameters,
    input_fn: InputFnDownsampleWithWeight,
    total: int,
    dev_input: InputFnDownsampleWithWeight,
    hooks: list[Any],
    report: Reporting | None,
) -> Mapping[str, Any]:
    """Trains and validates; returns what was measured at the best step, or at the last."""
    api, flags, steps = require_estimator(), parameters.flags, input_fn.steps_per_epoch
    listener = InputStateListener(input_fn, flags.job_dir)
    best = _best(parameters, steps)
    if best and flags.patience:
        hooks = [*hooks, EarlyStopping(best, flags.patience * steps)]
    evaluation, _ = api.train_and_evaluate(
        estimator,
        api.TrainSpec(input_fn, total, hooks, [listener]),
        api.EvalSpec(
            dev_input,
            steps=None,
            hooks=_evaluating(dev_input, report),
            exporters=[best] if best else None,
            start_delay_secs=0,
            throttle_secs=0 if best else flags.eval_secs,
        ),
    )
    return best.result if best else dict(evaluation)


def evaluate(parameters: Parameters) -> None:
    """Measures the model of the last checkpoint, or the best."""
    report = reporting(parameters, lambda: _usage(parameters), _summaries(parameters))
    estimator, test_input = _estimator(parameters), _test_input(parameters)
    _report(parameters, _evaluated(parameters, estimator, test_input, report), report)


def predict(parameters: Parameters) -> None:
    """Writes a JSON line for each row, in the order of the files."""
    flags, test_input = parameters.flags, _test_input(parameters)
    checkpoint = _checkpoint(parameters) or tf.train.latest_checkpoint(flags.job_dir)
    answers = _exported_answers if flags.export_dir else _estimator_answers

    def batches() -> Iterator[dict[str, np.ndarray]]:
        found = answers(parameters, test_input, checkpoint)
        return (_predicted(batch, parameters) for batch in found)

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, test_input, batches, about)
    print(f"{test_input.rows_per_epoch:,} predictions: {path}")


def _estimator_answers(
    parameters: Parameters, test_input: InputFnDownsampleWithWeight, checkpoint: str
) -> Iterator[Mapping[str, np.ndarray]]:
    return _estimator(parameters).predict(
        test_input,
        hooks=[Progress("predicting", test_input.steps_left)],
        checkpoint_path=checkpoint,
        yield_single_examples=False,
    )


def _exported_answers(
    parameters: Parameters, test_input: InputFnDownsampleWithWeight, _: str
) -> Iterator[Mapping[str, np.ndarray]]:
    forwarded = parameters.schema.features_to_forward
    for batch in exported.predict(parameters.flags.export_dir, test_input):
        yield {**batch, **{name + FORWARDED_SUFFIX: batch[name] for name in forwarded}}


def _predicted(batch: Mapping[str, Any], parameters: Parameters) -> dict[str, np.ndarray]:
    forwarded = {
        name: batch[name + FORWARDED_SUFFIX] for name in parameters.schema.features_to_forward
    }
    probability = batch["logistic"][:, 0]
    classes = (probability >= parameters.threshold).astype(int)
    return {**forwarded, "probability": probability, "class": classes}


def _training_input(parameters: Parameters) -> InputFnDownsampleWithWeight:
    flags = parameters.flags
    return InputFnDownsampleWithWeight(
        flags.positive_dir,
        flags.negative_dir,
        schema=parameters.schema,
        is_train=True,
        batch_size=flags.batch_size,
        num_epochs=flags.num_epochs,
        positive_size=flags.positive_size,
        negative_size=flags.negative_size,
        multiplier=flags.multiplier,
        weight=flags.weight,
        normalize_weights=flags.normalize_weights,
        seed=flags.seed,
        pool_rows=flags.pool_rows,
        **parameters.file_options,
    )


def _test_input(
    parameters: Parameters, test_dir: list[str] | None = None
) -> InputFnDownsampleWithWeight:
    """All rows in the order of the files; labels are there if the files have them."""
    return InputFnDownsampleWithWeight(
        test_dir=test_dir or parameters.flags.test_dir,
        schema=parameters.schema,
        batch_size=_TEST_BATCH,
        **parameters.file_options,
    )


def _estimator(parameters: Parameters, steps_per_epoch: int = 1, total_steps: int = 1) -> Any:
    flags, schema, scales = parameters.flags, parameters.schema, parameters.scales or {}
    # one takes about as long as 200 steps
    every = steps_per_epoch if flags.best_metric else min(max(steps_per_epoch, 500), 10_000)
    config = require_estimator().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=flags.checkpoint_steps or every,
    )
    is_new = flags.mode == "train" and flags.warm_start_dir and not parameters.trained_steps
    start = warm_start.settings(flags) if is_new else None
    return classifier.build(
        flags,
        schema,
        scales,
        config,
        total_steps,
        warm_start=start,
        correction=parameters.correction,
        threshold=parameters.threshold,
    )


def _best(parameters: Parameters, steps_per_epoch: int) -> Best | None:
    metric = parameters.flags.best_metric
    if metric is None:
        return None

    def line(result: Mapping[str, Any]) -> str:
        measured = metrics.plain(result)
        shown = "  ".join(
            f"{name} {measured[name]:.4f}" for name in dict.fromkeys((metric, "log_loss", "auc"))
        )
        return f"epoch {result['global_step'] / steps_per_epoch:>3.0f}  {shown}"

    directory = f"{parameters.flags.job_dir}/{_BEST}"
    return Best(directory, metrics.NAMES[metric], line, parameters.trained_steps)


def _checkpoint(parameters: Parameters) -> str | None:
    """The best one, or None for the last."""
    flags = parameters.flags
    return tf.train.latest_checkpoint(f"{flags.job_dir}/{_BEST}") if flags.best_metric else None


def _summaries(parameters: Parameters) -> str:
    """The folder of what `_evaluated` summarizes: a curve of its own in TensorBoard."""
    return "eval_test" if parameters.flags.dev_dir else "eval"


def _evaluated(
    parameters: Parameters, estimator: Any, test_input: Any, report: Reporting | None
) -> dict[str, Any]:
    return dict(
        estimator.evaluate(
            test_input,
            hooks=_evaluating(test_input, report),
            checkpoint_path=_checkpoint(parameters),
            name=_summaries(parameters).removeprefix("eval").lstrip("_") or None,
        )
    )


def _evaluating(test_input: Any, report: Reporting | None) -> list[Any]:
    """The hooks of an evaluation."""
    progress = Progress("evaluating", test_input.steps_per_epoch)
    return [progress, report] if report else [progress]


def _usage(parameters: Parameters, input_fn: Any = None, speed: Speed | None = None) -> Any:
    """How the training sampled, since it began or went on; else what is known of the last one."""
    flags = parameters.flags
    if not speed or not speed.steps_per_second:
        return results.read_json_if_any(flags.job_dir, results.USAGE)
    rows_per_second = flags.batch_size * speed.steps_per_second
    found = {**input_fn.usage(), "rows_per_second": rows_per_second}
    results.write_json(flags.job_dir, results.USAGE, found)
    return found


def _resumed(parameters: Parameters, input_fn: InputFnDownsampleWithWeight) -> int:
    """Goes to where the last checkpoint was taken, and returns the step to train to."""
    flags = parameters.flags
    done = restart.resumed(input_fn, flags)
    if input_fn.epochs_done >= flags.num_epochs:
        print(
            f"the model in {flags.job_dir} has been trained for {done:,} steps, the end of "
            f"--num_epochs={flags.num_epochs}; evaluating and exporting it",
            file=sys.stderr,
        )
        return done
    total = done + input_fn.steps_left
    if done:
        print(f"going on from step {done:,} of {total:,}", file=sys.stderr)
    return total


def _report(
    parameters: Parameters, evaluation: Mapping[str, Any], report: Reporting | None
) -> None:
    flags = parameters.flags
    measured = {"step": int(evaluation["global_step"]), **metrics.plain(evaluation)}
    measured.update(report.measured if report else {})
    print("", results.table(measured), "", sep="\n")
    about = {
        "test_dir": flags.test_dir,
        "threshold": parameters.threshold,
        "corrected": parameters.correction is not None,
    }
    path = results.write_json(flags.job_dir, results.EVALUATION, {**measured, **about})
    print(f"evaluation: {path}", flush=True)
