"""The scripts, executed for real on a small set."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = [*sorted(ROOT.glob("scripts/*.sh")), ROOT / ".ci" / "run"]
ROWS = 20_000


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    # Beside this Python first: its environment need not be active.
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
    command = [shellcheck, "--external-sources", script]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(("arguments", "newest"), [([], "3.13.0"), (["tf215"], "3.11.7")])
def test_setup_takes_the_newest_python_that_pyenv_keeps(arguments, newest, tmp_path):
    """Stubs that say which of them was taken, and nothing else on the PATH but what is needed."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "setup.py").touch()
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname", "cksum", "cat", "rm"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    for version in ("3.9.1", "3.11.7", "3.12.1", "3.13.0", "3.14.0"):
        python = tmp_path / "pyenv" / "versions" / version / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(
            '#!/bin/sh\n[ "$1" = -c ] || { echo "taken: $0" >&2; exit 3; }\n'
            f'[ {version.split(".")[1]} -le "${{3:-99}}" ]\n'  # what it is asked: is it too new
        )
        python.chmod(0o755)
    done = subprocess.run(
        [shutil.which("bash"), tmp_path / "scripts" / "setup.sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path / "pyenv")},
    )
    assert done.returncode == 3
    assert f"taken: {tmp_path}/pyenv/versions/{newest}/bin/python" in done.stderr


def run(script, *arguments, **variables):
    """From another directory, as a user may; its text must not break at blanks in paths."""
    return subprocess.run(
        ["bash", ROOT / "scripts" / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, **{name: str(value) for name, value in variables.items()}},
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("local train")
    variables = {"ROWS": ROWS, "DATA_DIR": folder / "data", "JOB_DIR": folder / "model"}
    done = run("local-train.sh", "--num_epochs=2", "--hidden_units=8", **variables)
    assert done.returncode == 0, done.stderr
    return variables, done


def test_local_train_makes_data_trains_and_exports(trained):
    variables, done = trained
    assert "ratio_in_weights" in done.stdout and "auc" in done.stdout
    assert json.loads((variables["DATA_DIR"] / "manifest.json").read_text())["rows"] == ROWS
    assert list((variables["JOB_DIR"] / "export").iterdir())
    parameters = json.loads((variables["JOB_DIR"] / "parameters.json").read_text())
    assert parameters["flags"]["hidden_units"] == [8]


def test_local_predict_evaluate_uses_the_trained_model(trained):
    variables, _ = trained
    done = run("local-predict-evaluate.sh", **variables)
    assert done.returncode == 0, done.stderr
    tested = sum(
        len(path.read_text().splitlines()) - 1 for path in variables["DATA_DIR"].glob("test/*.csv")
    )
    predictions = (variables["JOB_DIR"] / "predictions.jsonl").read_text().splitlines()
    assert len(predictions) == tested
    assert 0 < json.loads((variables["JOB_DIR"] / "evaluation.json").read_text())["auc"] <= 1


def test_other_rows_than_the_data_has_are_refused(trained):
    variables, _ = trained
    done = run("local-train.sh", **{**variables, "ROWS": 7})
    assert done.returncode == 1
    assert "does not hold ROWS=7" in done.stderr


def test_predicting_without_a_model_is_refused(tmp_path):
    done = run("local-predict-evaluate.sh", JOB_DIR=tmp_path)
    assert done.returncode == 1
    assert "scripts/local-train.sh" in done.stderr
