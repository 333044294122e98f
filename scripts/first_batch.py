"""Time and memory until `InputFnWithFakePairs` gives its first batch, by how many pairs are known.

    python scripts/first_batch.py --pairs=1000000 --folder=output/pairs

Makes the files in the folder unless they are there: seeded, `pairs` rows, 50 for each user and 100
for each item on average, by a long tail. Prints a line for ids that are text and one for numbers.
Each is measured in a process of its own: seconds by the clock and by the processor, and how far the
memory rose at most, on Linux.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.csv  # noqa: E402

from sampling import InputFnWithFakePairs, Schema  # noqa: E402

_ROWS = 1_000_000  # at a time
TYPES = {"text": str, "numbers": int}


def make(folder: Path, pairs: int) -> None:
    """Writes text/part-*.csv and numbers/part-*.csv."""
    generator = np.random.default_rng(0)
    num_users, num_items = max(1, pairs // 50), max(2, pairs // 100)
    for part, start in enumerate(range(0, pairs, _ROWS)):
        size = min(_ROWS, pairs - start)
        users = generator.integers(num_users, size=size)
        items = (num_items * generator.random(size) ** 3).astype(np.int64)
        for name, prefix in (("text", "id "), ("numbers", "")):
            path = folder / name / f"part-{part:03d}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            columns = {
                key: pa.array(np.char.add(prefix, ids.astype(str)) if prefix else ids)
                for key, ids in (("user", users), ("item", items))
            }
            pyarrow.csv.write_csv(pa.table({**columns, "plays": np.ones(size, np.int64)}), path)


def measure(folder: Path, type_: Any) -> dict[str, float]:
    """Seconds, and GB, until the first batch is there."""
    begun, memory = (time.perf_counter(), time.process_time()), _begin()
    schema = Schema.from_dict({"user": type_, "item": type_, "plays": int}, "plays")
    input_fn = InputFnWithFakePairs(str(folder), schema, "user", "item", fakes="per_user")
    next(iter(input_fn.batches()))
    known = input_fn.sampler.candidates.known
    return {
        "seconds": time.perf_counter() - begun[0],
        "processor seconds": time.process_time() - begun[1],
        "GB": (_memory("VmHWM") - memory) / 1e9,
        "million known pairs": len(known.codes) / 1e6,
    }


def _begin() -> int:
    """Bytes in memory now; from here on Linux measures the most anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    """Bytes of this process by one of Linux' names."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the start with many known pairs.")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    folder = given.folder / str(given.pairs)
    if not folder.exists():
        make(folder, given.pairs)
    for name, type_ in TYPES.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (folder / name, type_))
        figures = ", ".join(f"{value:,.2f} {what}" for what, value in found.items())
        print(f"{given.pairs:,} rows, ids are {name}: {figures}", flush=True)


if __name__ == "__main__":
    main()
