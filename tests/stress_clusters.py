"""Clusters of several sizes and kinds of models: every row once, whoever trains on it; and clusters
whose processes are killed at random moments: every row at least once, and no more than was said.

    python -m tests.stress_clusters --kills=20
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path

from tests.conftest import write_classes
from tests.test_launch import check_model, check_rows
from trainer.distributed import local_cluster
from trainer.distributed.local_cluster import Cluster

_EPOCHS = 10


def run(folder: Path, workers: int, evaluator: bool, restarts: int, *arguments: str) -> None:
    write_classes(folder, 60, 600, 2, 3)
    command = [sys.executable, "-m", "tests.cluster_task", str(folder), *arguments]
    tasks = local_cluster.tasks(workers, 1, evaluator)
    with (
        local_cluster.tf_configs(tasks) as configs,
        Cluster(command, configs, restarts=restarts) as cluster,
    ):
        cluster.wait(300, 60)


def killed(workers: int) -> tuple[int, str]:
    """Trains with processes that live for seconds; how many were killed, and what came of it."""
    err = io.StringIO()
    options = (f"--epochs={_EPOCHS}", "--pause=0.1", "--mean_life=15")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(err):
        run(Path(folder), workers, False, 1000, "custom", *options)
        said = [int(rows) for rows in re.findall(r"at most (\d+) of its rows", err.getvalue())]
        again = check_model(Path(folder), _EPOCHS, repeated=sum(said))
    text = err.getvalue()
    alone, together = text.count("; it is started"), text.count("; all processes are started")
    return alone + together, (
        f"{alone} workers and {together} chiefs killed: nothing left out, {again} of "
        f"{120 * _EPOCHS} rows trained on again, {sum(said)} said"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Clusters of several sizes, killed or not.")
    parser.add_argument("--kills", type=int, default=20)
    kills = parser.parse_args().kills
    for task in ("custom", "dnn", "linear", "dnn --strategy"):
        for workers in (1, 2, 3):
            with tempfile.TemporaryDirectory() as folder:
                run(Path(folder), workers, True, 0, *task.split())
                rows = check_rows(Path(folder), workers)
                assert sum(map(len, rows)) == 120
            print(f"{task}, {workers} workers: every positive once, no row twice", flush=True)
    workers = 2
    while kills > 0:
        number, line = killed(workers)
        print(f"{workers} workers, {line}", flush=True)
        kills, workers = kills - number, 5 - workers


if __name__ == "__main__":
    main()
