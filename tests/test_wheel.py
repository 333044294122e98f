"""The wheel holds what the repository does, and its command runs outside of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

import sampling

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
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
    assert f"-{sampling.__version__}-" in wheel.name
    named = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".py", ".typed", ".html") or path.name == "schema.json":
                assert name in named


def test_what_the_readme_shows_runs_elsewhere(wheel, tmp_path):
    """Its commands in short: fewer customers, two epochs."""
    short = {
        "--rows=100000": "--rows=3000",
        "--job-dir=job --f": "--num_epochs=2 --job-dir=job --f",
    }
    for command, shown, printed in commands(wheel, tmp_path, short):
        # Of lines of figures, their names: where there are so few rows, nothing is calibrated.
        names = [
            first_word(line) for line in shown if not re.match(r"\.\.\.|calibrated|[0-9]", line)
        ]
        assert set(names) <= set(map(first_word, printed)), command


@pytest.mark.long
def test_what_the_readme_shows_is_what_is_printed(wheel, tmp_path):
    for command, shown, printed in commands(wheel, tmp_path):
        lines = iter(printed)
        for expected in shown:
            if expected == "...":
                continue
            same = (line for line in lines if without_figures(line) == without_figures(expected))
            found = next(same, "")
            assert found, expected
            # Figures that a training came to may differ in the last digits.
            np.testing.assert_allclose(figures(found), figures(expected), rtol=0.1, err_msg=command)


def commands(wheel, tmp_path, replaced=MappingProxyType({})):
    """Runs the README's commands in an empty folder: each with what the README shows and the
    lines that it printed."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    folder = tmp_path / "empty"
    folder.mkdir()
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    paths = {"PATH": path, "PYTHONPATH": str(tmp_path / "installed")}
    where = {"cwd": folder, "env": {**os.environ, **paths}, "text": True}
    blocks = re.findall(r"```console\n(.*?) *```", README.read_text(), re.DOTALL)
    text = "".join(map(textwrap.dedent, blocks))
    assert text.count("$ ") == 7
    for shown in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = shown.splitlines()
        for old, new in replaced.items():
            command = command.replace(old, new)
        together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(["bash", "-c", command], check=False, **together, **where)
        assert done.returncode == 0, done.stdout
        yield command, lines, done.stdout.replace("\r", "\n").splitlines()
    script = "import sampling, trainer, examples as e; print(sampling.__file__, e.__file__)"
    command = [sys.executable, "-c", script]
    imported = subprocess.run(command, capture_output=True, check=True, **where)
    assert imported.stdout.count(str(tmp_path / "installed")) == 2


def first_word(line):
    return line.split()[0] if line.strip() else ""


NUMBER = r"[0-9][0-9,]*(?:\.[0-9]+)?(?:e-?[0-9]+)?"


def figures(line):
    return [float(each.replace(",", "")) for each in re.findall(NUMBER, line)]


def without_figures(line):
    return re.sub(NUMBER, "N", line).split()
