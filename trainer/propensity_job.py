"""What the propensity job does in each mode; its flags are in propensity.py."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import InputFnDownsampleWithWeight
from sampling.estimators import require_estimator
from sampling.resume import InputStateListener
from sampling.schema import FORWARDED_SUFFIX
from sampling.serving import serving_input_receiver_fn
from trainer import classifier, columns, metrics, predictions, quiet, restart, results
from trainer.parameters import Parameters
from trainer.progress import Progress

_TEST_BATCH = 1024  # where nothing is learned, larger batches are only faster


def run(given: argparse.Namespace) -> None:
    """See `propensity.run`."""
    quiet.quieten_tensorflow()
    require_estimator()
    modes: dict[str, Callable[[Parameters], None]] = {
        "train": train,
        "evaluate": evaluate,
        "predict": predict,
    }
    parameters = Parameters.resolve(vars(given))
    with quiet.plain_errors():
        modes[given.mode](parameters)


def train(parameters: Parameters) -> None:
    """Trains to the last step, from the last checkpoint if there is one; evaluates and exports."""
    flags, schema = parameters.flags, parameters.schema
    input_fn = _training_input(parameters)
    test_input = _test_input(parameters)
    test_input("eval")  # files without labels are refused now, not after the training
    total = _resumed(parameters, input_fn)
    print(input_fn.describe(), flush=True)
    parameters = parameters.with_scales(lambda: columns.measure(input_fn))
    parameters.write()
    estimator = _estimator(parameters, input_fn.steps_per_epoch, total)
    evaluating = Progress("evaluating", test_input.steps_per_epoch)
    if parameters.trained_steps == total:
        evaluation = estimator.evaluate(test_input, hooks=[evaluating])
    else:
        evaluation = _trained(estimator, parameters, input_fn, total, test_input, evaluating)
    _report(parameters, evaluation)
    receiver_fn = serving_input_receiver_fn(schema, flags.delimiter, flags.null_values)
    exported = estimator.export_saved_model(f"{flags.job_dir}/export", receiver_fn)
    print(f"model: {exported.decode()}")


def _trained(
    estimator: Any,
    parameters: Parameters,
    input_fn: InputFnDownsampleWithWeight,
    total: int,
    test_input: InputFnDownsampleWithWeight,
    evaluating: Progress,
) -> Any:
    """Trains, and returns the last evaluation."""
    api, flags = require_estimator(), parameters.flags
    listener = InputStateListener(input_fn, flags.job_dir)
    evaluation, _ = api.train_and_evaluate(
        estimator,
        api.TrainSpec(input_fn, total, [Progress("training", total)], [listener]),
        api.EvalSpec(
            test_input,
            steps=None,
            hooks=[evaluating],
            start_delay_secs=0,
            throttle_secs=flags.eval_secs,
        ),
    )
    return evaluation


def evaluate(parameters: Parameters) -> None:
    """Measures the model of the last checkpoint."""
    test_input = _test_input(parameters)
    progress = Progress("evaluating", test_input.steps_per_epoch)
    _report(parameters, _estimator(parameters).evaluate(test_input, hooks=[progress]))


def predict(parameters: Parameters) -> None:
    """Writes a JSON line for each row, in the order of the files."""
    flags = parameters.flags
    test_input = _test_input(parameters)
    estimator, checkpoint = _estimator(parameters), tf.train.latest_checkpoint(flags.job_dir)

    def batches() -> Iterator[dict[str, np.ndarray]]:
        progress = Progress("predicting", test_input.steps_left)
        found = estimator.predict(
            test_input,
            hooks=[progress],
            checkpoint_path=checkpoint,
            yield_single_examples=False,
        )
        return (_predicted(batch, parameters) for batch in found)

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, test_input, batches, about)
    print(f"{test_input.rows_per_epoch:,} predictions: {path}")


def _predicted(batch: dict[str, Any], parameters: Parameters) -> dict[str, np.ndarray]:
    forwarded = {
        name: batch[name + FORWARDED_SUFFIX] for name in parameters.schema.features_to_forward
    }
    probability = batch["logistic"][:, 0]
    classes = (probability >= parameters.flags.threshold).astype(int)
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


def _test_input(parameters: Parameters) -> InputFnDownsampleWithWeight:
    """All rows in the order of the files; labels are there if the files have them."""
    return InputFnDownsampleWithWeight(
        test_dir=parameters.flags.test_dir,
        schema=parameters.schema,
        batch_size=_TEST_BATCH,
        **parameters.file_options,
    )


def _estimator(parameters: Parameters, steps_per_epoch: int = 1, total_steps: int = 1) -> Any:
    flags, schema, scales = parameters.flags, parameters.schema, parameters.scales or {}
    config = require_estimator().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        # one takes about as long as 200 steps
        save_checkpoints_steps=flags.checkpoint_steps or min(max(steps_per_epoch, 500), 10_000),
    )
    return classifier.build(flags, schema, scales, config, total_steps)


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


def _report(parameters: Parameters, evaluation: dict[str, Any]) -> None:
    flags = parameters.flags
    measured = {"step": int(evaluation["global_step"]), **metrics.plain(evaluation)}
    print("", results.table(measured), "", sep="\n")
    about = {"test_dir": flags.test_dir, "threshold": flags.threshold}
    path = results.write_json(flags.job_dir, results.EVALUATION, {**measured, **about})
    print(f"evaluation: {path}", flush=True)
