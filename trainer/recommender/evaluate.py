"""What the recommender job measures, and how it says so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sampling import Schema
from trainer.job_dir import contents
from trainer.recommender import checkpoints, inputs
from trainer.training.hooks import StepProgress


def evaluate(flags: argparse.Namespace, schema: Schema) -> None:
    """Measures the best epoch on held-out pairs."""
    held_out = inputs.held_out(flags, schema)
    evaluation = checkpoints.build(flags, schema, held_out.group).evaluate(
        lambda: held_out.dataset(schema, inputs.keys(flags)),
        hooks=[StepProgress("evaluating", held_out.steps)],
        checkpoint_path=checkpoints.best_checkpoint(flags),
    )
    report(flags, evaluation, {})


def report(
    flags: argparse.Namespace, evaluation: Mapping[str, Any], more: Mapping[str, Any]
) -> None:
    names = [name for name in ("hr", "ndcg", "log_loss", "rmse", "mae") if name in evaluation]
    measured: dict[str, Any] = {"step": int(evaluation["global_step"])}
    for name in names:
        at = f"_at_{flags.top}" if name in ("hr", "ndcg") else ""
        measured[name + at] = float(evaluation[name])
    print("", contents.table(measured), "", sep="\n")
    measured.update(test_dir=flags.test_dir, **more)
    print(f"evaluation: {contents.write_json(flags.job_dir, contents.EVALUATION, measured)}")


def line(result: Mapping[str, Any], steps: int, top: int) -> str:
    parts = [f"epoch {round(result['global_step'] / steps):>3}"]
    for name in ("hr", "ndcg", "log_loss", "rmse", "mae"):
        if name in result:
            shown = f"{name.upper()}@{top}" if name in ("hr", "ndcg") else name.replace("_", " ")
            parts.append(f"{shown} {result[name]:.4f}")
    return "  ".join(parts)
