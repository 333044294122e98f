"""A thousand flipped bits in a file of each format: the same rows, or an error that names it.

    python -m tests.stress_flips --flips=1000

CSV and Arrow have no checksums: there, other values may be read, but no process may end.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests import flips

NAMES = ("a.csv", "a.csv.gz", "a.parquet", "a.arrow", "a.tfrecord", "a.tfrecord.gz")
MAY_BE_OTHER = ("a.csv", "a.arrow")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            data = flips.write(path)
            places = range(len(data))
            found = flips.outcomes(path, data, places, arguments.flips, arguments.seed)
            print(f"{name}: {dict(found)}", flush=True)
            allowed = {"same", "SamplingError", *(["other"] if name in MAY_BE_OTHER else [])}
            if name == "a.parquet":  # nothing checks what a footer says of types and names
                footer = int.from_bytes(data[-8:-4], "little") + 8
                pages = range(len(data) - footer)
                in_pages = flips.outcomes(path, data, pages, arguments.flips, arguments.seed)
                in_footer = range(len(data) - footer, len(data))
                of_footer = flips.outcomes(path, data, in_footer, 300, arguments.seed)
                print(f"{name}, pages: {dict(in_pages)}, footer: {dict(of_footer)}", flush=True)
                assert set(in_pages) <= {"same", "SamplingError"}, in_pages
                assert set(of_footer) <= {"same", "SamplingError", "other"}, of_footer
                allowed.add("other")
            assert set(found) <= allowed, found


if __name__ == "__main__":
    main()
