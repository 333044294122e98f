import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TARGETS = 16


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What `--quick` writes."""
    folder = tmp_path_factory.mktemp("benchmark")
    script = ROOT / "scripts" / "benchmark.py"
    subprocess.run([sys.executable, script, "--quick", "--output", folder], check=True, cwd=ROOT)
    return folder


def test_every_part_is_measured(output):
    results = json.loads((output / "results.json").read_text())
    assert {"input", "training", "growth", "resuming", "honesty", "formats"} <= set(results)
    inputs = results["input"]["repetitions"][0]
    assert all(result["rows"] > 0 for result in inputs.values())
    assert inputs["engine, numpy"]["ended"]
    (places,) = results["resuming"]
    assert places["half of epoch 10"]["rows"] > 9 * 2_000 and places["the start"]["rows"] == 0
    assert all(place["bytes"] < 1024 for place in places.values())


def test_a_table_shows_figures_beside_targets(output):
    text = (output / "results.md").read_text()
    targets = text[text.index("## Targets") :].splitlines()
    assert sum(line.rstrip(" |").endswith("reached") for line in targets) == TARGETS


def test_a_picture_is_drawn(output):
    assert (output / "results.png").read_bytes().startswith(b"\x89PNG")
