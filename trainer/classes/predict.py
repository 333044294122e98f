"""The mode predict of the job of many classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sampling.schema import FORWARDED_SUFFIX
from trainer.classes import inputs, model
from trainer.classes.parameters import CLASS, PROBABILITY, ClassesParameters
from trainer.classification import checkpoints
from trainer.job_dir import predictions
from trainer.training import exported
from trainer.training.hooks import StepProgress


def predict(parameters: ClassesParameters) -> None:
    """Writes a JSON line for each row, in the order of the files."""
    flags, test_input = parameters.flags, inputs.unlabelled(parameters)
    checkpoint = checkpoints.latest(flags)

    def answers() -> Iterator[Mapping[str, np.ndarray]]:
        if flags.export_dir:
            return exported.predict(flags.export_dir, test_input)
        found: Iterator[Mapping[str, np.ndarray]] = model.estimator(parameters).predict(
            test_input,
            hooks=[StepProgress("predicting", test_input.steps_left)],
            checkpoint_path=checkpoint,
            yield_single_examples=False,
        )
        return found

    def batches() -> Iterator[dict[str, np.ndarray]]:
        return (_predicted(batch, parameters) for batch in answers())

    about = {"checkpoint": os.path.basename(checkpoint), "flags": vars(flags)}
    path = predictions.write(flags.job_dir, test_input, batches, about, flags.output)
    print(f"{test_input.rows_per_epoch:,} predictions: {path}")


def _predicted(batch: Mapping[str, Any], parameters: ClassesParameters) -> dict[str, np.ndarray]:
    schema, of_class = parameters.schema, batch["probabilities"]
    return {
        **{name: batch[name + FORWARDED_SUFFIX] for name in schema.features_to_forward},
        CLASS: batch["classes"][:, 0],
        **{PROBABILITY + name: of_class[:, place] for place, name in enumerate(schema.classes)},
    }
