"""What a training reads of a folder that `tf-sampling split` wrote into positive and negative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.errors import SamplingError
from trainer.classification import data_dir
from trainer.classification.data_dir import Split


def expand(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags with those that follow from data_dir; see `trainer.classification.data_dir`.

    Raises:
        SamplingError: the folder has no manifest, or none of a split into positive and negative.
    """
    return data_dir.expand(given, _training)


def _training(split: Split) -> dict[str, Any]:
    if not {"train/positive", "train/negative"} <= split.places:
        raise SamplingError(
            f"--data_dir={split.folder} has {', '.join(sorted(split.places))}, expected "
            "train/positive and train/negative; split it by --label, train classes on it, or pass "
            "--positive_dir and --negative_dir"
        )
    return {
        "positive_dir": [split.glob("train/positive")],
        "negative_dir": [split.glob("train/negative")],
        **split.schema,
    }
