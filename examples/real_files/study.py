"""What do the default commands come to on files as people have them?

    python -m examples.real_files.study --output output/real-files --data FOLDER --seeds 3

`tf-sampling schema`, `split`, `train` and `predict` on each file, beside the same trainer on all
rows (--multiplier=natural), and scikit-learn's logistic regression and gradient boosting on the
same split. Writes results.csv, results.md and results.png; what is in results-*.json is not done
again. --quick: does it run?
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from examples.real_files import baselines, report, sets
from sampling.report import measures
from sampling.report.rows import Predictions

# What changes no model, but takes its time: the study measures for itself.
UNMEASURED = ("--no-report", "--baseline=no")


def measured(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """How good they are: `ratio` is their mean over the share of positives, and `ratio_error` the
    standard error that chance alone gives it."""
    predictions = Predictions(labels, probabilities)
    losses = measures.losses(predictions)
    rate = labels.mean()
    spread = np.sqrt((probabilities * (1 - probabilities)).sum()) / len(labels)
    return {
        "auc": float(measures.areas(predictions)["auc"]),
        "log_loss": float(losses["log_loss"]),
        "ratio": float(probabilities.mean() / rate),
        "ratio_error": float(spread / rate),
        "ece": float(losses["ece"]),
    }


def run(
    name: str, found: sets.Cut, work: Path, seed: int, flags: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """A row of figures for each model.

    Args:
        work: where models are written meanwhile.
        flags: of all trainings, for the study's short form.
    """
    test, labels = found.table("test")
    rows: list[dict[str, Any]] = []

    def add(model: str, probabilities: np.ndarray, **more: float) -> None:
        about = {"set": name, "seed": seed, "model": model, "test_rows": len(labels)}
        about |= {"test_positives": int(labels.sum()), "train_positives": found.rows[0]}
        about["train_rows"] = sum(found.rows)
        rows.append({**about, **measured(probabilities, labels), **more})
        figures = "  ".join(f"{key} {value:.4f}" for key, value in rows[-1].items() if key in SHOWN)
        print(f"{name:<15} seed {seed}  {model:<20} {figures}", file=sys.stderr, flush=True)

    ours = trained(found, work / "job", seed, flags)
    add(report.OURS, ours.pop("probabilities"), **ours)
    if ours["share_of_rows"] < 1:
        everything = trained(found, work / "job", seed, (*flags, "--multiplier=natural"))
        add(report.EVERYTHING, everything.pop("probabilities"), **everything)
    else:  # the default is all rows
        rows.append({**rows[-1], "model": report.EVERYTHING})
    train, train_labels = found.table("train")
    train, test = baselines.tables([train, test], found.schema)
    for model, fit in (
        (report.REGRESSION, baselines.logistic_regression),
        (report.BOOSTING, baselines.gradient_boosting),
    ):
        began = time.perf_counter()
        probabilities = fit(train, train_labels, test, seed)
        seconds = time.perf_counter() - began
        add(model, probabilities, share_of_rows=1.0, seconds=seconds)
    if found.truth is not None:
        add(report.TRUTH, found.truth)
    return rows


SHOWN = ("auc", "log_loss", "ratio", "ece", "share_of_rows", "seconds")


def trained(found: sets.Cut, job: Path, seed: int, flags: Sequence[str]) -> dict[str, Any]:
    """Probabilities for the test rows, seconds, and the share of the rows in an epoch."""
    shutil.rmtree(job, ignore_errors=True)
    job.mkdir(parents=True)
    where = [f"--data-dir={found.folder}", f"--job-dir={job}"]
    log, output = job.parent / "trainings.log", job / "test.jsonl"
    began = time.perf_counter()
    sets.command("train", "propensity", *where, f"--seed={seed}", *UNMEASURED, *flags, log=log)
    seconds = time.perf_counter() - began
    sets.command("predict", "propensity", *where, f"--output={output}", log=log)
    with output.open() as lines:
        probabilities = np.array([json.loads(line)["probability"] for line in lines])
    multiplier = json.loads((job / "parameters.json").read_text())["flags"]["multiplier"]
    share = 1.0
    if multiplier != "natural":
        positives, negatives = found.rows
        share = min(1.0, positives * (1 + multiplier) / (positives + negatives))
    return {"probabilities": probabilities, "share_of_rows": share, "seconds": seconds}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, type=Path, help="folder for all that is written")
    parser.add_argument("--data", type=Path, help="folder of the public files, if they are there")
    parser.add_argument("--seeds", type=int, default=3, help="splits and trainings of each file")
    parser.add_argument("--sets", default=",".join(sets.SOURCES), help="names (a,b) of sets")
    parser.add_argument("--rows", type=int, default=100_000, help="of the embedded set")
    parser.add_argument("--overwrite", action="store_true", help="do again what has been done")
    parser.add_argument("--quick", action="store_true", help="few rows, one short training")
    asked = parser.parse_args(arguments)
    flags: list[str] = []
    if asked.quick:
        asked.seeds, asked.rows, asked.sets = 1, 8_000, sets.CUSTOMERS
        flags = ["--multiplier=natural", "--num_epochs=2", "--best_metric=no", "--calibrate=no"]
    rows: list[dict[str, Any]] = []
    for seed in range(asked.seeds):
        for name in sets.available(asked.data, asked.sets.split(",")):
            known = asked.output / f"results-{name}-{seed}.json"
            if asked.overwrite or not known.exists():
                found = sets.cut(name, asked.data, asked.output / "files", seed, asked.rows)
                figures = run(name, found, asked.output / "models" / name, seed, flags)
                known.write_text(json.dumps(figures, indent=1) + "\n")
            rows += json.loads(known.read_text())
    pd.DataFrame(rows).to_csv(asked.output / "results.csv", index=False, lineterminator="\n")
    text = report.tables(rows)
    (asked.output / "results.md").write_text(text)
    report.draw(rows, asked.output / "results.png")
    print(text)


if __name__ == "__main__":
    main()
