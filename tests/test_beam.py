"""Preparing by Apache Beam: the same output as on one machine, whatever worker does what."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("apache_beam", reason="the extra [beam] is not installed")

from sampling.__main__ import main
from sampling.files import manifest
from sampling.order.block_size import fixed
from sampling.prepare import source

pytestmark = pytest.mark.filterwarnings("ignore")  # Beam's own

# No Prism: Beam would download it and, where it can't, fall back to its runner in Python as here.
DIRECT = "--runner=DirectRunner", "--prism_location=/none"
THREADS = *DIRECT, "--direct_num_workers=3", "--direct_running_mode=multi_threading"
PROCESSES = *DIRECT, "--direct_num_workers=2", "--direct_running_mode=multi_processing"
TYPES = {"customer": "STRING", "visit": "INTEGER", "amount": "FLOAT", "city": "STRING"}


@pytest.fixture
def raw(tmp_path):
    """Three files."""
    generator = np.random.default_rng(0)
    for number in range(3):
        frame = pd.DataFrame({"customer": [f"c{c}" for c in generator.integers(400, size=1500)]})
        frame["visit"] = np.arange(1500) + 1500 * number
        frame["amount"] = generator.lognormal(size=1500).astype(np.float32)
        frame["city"] = generator.choice(["Ulm", "Köln, am Rhein", 'the "Big" one', ""], 1500)
        frame["bought"] = (generator.random(1500) < 0.1).astype(int)
        frame.to_csv(tmp_path / f"raw-{number}.csv", index=False)
    entries = [{"name": name, "type": type_} for name, type_ in TYPES.items()]
    entries.append({"name": "bought", "type": "INTEGER"})
    (tmp_path / "schema.json").write_text(json.dumps(entries))
    return tmp_path


@pytest.fixture
def many_chunks(monkeypatch):
    """For workers in this process."""
    monkeypatch.setattr(source, "_BLOCKS", fixed(100))
    monkeypatch.setattr(source, "_CHUNK_BYTES", 8000)


def contents(folder):
    """Every file of a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def both(folder, command, *flags, beam=THREADS):
    main([*command, *flags, f"--output={folder / 'local'}"])
    main([*command, *flags, f"--output={folder / 'beam'}", *beam])
    return folder / "local", folder / "beam"


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_split_is_the_local_one_byte_for_byte(raw, many_chunks, file_format):
    command = ["split", str(raw / "raw-*.csv"), "--key=customer", "--label=bought"]
    flags = f"--format={file_format}", f"--schema={raw / 'schema.json'}", "--row_group_rows=50"
    local, beam = both(raw, command, *flags)
    assert contents(local) == contents(beam)
    assert len(manifest.read(beam)["files"]) == 16
    assert sum(s["rows"] for s in manifest.read(beam)["splits"].values()) == 4500


@pytest.mark.long
def test_workers_may_be_processes(raw):
    command = ["split", str(raw / "raw-*.csv"), "--key=customer", "--label=bought"]
    local, beam = both(raw, command, beam=PROCESSES)
    assert contents(local) == contents(beam)


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.long)])
def test_workers_may_be_those_of_dask(raw, processes):
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    command = ["split", str(raw / "raw-*.csv"), "--label=bought"]  # without a key: two pipelines
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=processes,
        dashboard_address=None,
        protocol="tcp://",
        host="127.0.0.1",
    ) as cluster:
        dask = "--runner=DaskRunner", f"--dask_client_address={cluster.scheduler_address}"
        local, beam = both(raw, command, beam=dask)
        distributed.default_client().close()  # Beam leaves it
    assert contents(local) == contents(beam)


def test_counts_are_the_local_ones(raw, many_chunks):
    local, beam = both(raw, ["count", str(raw / "raw-*.csv"), "--label=bought"])
    assert json.loads(local.read_text()) == json.loads(beam.read_text())
    assert json.loads(beam.read_text())["rows"] == 4500


def test_the_vocabulary_is_the_local_one(raw, many_chunks):
    local, beam = both(raw, ["vocab", str(raw / "raw-*.csv"), "--column=customer"])
    assert local.read_text() == beam.read_text() and len(beam.read_text().splitlines()) == 400


@pytest.mark.parametrize("multiplier", [2.5, 20])
def test_the_sample_is_the_local_one(raw, multiplier):
    main(
        [
            *("split", str(raw / "raw-*.csv"), f"--output={raw / 'data'}", "--key=customer"),
            *("--label=bought", f"--schema={raw / 'schema.json'}", "--splits=train=1"),
        ]
    )
    command = [
        "sample",
        f"--positive_dir={raw / 'data/train/positive'}",
        f"--negative_dir={raw / 'data/train/negative'}",
        f"--schema={raw / 'schema.json'}",
        "--label=bought",
        f"--multiplier={multiplier}",
        "--shards=5",
    ]
    local, beam = both(raw, command)
    assert contents(local) == contents(beam)
    assert len(manifest.read(beam)["files"]) == 5


@pytest.mark.parametrize("beam", [THREADS, pytest.param(PROCESSES, marks=pytest.mark.long)])
def test_a_bad_row_is_named_and_leaves_nothing(raw, capsys, beam):
    with open(raw / "raw-1.csv", "a") as file:
        file.write("c1,2,3\n")
    with pytest.raises(SystemExit):
        out = raw / "out"
        main(["split", str(raw / "raw-*.csv"), "--key=customer", f"--output={out}", *beam])
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        error.startswith("tf-sampling: error: ") and "raw-1.csv, line 1502: found 3 fields" in error
    )
    assert not out.exists() and not [p for p in raw.iterdir() if p.name.startswith(".")]


def test_count_needs_a_file_to_write_to(raw, capsys):
    with pytest.raises(SystemExit):
        main(["count", str(raw / "raw-0.csv"), *THREADS])
    assert "--output is missing, which --runner needs" in capsys.readouterr().err
