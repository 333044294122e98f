"""The benchmark of unobserved pairs runs, and its ways make what they say."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts/benchmark_pairs.py"


def test_it_runs_and_writes_all_figures(tmp_path):
    output = tmp_path / "new/pairs.json"
    command = [sys.executable, str(SCRIPT), "--quick", f"--output={output}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(output.read_text())
    assert {"ids", "dataset", "disk", "tf.data", "2019"} <= set(result["pairs_per_second"])
    assert all(min(figures) > 0 for figures in result["pairs_per_second"].values())
    assert "x the way of 2019" in ran.stdout


@pytest.fixture(scope="module")
def benchmark():
    """The script as a module, on all cores again."""
    cores = os.sched_getaffinity(0)
    spec = importlib.util.spec_from_file_location("benchmark_pairs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.sched_setaffinity(0, cores)
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["dataset", "tf.data", "2019"])
def test_no_way_makes_an_observed_pair_a_fake_one(benchmark, tmp_path, way):
    plays = benchmark.Plays(tmp_path, 50, 40, 300)
    observed = {
        (plays.users[user].encode(), plays.items[item].encode())
        for user, item in zip(plays.user, plays.item, strict=True)
    }
    dataset = benchmark.WAYS[way](plays)
    for features, labels, *_ in dataset.take(2).as_numpy_iterator():
        pairs = zip(*(features[key].tolist() for key in benchmark.KEYS), strict=True)
        assert [pair in observed for pair in pairs] == (labels > 0).tolist()
        assert 0.4 < (labels > 0).mean() < 0.6
