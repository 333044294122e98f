"""Which classes there are, and their files: of a folder that was split, or as they are found."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from sampling import InputFnStratified, Schema
from sampling.command_line.common import file_options
from sampling.errors import SamplingError
from trainer.classification import data_dir
from trainer.classification.data_dir import Split


def expand(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with those that follow from data_dir; see `trainer.classification.data_dir`.

    Raises:
        SamplingError: the folder has no manifest, or none of a split into classes of a label each.
    """
    found = data_dir.expand(given, _training)
    if "train_dir" in given or "class_dir" in given:  # goes before what the split has
        for name in {"train_dir", "class_dir"} - set(given):
            found.pop(name, None)
    return found


def _training(split: Split) -> dict[str, Any]:
    of_class, expected = split.made["labels"], "split it by --label=NAME --classes=each"
    if len(of_class) < 2:
        raise SamplingError(
            f"--data_dir={split.folder} has {len(of_class)} classes, expected two or more; "
            f"{expected}"
        )
    for name, labels in of_class.items():
        if len(labels) != 1:
            raise SamplingError(
                f"--data_dir={split.folder}: class {name} has {len(labels)} labels, "
                f"{', '.join(map(repr, labels))}, expected one for each class; {expected}"
            )
    folders = {labels[0]: f"train/{name}" for name, labels in of_class.items()}
    flags = {**split.schema, "classes": list(split.made.get("classes") or _in_order(folders))}
    if "train" not in split.made["by_class"]:
        return {**flags, "train_dir": [split.glob("train")]}
    there = {label: folder for label, folder in folders.items() if folder in split.places}
    return {**flags, "class_dir": {label: [split.glob(there[label])] for label in there}}


def found_classes(flags: argparse.Namespace, schema: Schema) -> tuple[str, ...]:
    """The label's values in the training files, in order.

    Raises:
        SamplingError: mixed files can't be read.
    """
    if flags.class_dir:
        return _in_order(flags.class_dir)
    mixed = InputFnStratified(flags.train_dir, schema, shares="natural", **file_options(flags))
    return _in_order(
        each.decode() if isinstance(each, bytes) else str(each) for each in mixed.labels
    )


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """By number, or else by name."""
    found = list(names)
    with contextlib.suppress(ValueError):
        return tuple(sorted(found, key=float))
    return tuple(sorted(found))
