"""The same models from TensorFlow 2.15 and from today's; what one has made, the other goes on with.

Runs where both environments of scripts/setup.sh are there.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PYTHONS = {name: ROOT / name / "bin" / "python" for name in (".venv", ".venv-tf215")}
lacking = [name for name, python in PYTHONS.items() if not python.exists()]
pytestmark = pytest.mark.skipif(
    bool(lacking), reason=f"{', '.join(lacking)} is not there; bash scripts/setup.sh makes both"
)


def started(name: str, command: str, folder: Path) -> subprocess.Popen[str]:
    arguments = [
        str(PYTHONS[name]),
        "-W",
        "ignore",
        "-m",
        "tests.estimator_run",
        command,
        str(folder),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "0"}
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def printed(process: subprocess.Popen[str]) -> dict:
    out, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out)


def flat(found: dict) -> dict[str, float]:
    return {
        f"{name}, {key}": value
        for name, values in found.items()
        if name != "TensorFlow"
        for key, value in (values if isinstance(values, dict) else dict(enumerate(values))).items()
    }


def assert_close(found: dict, expected: dict, tolerance: float) -> None:
    assert found["TensorFlow"] != expected["TensorFlow"]
    found, expected = flat(found), flat(expected)
    assert found.keys() == expected.keys() and len(found) > 40
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)


def test_both_train_the_same_models_and_go_on_with_each_others(tmp_path):
    today, before = PYTHONS
    made = {name: started(name, "train", tmp_path / name) for name in PYTHONS}
    made = {name: printed(process) for name, process in made.items()}
    assert_close(made[today], made[before], 1e-4)
    used = {
        name: started(name, "use", tmp_path / other)
        for name, other in ((today, before), (before, today))
    }
    used = {name: printed(process) for name, process in used.items()}
    # Checkpoints and SavedModels of the other one.
    assert_close(used[today], made[before], 1e-6)
    assert_close(used[before], made[today], 1e-6)
