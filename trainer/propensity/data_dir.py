"""`--data_dir`: what `tf-sampling split` wrote, in place of a glob for each class."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from typing import Any

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.csv.options import CsvOptions
from sampling.schema import json_form

_TEST = {"train": ("dev", "test"), "evaluate": ("test", "dev"), "predict": ("test", "dev")}


def expand(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with those that follow from data_dir; what was given goes before.

    Training reads train/positive and train/negative and is evaluated on dev, or on test where there
    is no dev; evaluation and prediction read test, or dev.

    Raises:
        SamplingError: the folder has no manifest, or none of a split into positive and negative.
    """
    folder = given.get("data_dir")
    if not folder:
        return dict(given)
    made = manifest.read(folder)
    if "by_class" not in made:
        raise SamplingError(f"--data_dir={folder} is no split; make one by tf-sampling split")
    splits = [name for name, sums in made["splits"].items() if sums["rows"]]
    pattern, ending = glob.escape(folder.rstrip("/")), made["format"]
    flags: dict[str, Any] = {}
    for split in reversed(_TEST[given["mode"]]):
        if split in splits:
            classes = "*/" if split in made["by_class"] else ""
            flags["test_dir"] = [f"{pattern}/{split}/{classes}*.{ending}"]
            if split == "dev" and given["mode"] == "train":
                flags["dev_dir"] = flags["test_dir"]
    if given["mode"] == "train":
        flags |= _training(made, folder, pattern, ending)
    flags |= CsvOptions.from_dict(made.get(json_form.CSV, {}), folder).by_name()
    return {**flags, **given}


def _training(made: Mapping[str, Any], folder: str, pattern: str, ending: str) -> dict[str, Any]:
    classes = {path.rsplit("/", 1)[0] for path in made["files"]}
    if not {"train/positive", "train/negative"} <= classes:
        raise SamplingError(
            f"--data_dir={folder} has {', '.join(sorted(classes))}, expected train/positive and "
            "train/negative; split it by --label, or pass --positive_dir and --negative_dir"
        )
    flags = {
        "positive_dir": [f"{pattern}/train/positive/*.{ending}"],
        "negative_dir": [f"{pattern}/train/negative/*.{ending}"],
        "label": made["label"],
    }
    if made["typed"]:
        flags["schema"] = f"{folder}/{manifest.NAME}"
    return flags
