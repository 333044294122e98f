"""What one model comes to on several files, to be shown beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.job_dir import contents


def called(test_dir: Sequence[str]) -> str:
    """What files are called."""
    return ", ".join(test_dir)


def of_step(job_dir: str, step: int) -> dict[str, Any]:
    """Figures of the checkpoint of this step, by files."""
    known = contents.read_json_if_any(job_dir, contents.EVALUATIONS)
    return dict(known["figures"]) if known and known["step"] == step else {}


def remember(job_dir: str, step: int, test_dir: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Adds the figures of some files, by name, after those of others."""
    others = of_step(job_dir, step)
    others.pop(called(test_dir), None)
    every = {**others, called(test_dir): dict(figures)}
    contents.write_json(job_dir, contents.EVALUATIONS, {"step": step, "figures": every})
