"""The propensity job's mode predict."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sampling import InputFnDownsampleWithWeight
from sampling.schema import FORWARDED_SUFFIX
from trainer.job_dir import predictions, trained
from trainer.propensity import checkpoints, inputs
from trainer.propensity.parameters import Parameters
from trainer.training import exported
from trainer.training.hooks import StepProgress


def predict(parameters: Parameters) -> None:
    """Writes a JSON line for each row, in the order of the files."""
    flags, test_input = parameters.flags, inputs.unlabelled(parameters)
    checkpoint = checkpoints.checkpoint(parameters) or trained.checkpoint(flags.job_dir) or ""
    answers = _exported_answers if flags.export_dir else _estimator_answers

    def batches() -> Iterator[dict[str, np.ndarray]]:
        found = answers(parameters, test_input, checkpoint)
        return (_predicted(batch, parameters) for batch in found)

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, test_input, batches, about, flags.output)
    print(f"{test_input.rows_per_epoch:,} predictions: {path}")


def _estimator_answers(
    parameters: Parameters, test_input: InputFnDownsampleWithWeight, checkpoint: str
) -> Iterator[Mapping[str, np.ndarray]]:
    return checkpoints.estimator(parameters).predict(
        test_input,
        hooks=[StepProgress("predicting", test_input.steps_left)],
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
    if names := parameters.schema.classes:
        classes = np.array([name.encode() for name in names], object)[classes]
    return {**forwarded, "probability": probability, "class": classes}
