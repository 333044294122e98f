"""The wheel holds what the repository does, and its command runs outside of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from sampling import Schema

ROOT = Path(__file__).parent.parent
MODULE = ["-m", "sampling"]
PACKAGES = ("sampling", "trainer", "examples")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # building leaves things behind
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if name.startswith((*PACKAGES, "setup.py", "pyproject", "README")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "wheel", *options, f"--wheel-dir={folder}", source]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    [made] = folder.glob("tf_sampling-*.whl")
    return made


def test_it_has_every_module_and_what_modules_read(wheel):
    named = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".py", ".typed", ".html") or path.name == "schema.json":
                assert name in named


def test_its_command_runs_elsewhere(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    rows = {"customer": range(60), "age": [20, 30, 40] * 20, "bought": [0, 1, 0] * 20}
    pd.DataFrame(rows).to_csv(tmp_path / "customers.csv", index=False)

    def run(*arguments):
        where = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}}
        command = [sys.executable, *([] if arguments[0] == "-c" else MODULE), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, **where)
        assert done.returncode == 0, done.stderr
        return done.stdout

    schema = run("schema", "customers.csv", "--label=bought", "--key=customer")
    (tmp_path / "schema.json").write_text(schema)
    assert Schema.from_json(tmp_path / "schema.json").names == tuple(rows)
    flags = ("--schema=schema.json", "--label=bought", "--key=customer", "--output=data")
    run("split", "customers.csv", *flags)
    assert list((tmp_path / "data").glob("train/*/*.csv"))
    found = run("-c", "import sampling, trainer; print(sampling.__file__, trainer.__file__)")
    assert found.count(str(tmp_path / "installed")) == 2
