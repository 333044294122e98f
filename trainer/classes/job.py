"""What the job of many classes does in each mode; its flags are in options.py."""

from __future__ import annotations

import argparse

from trainer.classes.evaluate import evaluate
from trainer.classes.parameters import ClassesParameters
from trainer.classes.predict import predict
from trainer.classes.train import ClassesTraining
from trainer.classification import job


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says; see `trainer.classification.job.run`."""
    job.run(
        given,
        ClassesParameters.resolve,
        {
            "train": lambda parameters, task: ClassesTraining(parameters, task).run(),
            "evaluate": lambda parameters, _: evaluate(parameters),
            "predict": lambda parameters, _: predict(parameters),
        },
    )
