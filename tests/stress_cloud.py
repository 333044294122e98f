"""Thousands of faults of a bucket's service, and one that lasts.

    python -m tests.stress_cloud --epochs=400

Reads the same epochs from a disk and from the stand-in, which fails in three of ten answers, and
compares every row; then reads an object that never comes, and sees how long that takes to be told.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sampling import InputFnDownsampleWithWeight
from tests.cloud.storage import StorageStandIn, now_and_then
from tests.conftest import SCHEMA, ids_of, write_classes
from tests.test_cloud_storage import OPTIONS, PASSING, READ, REFUSED

_BOUND = 150  # seconds: each request is tried for a minute


def main() -> None:
    """Raises AssertionError if a row differs, or an error does not come or says too little."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--share", type=float, default=0.3, help="of the answers that fail")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with StorageStandIn(folder) as storage:
            _same_rows(folder, storage, given.epochs, given.share)
            _told_in_time(storage)


def _same_rows(folder: Path, storage: StorageStandIn, epochs: int, share: float) -> None:
    options = OPTIONS | {"num_epochs": epochs}
    write_classes(folder, 200, 5_000, 2, 12)
    globs = [str(folder / f"{name}-*.csv") for name in ("positive", "negative")]
    expected = ids_of(list(InputFnDownsampleWithWeight(*globs, schema=SCHEMA, **options).batches()))
    storage.upload_folder(folder, "gs://shop/data")
    storage.fault = now_and_then(share, seed=1, kinds=PASSING)
    [line] = _run(storage, READ, json.dumps(options), "csv")
    assert json.loads(line) == expected.tolist(), "rows differ"
    print(
        f"{len(expected):,} rows alike, {storage.faults:,} faults in "
        f"{len(storage.requests):,} requests"
    )


def _told_in_time(storage: StorageStandIn) -> None:
    path = "gs://shop/data/positive-000.csv"
    storage.fault = lambda request: "503" if request.target.startswith("/download/") else None
    begin = time.monotonic()
    [line] = _run(storage, REFUSED, path)
    seconds = time.monotonic() - begin
    assert (
        line.startswith(("OSError", "ServiceError", "SamplingError"))
        and path in line
        and "try again later" in line
    ), line
    assert seconds < _BOUND, f"told after {seconds:.0f} s"
    print(f"a fault that lasts was told after {seconds:.0f} s: {line}")


def _run(storage: StorageStandIn, code: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        # Without TensorFlow's cache every block is a request.
        env=os.environ | storage.environment | {"GCS_READ_CACHE_MAX_SIZE_MB": "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


if __name__ == "__main__":
    main()
