"""What the propensity job does in each mode; its flags are in options.py."""

from __future__ import annotations

import argparse

from trainer.classification import job
from trainer.propensity.evaluate import evaluate
from trainer.propensity.parameters import Parameters
from trainer.propensity.predict import predict
from trainer.propensity.train import PropensityTraining


def run(given: argparse.Namespace) -> None:
    """Does what `mode` says; see `trainer.classification.job.run`."""
    job.run(
        given,
        Parameters.resolve,
        {
            "train": lambda parameters, task: PropensityTraining(parameters, task).run(),
            "evaluate": lambda parameters, _: evaluate(parameters),
            "predict": lambda parameters, _: predict(parameters),
        },
    )
