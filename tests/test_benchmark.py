import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampling import Schema

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


def test_the_sampler_of_contributing_samples(tmp_path):
    """Every row once before any comes again, `sample_rows` of them in an epoch."""
    pd.DataFrame({"id": np.arange(3_000), "label": 0}).to_csv(tmp_path / "a.csv", index=False)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(blocks[0], names)
    schema = Schema.from_dict({"id": int, "label": int}, label="label")
    make = names["InputFnSample"](tmp_path, schema, sample_rows=1_000, num_epochs=3)
    ids = np.concatenate([features["id"] for features, *_ in make.batches()])
    assert make.rows_per_epoch == 1_000
    assert not np.array_equal(np.sort(ids[:1_000]), np.arange(1_000))
    np.testing.assert_array_equal(np.sort(ids), np.arange(3_000))
