"""The command `tf-sampling`: what it lists, how flags are told, and how it ends."""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
import sys

import pytest

from sampling.__main__ import COMMANDS, main
from sampling.command_line import common
from sampling.command_line.flag import every
from sampling.commands import count
from sampling.errors import SamplingError, wrapped_in
from sampling.formats import registry, writing
from trainer import launch, task

OF_FILES = sorted(set(COMMANDS) - {"train", "evaluate", "predict", "launch"})
JOBS = [(mode, job) for mode in ("train", "evaluate", "predict") for job in task.JOBS]
PROGRAM = [sys.executable, "-m", "sampling"]


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "a.csv").write_text("id,bought\n1,0\n2,1\n3,0\n")
    return str(tmp_path / "a.csv")


def ended(capsys, *arguments):
    """(status, its one line on stderr)"""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("tf-sampling: "), lines
    return stop.value.code, lines[0].removeprefix("tf-sampling: ")


def test_it_lists_its_commands_and_imports_nothing_for_it(capsys):
    main(["--help"])
    text = capsys.readouterr().out
    for name, about in COMMANDS.items():
        assert f"  {name} " in text and about in text
    main([])
    assert capsys.readouterr().out == text
    program = "import sys; from sampling.__main__ import main; main(['--help'])\n"
    program += "print(sorted({'tensorflow', 'pyarrow', 'pandas', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{text}[]\n"


def test_it_tells_its_version():
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tf-sampling 0.")


@pytest.mark.parametrize("words", [[name] for name in OF_FILES] + [["launch"], *map(list, JOBS)])
def test_help_fits_a_terminal(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0 and text.startswith(f"usage: tf-sampling {' '.join(words)}")
    assert max(map(len, text.splitlines())) <= 100


def test_the_same_flag_means_the_same_everywhere():
    """One type, and one set of choices, whatever command has it."""
    groups = [importlib.import_module(f"sampling.commands.{name}").FLAGS for name in OF_FILES]
    groups += [job.FLAGS for job in task.JOBS.values()] + [launch.FLAGS]
    found = {}
    for flag in (flag for flags in groups for flag in every(flags)):
        found.setdefault(flag.name, []).append(flag)
    shared = {flag.name for flag in vars(common).values() if hasattr(flag, "of_model")}
    assert {"schema", "label", "seed", "output", "job_dir", "exclude"} <= shared
    for name in shared & set(found):
        flags = found[name]
        declared = next(f for f in vars(common).values() if getattr(f, "name", None) == name)
        assert {(flag.parse, flag.choices) for flag in flags} == {
            (declared.parse, declared.choices)
        }


def test_formats_are_those_of_the_library():
    assert common.FORMATS == registry.FORMATS
    split = importlib.import_module("sampling.commands.split")
    assert next(f for f in every(split.FLAGS) if f.name == "format").choices == writing.FORMATS


@pytest.mark.parametrize(
    "flags", [("--null-values=x", "--no-newlines-in-values"), ("--null_values=x", "--no_header")]
)
def test_hyphens_and_underscores_are_the_same(rows, capsys, flags):
    main(["count", rows, "--json", *flags[:1]])
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    if "--no_header" in flags:
        main(["count", rows, "--json", "--columns=a,b", *flags])
        assert json.loads(capsys.readouterr().out)["rows"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["spilt"], "unknown command 'spilt', did you mean split?"),
        (["split", "x", "--ky=id"], "unknown flag --ky, did you mean --key?"),
        (["count", "x", "--lab=id"], "unknown flag --lab, did you mean --label?"),
        (["count", "x", "--delimiters", ";"], "unknown flag --delimiters, did you mean --delim"),
        (["count", "x", "--zzz"], "unknown flag --zzz;"),
        (["count"], "the following arguments are required: files"),
        (["count", "x", "--delimiter=ab"], "argument --delimiter: found 'ab', expected one ASCII"),
        (["train", "propensity", "--mode=predict"], "unknown flag --mode"),
        (["train", "propensity", "--multipler=2"], "unknown flag --multipler, did you mean --mult"),
        (["train", "propensity", "stray"], "found 'stray', which belongs to no flag"),
        (["train", "propensty"], "unknown job 'propensty', did you mean propensity?"),
        (["launch", "--worker=2", "--", "propensity"], "unknown flag --worker, did you mean --wo"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(arguments, said, capsys):
    status, line = ended(capsys, *arguments)
    assert status == 2 and f"error: {said}" in line


def test_files_that_are_not_there_are_status_1(capsys):
    status, line = ended(capsys, "count", "nowhere/*.csv")
    assert status == 1 and "nowhere/*.csv" in line


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left", "out/part"),
            1,
            "error: out/part: no space is left",
        ),
        (PermissionError(errno.EACCES, "Denied", "x"), 1, "error: x: permission is denied"),
        (OSError(errno.EIO, "I/O error"), 1, "error: the device fails to read or write"),
        (SamplingError("found a, expected b"), 1, "error: found a, expected b"),
        (ImportError("there is no z; install it"), 1, "error: there is no z; install it"),
        (KeyboardInterrupt(), 130, "stopped; nothing was written; the same command begins anew"),
    ],
)
def test_whatever_happens_is_one_line(raised, status, said, rows, capsys, monkeypatch):
    def run(flags):
        raise raised

    monkeypatch.setattr(count, "run", run)
    found, line = ended(capsys, "count", rows)
    assert found == status and line.startswith(said)


@pytest.mark.parametrize("fault", [TypeError("ours"), ModuleNotFoundError("ours", name="x")])
def test_a_fault_of_the_program_is_not_hidden(fault, rows, monkeypatch):
    def run(flags):
        raise fault

    monkeypatch.setattr(count, "run", run)
    with pytest.raises(type(fault), match="ours"):
        main(["count", rows])


def test_remedies_are_flags(tmp_path, capsys):
    """As Python says them they could not be followed."""
    (tmp_path / "a.csv").write_bytes("id,größe\n1,2\n".encode("latin-1"))
    _, line = ended(capsys, "count", str(tmp_path / "a.csv"), "--columns=id,size", "--label=id")
    assert "pass --encoding=latin-1 if it is that" in line
    (tmp_path / "a.csv").write_text('id,text\n1,"a\nb"\n')
    _, line = ended(capsys, "vocab", str(tmp_path / "a.csv"), "--column=text", "--output=none")
    assert "pass --newlines_in_values if fields hold newlines" in line


def test_a_reader_that_stops_reading(rows):
    """As `| head` does."""
    reading, writing_ = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROGRAM, "count", rows], stdout=writing_, stderr=subprocess.PIPE)
    os.close(writing_)
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    assert b"Broken pipe" not in done.stderr


def test_what_an_input_function_said_is_found_in_what_tensorflow_makes_of_it():
    said = SamplingError("a.csv, line 7: found 'x',\nexpected a number; fix it")
    wrapped = RuntimeError(f"{{node PyFunc}} SamplingError: {said}\nTraceback ...\n\t [[Iterator]]")
    assert str(wrapped_in(wrapped)) == str(said)
    assert wrapped_in(RuntimeError("found 'y'")) is None
