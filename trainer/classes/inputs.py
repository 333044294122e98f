"""What the job of many classes reads: all classes to train on, and labelled files as they are."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

from sampling import InputFn, InputFnStratified
from sampling.command_line.common import file_options
from sampling.errors import SamplingError
from sampling.probabilities.calibration import Prior
from sampling.samplers.stratified import name_of
from sampling.schema import labels
from trainer.classes.options import AUTO, NATURAL
from trainer.classes.parameters import ClassesParameters
from trainer.classification.unlabelled import without_labels

TEST_BATCH = 1024  # where nothing is learned, larger batches are only faster
_RARE = 0.05  # share of all classes but the largest from which on an epoch is all rows
_READ = 0.15  # share of the rows in an epoch where they are rarer
_ROWS = 20_000  # of the largest class where the others have few
_LEAST = 2  # times as many rows of the largest class as of the others
_STEPS, _EPOCHS = 3_000, 2  # that a training has at least


def settled(parameters: ClassesParameters) -> ClassesParameters:
    """The parameters with numbers for what is to be found out, and the prior.

    They are a function of the files and of the other flags: every process finds the same, and so
    does a training that goes on.

    Raises:
        SamplingError: files are missing, or not as the schema says.
    """
    given, found = vars(parameters.flags), dict[str, Any]()
    everything = training(parameters, most_rows=NATURAL, num_epochs=1)
    sizes = sizes_of(everything)
    if given["most_rows"] == AUTO:
        found["most_rows"] = most_rows(list(sizes.values()))
    epoch = everything  # each is a pass over mixed files
    if {**given, **found}["most_rows"] != NATURAL:
        epoch = training(parameters, **{"num_epochs": 1, **found})
    if given["num_epochs"] == AUTO:
        found["num_epochs"] = max(_EPOCHS, math.ceil(_STEPS / epoch.steps_per_epoch))
    flags = argparse.Namespace(**{**given, **found})
    prior = prior_of_all(len(parameters.schema.classes), sizes, epoch.prior())
    return parameters._replace(flags=flags, prior=prior)


def most_rows(sizes: list[int]) -> int | str:
    """Of a class in an epoch: as few as cost nothing measurable, where one has nearly all rows.

    Each epoch has others, so few do for a training. Where the other classes have few rows an epoch
    is short whatever it has, and more rows make its steps steadier.
    """
    others, total = sum(sizes) - max(sizes), sum(sizes)
    if others >= _RARE * total:
        return NATURAL
    return max(_LEAST * others, min(int(_READ * total) - others, _ROWS), 1)


def prior_of_all(classes: int, sizes: Mapping[int, int], present: Prior) -> Prior:
    """The prior of all classes; one that no training row has counts as half a row of the files.

    Args:
        sizes: rows by class, of those that have some.
        present: the prior of these.
    """
    shares = {place: at for at, place in enumerate(sorted(sizes))}
    half = 0.5 / sum(sizes.values())

    def every(known: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(known[shares[k]] if k in shares else half for k in range(classes))

    return Prior(every(present.files), every(present.stream))


def sizes_of(input_fn: InputFnStratified) -> dict[int, int]:
    """Rows of the files by class."""
    rows = input_fn.describe()["rows_in_files"]
    return {label: rows[name_of(label)] for label in input_fn.labels}


def training(parameters: ClassesParameters, **instead: Any) -> InputFnStratified:
    """What is trained on; `instead` are values of flags, in the place of those given."""
    flags = argparse.Namespace(**{**vars(parameters.flags), **instead})
    options = {
        "schema": parameters.input_schema,
        "weight": flags.weight,
        "batch_size": flags.batch_size,
        "num_epochs": flags.num_epochs,
        "seed": flags.seed,
        "pool_rows": flags.pool_rows,
        **file_options(parameters.flags),
    }
    files = _files(parameters)
    natural = InputFnStratified(files, shares=NATURAL, **options)
    if flags.most_rows == NATURAL:
        return natural
    rows = {label: min(size, flags.most_rows) for label, size in sizes_of(natural).items()}
    return InputFnStratified(files, rows=rows, **options)


def as_they_are(parameters: ClassesParameters, rows: int) -> InputFnStratified:
    """All rows of all classes, mixed at random, in large batches and without end.

    Args:
        rows: how many are wanted: of a class no more are read at a time.
    """
    return training(
        parameters,
        most_rows=NATURAL,
        weight=1.0,
        batch_size=4096,
        num_epochs=None,
        pool_rows=min(parameters.flags.pool_rows, rows),
    )


def test(
    parameters: ClassesParameters, test_dir: list[str] | None = None, **instead: Any
) -> InputFn:
    """All rows in the order of the files; labels are there if the files have them.

    Args:
        test_dir: other files.
        instead: arguments of the input function that are to be others.
    """
    usual: dict[str, Any] = {"schema": parameters.input_schema, "batch_size": TEST_BATCH}
    return InputFn(
        test_dir or parameters.flags.test_dir,
        **{**usual, **file_options(parameters.flags), **instead},
    )


def mixed(parameters: ClassesParameters) -> InputFn:
    """`test` at random."""
    return test(parameters, shuffle=True, seed=parameters.flags.seed)


def unlabelled(parameters: ClassesParameters) -> InputFn:
    """`test` to predict from: labels and weights may be blank, unknown or lacking."""
    schema = without_labels(parameters.input_schema, bool(parameters.flags.header))
    return test(parameters, schema=schema)


def _files(parameters: ClassesParameters) -> Any:
    flags, classes = parameters.flags, parameters.schema.classes
    if not flags.class_dir:
        return flags.train_dir
    found: dict[int, Any] = {}
    for label, globs in flags.class_dir.items():
        place = labels.place(label, classes)
        if place is None:
            raise SamplingError(
                f"--class_dir names the class {label!r}, expected one of "
                f"{', '.join(map(repr, classes))}; fix it, or --classes"
            )
        found[place] = globs
    return dict(sorted(found.items()))
