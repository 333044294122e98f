"""`--data_dir`: what `tf-sampling split` wrote of events, in place of globs and columns."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from typing import Any

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.csv.options import CsvOptions
from sampling.schema import json_form


def expand(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with those that follow from data_dir; what was given goes before.

    Training reads train, chooses the best epoch by dev and measures it on test, or on dev where
    there is no test; known pairs are excluded.

    Raises:
        SamplingError: the folder has no manifest, or none of a split of events.
    """
    folder = given.get("data_dir")
    if not folder:
        return dict(given)
    made = manifest.read(folder)
    if "item_key" not in made:
        raise SamplingError(
            f"--data_dir={folder} is no split of events; make one by tf-sampling split "
            "--leave-one-out=USER, or --user-key=USER"
        )
    pattern, ending = glob.escape(folder.rstrip("/")), made["format"]
    found = {
        name: [f"{pattern}/{name}/*.{ending}"]
        for name, sums in made["splits"].items()
        if sums["rows"]
    }
    flags: dict[str, Any] = {}
    if given["mode"] == "train":
        keys = {name: made[name] for name in ("label", "user_key", "item_key") if made[name]}
        flags = {"schema": f"{folder}/{manifest.NAME}", **keys}
        flags |= {"train_dir": found.get("train"), "exclude": found.get("known", [])}
        flags["dev_dir"] = found.get("dev") if "test" in found else None
    flags["test_dir"] = found.get("test") or found.get("dev")
    flags |= CsvOptions.from_dict(made.get(json_form.CSV, {}), folder).by_name()
    return {**flags, **given}
