"""Splitting millions of rows: every row in one place, in bounded memory.

    python -m tests.stress_prepare --rows 5000000

The tests run the same in short form.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from sampling.files import manifest

_AT_A_TIME = 250_000
# Not by getrusage, whose peak begins with what the process had that started this one.
_PROGRAM = """
import re, sys
from pathlib import Path
from sampling.__main__ import main
main(sys.argv[1:])
peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())
print(int(peak[1]) // 1024)
"""


def write_raw(folder, rows):
    """Files of 20 columns, about 130 bytes a row."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(rows)
    for start in range(0, rows, _AT_A_TIME):
        number = min(_AT_A_TIME, rows - start)
        columns = {"customer": generator.integers(rows // 3, size=number)}
        for index in range(9):
            columns[f"f{index}"] = generator.lognormal(size=number).astype(np.float32)
            columns[f"i{index}"] = generator.integers(50, size=number)
        columns["bought"] = (generator.random(number) < 0.03).astype(int)
        pa.csv.write_csv(pa.table(columns), folder / f"raw-{start:010}.csv")


def peak_megabytes(folder, rows, *flags):
    """Splits so many rows in a process of its own; returns the most memory that it had.

    Raises:
        AssertionError: a row is missing, or there twice.
    """
    raw, out = folder / "raw", folder / "out"
    write_raw(raw, rows)
    arguments = ["split", str(raw), f"--output={out}", "--key=customer", "--label=bought", *flags]
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    made = manifest.read(out)
    counted = sum(each["rows"] for each in made["splits"].values())
    assert counted == rows, f"{counted:,} rows of {rows:,} were written"
    return int(ended.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description="Splits millions of rows, in bounded memory.")
    parser.add_argument("--rows", type=int, default=5_000_000)
    rows = parser.parse_args().rows
    peaks = []
    for number in (rows // 10, rows):
        with tempfile.TemporaryDirectory() as folder:
            peaks.append(peak_megabytes(Path(folder), number))
        print(f"{number:,} rows: {peaks[-1]:,} MB at most", file=sys.stderr)
    if peaks[1] > peaks[0] + 60:
        sys.exit("memory grows with the files")


if __name__ == "__main__":
    main()
