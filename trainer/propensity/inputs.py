"""What the propensity job reads: both classes to train on, and labelled files as they are."""

from __future__ import annotations

import argparse
from typing import Any

from sampling import InputFnDownsampleWithWeight
from sampling.command_line.common import file_options
from trainer.classification.unlabelled import without_labels
from trainer.propensity.parameters import Parameters

TEST_BATCH = 1024  # where nothing is learned, larger batches are only faster


def training(parameters: Parameters, **instead: Any) -> InputFnDownsampleWithWeight:
    """What is trained on; `instead` are values of flags, in the place of those given."""
    flags = argparse.Namespace(**{**vars(parameters.flags), **instead})
    return InputFnDownsampleWithWeight(
        flags.positive_dir,
        flags.negative_dir,
        schema=parameters.input_schema,
        is_train=True,
        batch_size=flags.batch_size,
        num_epochs=flags.num_epochs,
        positive_size=flags.positive_size,
        negative_size=flags.negative_size,
        multiplier=flags.multiplier,
        epoch=flags.epoch,
        weight=flags.weight,
        positive_weight=flags.positive_weight,
        normalize_weights=flags.normalize_weights,
        seed=flags.seed,
        pool_rows=flags.pool_rows,
        **file_options(parameters.flags),
    )


def as_they_are(parameters: Parameters, rows: int) -> InputFnDownsampleWithWeight:
    """All rows of both classes, mixed at random, in large batches and without end.

    Args:
        rows: how many are wanted: of a class no more are read at a time.
    """
    return training(
        parameters,
        multiplier="natural",
        epoch="minority",
        weight=1.0,
        positive_weight=1.0,
        normalize_weights=False,
        batch_size=4096,
        num_epochs=None,
        pool_rows=min(parameters.flags.pool_rows, rows),
    )


def test(
    parameters: Parameters, test_dir: list[str] | None = None, **instead: Any
) -> InputFnDownsampleWithWeight:
    """All rows in the order of the files; labels are there if the files have them.

    Args:
        test_dir: other files.
        instead: arguments of the input function that are to be others.
    """
    usual: dict[str, Any] = {"schema": parameters.input_schema, "batch_size": TEST_BATCH}
    return InputFnDownsampleWithWeight(
        test_dir=test_dir or parameters.flags.test_dir,
        **{**usual, **file_options(parameters.flags), **instead},
    )


def mixed(parameters: Parameters) -> InputFnDownsampleWithWeight:
    """`test` at random."""
    return test(parameters, shuffle=True, seed=parameters.flags.seed)


def unlabelled(parameters: Parameters) -> InputFnDownsampleWithWeight:
    """`test` to predict from: labels and weights may be blank, unknown or lacking."""
    schema = without_labels(parameters.input_schema, bool(parameters.flags.header))
    return test(parameters, schema=schema)
