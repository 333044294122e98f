"""Data on s3://, against a stand-in, in this process; the code that gs:// is read by, too."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("boto3", reason="the extra [s3] is not installed")

from sampling import InputFn, InputFnDownsampleWithWeight, SamplingError
from sampling.__main__ import main
from sampling.files import list_files
from sampling.files.buckets import stores
from tests.cloud.storage import StorageStandIn, now_and_then
from tests.conftest import SCHEMA, ids_of, write_classes
from tests.test_cloud_storage import PASSING

OPTIONS: dict[str, Any] = {"is_train": True, "pool_rows": 2_000, "block_rows": 100}
FORMATS = ("csv", "parquet", "tfrecord", "arrow")
ROW = b"id,x,city,label\n1,2,a,0\n"


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    for ending in FORMATS:
        write_classes(folder, 100, 6_000, 1, 2, ending)
    return folder


@pytest.fixture
def storage(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(stores, "_clients", {})  # they know the server's address
    with StorageStandIn(tmp_path) as storage:
        for name, value in storage.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        storage.upload_folder(disk, "gs://shop/data")
        yield storage


def train(folder, ending, epochs, **options):
    globs = [f"{folder}/{name}-*.{ending}" for name in ("positive", "negative")]
    return InputFnDownsampleWithWeight(
        *globs, schema=SCHEMA, num_epochs=epochs, **{**OPTIONS, **options}
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_s3_gives_the_rows_of_a_disk_and_sends_what_is_read(storage, disk, ending):
    expected = ids_of(list(train(disk, ending, 20).batches()))
    # requests take a while, so that those in flight meet however busy the machine is
    storage.latency, storage.fault = 0.02, now_and_then(0.02, seed=1, kinds=PASSING)
    input_fn = train("s3://shop/data", ending, 20)
    np.testing.assert_array_equal(ids_of(list(input_fn.batches())), expected)
    assert storage.faults and storage.most_at_once > 1
    storage.latency, storage.fault, sent, read = 0.0, lambda request: None, [], []
    for epochs in (80, 200):  # what opening takes is the same: after a pass nothing is counted
        input_fn = train("s3://shop/data", ending, epochs)
        storage.bytes_sent.clear()
        storage.requests.clear()
        for _ in input_fn.batches():
            pass
        read.append(sum(input_fn.usage()["bytes_read"].values()))
        sent.append(sum(storage.bytes_sent.values()))
    more_sent, more_read = sent[1] - sent[0], read[1] - read[0]
    # At the end of each pass a round may have been read ahead in vain, or not begun yet.
    bytes_of_class = sum(path.stat().st_size for path in disk.glob(f"negative-*.{ending}"))
    round_bytes = bytes_of_class * OPTIONS["pool_rows"] / 6_000
    # Below: the first 16 KiB are known.
    assert 0.6 * more_read - round_bytes < more_sent < 1.1 * more_read + round_bytes
    if ending != "arrow":  # whose batches are of 50 rows here, each a request of its own
        assert len(storage.requests) < 1.5 * 200 * 100 / OPTIONS["block_rows"]


def test_globs_of_s3(storage):
    names = [f"{i:03}.csv" for i in range(120)]  # several pages
    names += ["day=1/a.csv", "day=1/b.tsv", "day=2/deep/a.csv", "_logs/a.csv", "[x].csv", "sub/"]
    for name in names:
        storage.put(f"s3://shop/more/{name}", ROW)

    def found(*globs):
        return [file.path.removeprefix("s3://shop/more/") for file in list_files(globs, "files")]

    assert found("s3://shop/more") == found("s3://shop/more/") == [*names[:120], "[x].csv"]
    storage.requests.clear()
    files = list_files("s3://shop/more/0[0-4]?.csv", "files")
    assert len(files) == 50 and {file.size for file in files} == {len(ROW)}
    assert len(storage.requests) == 2  # pages; none for an object
    assert found("s3://shop/more/day=*/*.csv") == ["day=1/a.csv"]
    assert found("s3://shop/more/day=*/**/a.csv") == ["day=1/a.csv", "day=2/deep/a.csv"]
    assert found("s3://shop/more/day=1/b.tsv") == ["day=1/b.tsv"]
    assert found("s3://shop/more/[x].csv") == ["[x].csv"]
    assert len(found("s3://shop/more/**")) == 124
    with pytest.raises(SamplingError, match="no file matches 's3://shop/more/.*tfrecord'"):
        found("s3://shop/more/*.tfrecord")


def test_what_s3_refuses_is_told_in_a_sentence(storage, monkeypatch, capsys):
    with pytest.raises(FileNotFoundError, match=r"s3://nowhere/a\.csv is not there.*fix the path"):
        InputFn("s3://nowhere/a.csv", SCHEMA)
    path = "s3://shop/data/negative-000.csv"
    input_fn = InputFn(path, SCHEMA, num_epochs=1)
    storage.put(path, ROW * 9000)
    with pytest.raises(SamplingError, match=f"{path} has changed since it was listed"):
        list(input_fn.batches())
    with pytest.raises(SystemExit):
        main(["split", path, "--label=label", "--output=s3://shop/out"])
    assert "s3://shop/out can't be written: s3:// is for data that is" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "propensity", "--job-dir=s3://shop/job"])
    assert "s3://shop/job can't be written" in capsys.readouterr().err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(stores, "_clients", {})
    with pytest.raises(PermissionError, match="s3://shop refuses access; log in by `aws config"):
        InputFn(path, SCHEMA)
    storage.public = "shop"  # what is public needs no credentials
    assert InputFn(path, SCHEMA).describe()
    monkeypatch.setattr(stores, "_clients", {})
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SamplingError, match=r"pip install 'tf-sampling\[s3\]'"):
        InputFn(path, SCHEMA)
