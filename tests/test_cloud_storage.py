"""Everything on gs://, through TensorFlow's client and Google's own, against a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sampling import InputFnDownsampleWithWeight
from tests.cloud.storage import StorageStandIn, now_and_then
from tests.conftest import SCHEMA, ids_of, write_classes

ROOT = Path(__file__).parent.parent
EXAMPLE = "examples/acquire_valued_shoppers"
OPTIONS: dict[str, Any] = {"is_train": True, "multiplier": 2, "num_epochs": 2, "pool_rows": 1000}
OPTIONS["block_rows"] = 20  # otherwise a bucket's blocks, and so the order of rows, are others
PASSING = ("503", "429", "cut", "drop", "slow")

READ = """
import json, sys
from sampling import InputFnDownsampleWithWeight
from tests.conftest import SCHEMA, ids_of

for ending in sys.argv[2:]:
    globs = [f"gs://shop/data/{name}-*.{ending}" for name in ("positive", "negative")]
    input_fn = InputFnDownsampleWithWeight(*globs, schema=SCHEMA, **json.loads(sys.argv[1]))
    print(json.dumps(ids_of(list(input_fn.dataset())).tolist()))
"""

REFUSED = """
import sys
from sampling import InputFn, Schema
from tests.conftest import SCHEMA

for given in sys.argv[1:]:
    try:
        InputFn(given, SCHEMA)
        print("nothing was refused")
    except Exception as error:
        print(type(error).__name__, error)
"""

EVALUATE_AND_PREDICT = """
import sys
from trainer import task

for mode in ("evaluate", "predict"):
    task.main(["propensity", f"--mode={mode}", *sys.argv[1:]])
"""


@pytest.fixture
def storage(tmp_path):
    with StorageStandIn(tmp_path) as storage:
        yield storage


def run(storage: StorageStandIn, *arguments: str, **variables: str | None) -> list[str]:
    """The lines that Python prints, with the stand-in for gs://."""
    found = os.environ | storage.environment | variables
    environment = {name: value for name, value in found.items() if value is not None}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_a_bucket_gives_the_rows_that_a_disk_gives_whatever_fails_in_passing(storage, tmp_path):
    expected = []
    for ending in ("csv", "parquet"):
        write_classes(tmp_path, 200, 5_000, 2, 12, ending)
        globs = [str(tmp_path / f"{name}-*.{ending}") for name in ("positive", "negative")]
        input_fn = InputFnDownsampleWithWeight(*globs, schema=SCHEMA, **OPTIONS)
        expected.append(ids_of(list(input_fn.batches())))
    storage.upload_folder(tmp_path, "gs://shop/data")
    storage.latency, storage.fault = 0.05, now_and_then(0.03, seed=1, kinds=PASSING)
    lines = run(storage, "-c", READ, json.dumps(OPTIONS), "csv", "parquet")
    for found, of_disk in zip(lines, expected, strict=True):
        np.testing.assert_array_equal(json.loads(found), of_disk)
    assert storage.faults > 3
    assert storage.most_at_once > 1
    of_files = sum(path.stat().st_size for path in tmp_path.glob("*-*.*"))
    assert sum(storage.bytes_sent.values()) < 4 * of_files  # ranges; tests/test_s3.py says more


def test_what_a_bucket_refuses_is_told_in_a_sentence(storage, tmp_path):
    storage.put("gs://shop/data/1.csv", b"id,x,city,label\n1,2,a,0\n")
    wrong = ["gs://nowhere/data/*.csv", "gs://nowhere/data/1.csv", "gs://shop/data/*.tsv"]
    lines = run(storage, "-c", REFUSED, *wrong)
    assert [line.partition(" ")[0] for line in lines] == ["FileNotFoundError"] * 2 + [
        "SamplingError"
    ]
    for line, path in zip(lines, wrong, strict=True):
        assert path in line and "fix the path" in line
    logged_out = {"GOOGLE_AUTH_TOKEN_FOR_TESTING": None, "HOME": str(tmp_path)}
    [line] = run(storage, "-c", REFUSED, "gs://shop/data/*.csv", **logged_out)
    assert "gs://shop refuses access" in line and "gcloud auth application-default login" in line


def test_a_job_that_has_everything_in_buckets(storage, tmp_path):
    """Schema, data, checkpoints, export, results, predictions; with faults now and then."""
    module = "examples.acquire_valued_shoppers.make_data"
    run(storage, "-m", module, "--output", str(tmp_path / "data"), "--rows=20000")
    storage.upload_folder(tmp_path / "data", "gs://shop/data")
    storage.put("gs://shop/schema.json", (ROOT / EXAMPLE / "schema.json").read_bytes())
    storage.create_bucket("jobs")
    storage.fault = now_and_then(0.02, seed=3, kinds=PASSING)
    job = "--job-dir=gs://jobs/job"
    run(
        storage,
        *("-m", "trainer.task", "propensity", "--mode=train", job),
        "--schema=gs://shop/schema.json",
        "--label=label",
        "--forward=customer_id",
        "--positive_dir=gs://shop/data/train/positive/*.csv",
        "--negative_dir=gs://shop/data/train/negative/*.csv",
        "--test_dir=gs://shop/data/dev/*.csv",
        "--multiplier=1",
        "--weight=auto",
        "--num_epochs=1",
        "--no-report",
    )
    assert storage.names("gs://jobs/job/export/")
    run(storage, "-c", EVALUATE_AND_PREDICT, job, "--test_dir=gs://shop/data/test/*.csv")
    assert 0.5 < json.loads(storage.get("gs://jobs/job/evaluation.json"))["auc"] <= 1
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    written = b"".join(map(storage.get, storage.names("gs://jobs/job/predictions")))
    assert written.count(b"\n") == manifest["splits"]["test"]["rows"]
    assert storage.faults > 3
