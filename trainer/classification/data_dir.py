"""`--data_dir`: what `tf-sampling split` wrote, in place of globs."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.formats.csv.options import CsvOptions
from sampling.schema import json_form

_TEST = {"train": ("dev", "test"), "evaluate": ("test", "dev"), "predict": ("test", "dev")}


class Split(NamedTuple):
    """A folder that was split.

    Args:
        folder: as it was given.
        made: what its manifest says.
    """

    folder: str
    made: Mapping[str, Any]

    def glob(self, place: str) -> str:
        """Of the files in a folder of it, "train/positive"."""
        return f"{glob.escape(self.folder.rstrip('/'))}/{place}/*.{self.made['format']}"

    @property
    def places(self) -> set[str]:
        """The folders of it that have files."""
        return {path.rsplit("/", 1)[0] for path in self.made["files"]}

    @property
    def schema(self) -> dict[str, Any]:
        """The flags that say what is learned, and the columns if they are known."""
        label = {"label": self.made["label"]}
        if not self.made["typed"]:
            return label
        return {**label, "schema": f"{self.folder}/{manifest.NAME}"}


def expand(
    given: Mapping[str, Any], training: Callable[[Split], Mapping[str, Any]]
) -> dict[str, Any]:
    """The flags with those that follow from data_dir; what was given goes before.

    Training is evaluated on dev, or on test where there is no dev; evaluation and prediction read
    test, or dev.

    Args:
        training: what a training reads, as flags.

    Raises:
        SamplingError: the folder has no manifest of a split, or `training` refuses it.
    """
    folder = given.get("data_dir")
    if not folder:
        return dict(given)
    made = manifest.read(folder)
    if "by_class" not in made:
        raise SamplingError(f"--data_dir={folder} is no split; make one by tf-sampling split")
    found = Split(folder, made)
    splits = [name for name, sums in made["splits"].items() if sums["rows"]]
    flags: dict[str, Any] = {}
    for split in reversed(_TEST[given["mode"]]):
        if split in splits:
            flags["test_dir"] = [found.glob(f"{split}/*" if split in made["by_class"] else split)]
            if split == "dev" and given["mode"] == "train":
                flags["dev_dir"] = flags["test_dir"]
    if given["mode"] == "train":
        flags |= training(found)
    flags |= CsvOptions.from_dict(made.get(json_form.CSV, {}), folder).by_name()
    return {**flags, **given}
