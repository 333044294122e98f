"""What the recommender job measures, and how it says so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from sampling import Schema
from trainer.job_dir import contents
from trainer.recommender import checkpoints, inputs
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.ranking import HeldOut
from trainer.training.hooks import StepProgress


def evaluate(flags: argparse.Namespace, schema: Schema) -> None:
    """Measures the best epoch on held-out pairs."""
    catalogue = Catalogue.of_job(flags, schema)
    held_out = inputs.held_out(flags, schema, catalogue, flags.test_dir)
    report(flags, measured(flags, schema, catalogue, held_out), {})


def measured(
    flags: argparse.Namespace, schema: Schema, catalogue: Catalogue, held_out: HeldOut
) -> Mapping[str, Any]:
    """What the best epoch comes to on held-out pairs, by name."""
    found: Mapping[str, Any] = checkpoints.build(flags, catalogue, held_out.group).evaluate(
        lambda: held_out.dataset(schema, inputs.keys(flags)),
        hooks=[StepProgress("evaluating", held_out.steps)],
        checkpoint_path=checkpoints.best_checkpoint(flags),
    )
    return found


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
