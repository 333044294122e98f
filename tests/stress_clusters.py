"""Clusters of several sizes and kinds of models: every row once, whoever trains on it.

python -m tests.stress_clusters
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.conftest import write_classes
from tests.test_launch import check_rows
from trainer import local_cluster
from trainer.local_cluster import Cluster


def main() -> None:
    for name in ("custom", "dnn", "linear"):
        for workers in (2, 3):
            with tempfile.TemporaryDirectory() as folder:
                write_classes(Path(folder), 60, 600, 2, 3)
                command = [sys.executable, "-m", "tests.cluster_task", folder, name]
                configs = local_cluster.tf_configs(local_cluster.tasks(workers, 1, True))
                with Cluster(command, configs) as cluster:
                    cluster.wait(300, 60)
                check_rows(Path(folder), workers)
            print(f"{name}, {workers} workers: every positive once, no row twice", flush=True)


if __name__ == "__main__":
    main()
