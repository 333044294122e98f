"""Commands that write, killed at random moments, and two of them at once with one output.

    python -m tests.stress_writers --kills=24 --pairs=100

Whatever happens, an output is whole or not there, nobody's result is lost, and the next run removes
what a killed one left. The tests run the same in short form.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from sampling import Schema
from sampling.__main__ import main as run
from tests.forked import Forked

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
SCHEMA = Schema.from_dict({"user": str, "item": int, "x": float, "y": int}, label="y")


def write_raw(folder, rows):
    """Two raw files of other rows, the classes of the first one, a schema."""
    for number in range(2):
        generator = np.random.default_rng(number)
        frame = pd.DataFrame(
            {
                "user": [f"u{user}" for user in generator.integers(rows // 50 + 2, size=rows)],
                "item": generator.integers(rows // 50 + 2, size=rows),
                "x": generator.lognormal(size=rows),
                "y": (generator.random(rows) < 0.2).astype(int),
            }
        )
        frame.to_csv(folder / f"raw-{number}.csv", index=False)
    for label, name in enumerate(("negative", "positive")):
        frame[frame["y"] == label].to_csv(folder / f"{name}.csv", index=False)
    (folder / "schema.json").write_text(SCHEMA.to_json())


def commands(folder):
    """Name -> its arguments without an output."""
    raw, schema = str(folder / "raw-0.csv"), f"--schema={folder / 'schema.json'}"
    classes = [f"--{name}_dir={folder / name}.csv" for name in ("positive", "negative")]
    pairs = ["--user_key=user", "--item_key=item", schema, "--label=y"]
    return {
        "split": ["split", raw, "--label=y"],
        "split to Parquet": ["split", raw, "--key=user", "--format=parquet", schema],
        "split, stratified": ["split", raw, "--label=y", "--stratify"],
        "sample": ["sample", *classes, schema, "--label=y"],
        "count": ["count", raw, "--label=y"],
        "vocab": ["vocab", raw, "--column=user"],
        "unobserved": ["unobserved", raw, *pairs],
    }


def import_all(folder):
    """Runs every command once in this process: those forked from it need not import anything."""
    for number, arguments in enumerate(commands(folder).values()):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run([*arguments, f"--output={folder}/imported/{number}"])


def start(arguments, output, *flags):
    return Forked(run, [*arguments, f"--output={output}", *flags])


def digest(output):
    """Of all that is in a file or folder; None: there is none."""
    if not output.exists():
        return None
    paths = [output] if output.is_file() else sorted(p for p in output.rglob("*") if p.is_file())
    parts = [f"{p.relative_to(output.parent)}".encode() + p.read_bytes() for p in paths]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def kill(arguments, folder, kills, seed=0):
    """Kills a command so often; returns how many of the runs had begun to write.

    Raises:
        AssertionError: an output is there in part, or something is left behind.
    """
    chosen, work = random.Random(seed), folder / "killed"
    work.mkdir()
    output, begun = work / "out", 0
    started, ended = time.monotonic(), start(arguments, output)
    said = ended.wait()
    assert ended.returncode == 0, said
    seconds, whole = time.monotonic() - started, digest(output)
    for number in range(kills):
        before = digest(output)
        with start(arguments, output, "--overwrite") as process:
            if number % 3:  # as soon as it writes, or any moment after it
                while process.poll() is None and not list(work.glob(".out.writing-*")):
                    time.sleep(0.001)
                time.sleep(chosen.random() * seconds / 4 * (number % 3 - 1))
            else:
                time.sleep(chosen.random() * seconds)
            begun += bool(list(work.glob(".out.writing-*")))
            how = SIGNALS[number % len(SIGNALS)] if number % 2 else signal.SIGKILL
            process.send_signal(how)
        assert digest(output) == before == whole, "an output is there in part"
        left = [path.name for path in work.iterdir() if path.name != "out"]
        assert how == signal.SIGKILL or len(left) <= bool(number), f"{how!r} left {left}"
    last = start(arguments, output, "--overwrite")
    said = last.wait()
    assert last.returncode == 0 and digest(output) == whole, (last.returncode, said)
    assert [path.name for path in work.iterdir()] == ["out"], "something is left behind"
    return begun


def race(folder, pairs):
    """Two splits of other files with one output, so often; returns how many were kept beside it.

    Raises:
        AssertionError: both have won, or a result is lost.
    """
    sources, kept_beside = [["split", str(folder / f"raw-{n}.csv")] for n in range(2)], 0
    results = []
    for number, arguments in enumerate(sources):
        alone = folder / f"alone-{number}/out"
        with start(arguments, alone):
            pass
        results.append(digest(alone))
    for number in range(pairs):
        work = folder / f"race-{number}"
        work.mkdir()
        processes = [start(arguments, work / "out") for arguments in sources]
        told = [process.wait() for process in processes]
        codes = [process.returncode for process in processes]
        assert sorted(codes) == [0, 1], told
        winner, loser = codes.index(0), codes.index(1)
        assert digest(work / "out") == results[winner], "the winner's result is not there"
        error = told[loser].splitlines()[-1]
        if (kept := work / "out.kept-1").exists():
            kept_beside += 1
            assert str(kept) in error, error
            kept.rename(work / "other")
            (work / "out").rename(work / "won")
            (work / "other").rename(work / "out")
            assert digest(work / "out") == results[loser], "the loser's result is not whole"
        else:
            assert "holds _manifest.json already" in error, error
        assert not list(work.glob(".*")), "something is left behind"
    return kept_beside


def main():
    parser = argparse.ArgumentParser(description="Kills what writes, and lets two write at once.")
    parser.add_argument("--kills", type=int, default=24, help="of each command")
    parser.add_argument("--pairs", type=int, default=100, help="of splits at once")
    parser.add_argument("--rows", type=int, default=30_000)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_raw(folder, 2_000)
        import_all(folder)
        write_raw(folder, flags.rows)
        kept = race(folder, flags.pairs)
        print(f"{flags.pairs} races: {kept} results kept beside the winner's, none lost")
        for name, arguments in commands(folder).items():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                begun = kill(arguments, Path(work), flags.kills)
            print(f"{name}: {flags.kills} kills, {begun} while it wrote; whole, nothing left")


if __name__ == "__main__":
    main()
