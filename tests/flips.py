"""Files with a flipped bit, read in another process: damage must never end that."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sampling import InputFn, Schema
from tests import written
from tests.conftest import frame

SCHEMA = Schema.from_dict({"id": int, "x": float, "city": str, "label": int}, label="label")
ROWS = 600
_MOST_SECONDS = 120  # what takes longer hangs


def write(path: Path) -> bytes:
    """A small file of every type, in the format that its name says; returns its bytes."""
    rows = frame(np.arange(ROWS), np.arange(ROWS) % 5 == 0)
    written.write(rows, path, row_group_rows=150)
    return path.read_bytes()


def outcomes(path: Path, data: bytes, places: range, flips: int, seed: int) -> Counter[str]:
    """How often what was read with a flipped bit is the same, other, or an error of which class.

    Args:
        path: where each damaged file is written.
        data: the whole file.
        places: of the bytes that are damaged.
    """
    choose = random.Random(seed)
    flipped = [(choose.choice(places), choose.randrange(8)) for _ in range(flips)]
    found: list[str] = []
    while len(found) < flips:
        found += _in_a_process(path, data, flipped[len(found) :])
    return Counter(found)


def _read(path: Path) -> str:
    expected = frame(np.arange(ROWS), np.arange(ROWS) % 5 == 0)
    batches = list(InputFn(str(path), SCHEMA, batch_size=ROWS).batches())
    if not isinstance(batches[0], tuple):  # the label has another name
        return "other"
    rows = pd.DataFrame({**batches[0][0], "label": batches[0][1]})
    rows["city"] = [city.decode() for city in rows["city"]]
    same = len(batches) == 1 and rows.shape == expected.shape
    return "same" if same and (rows.to_numpy() == expected.to_numpy()).all() else "other"


def _in_a_process(path: Path, data: bytes, flipped: Sequence[tuple[int, int]]) -> list[str]:
    """What comes of each flip, in order, up to the first that ends the process.

    "same", "other", the class of an error, or the signal that ended it.
    """
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forks beside threads: none of them is needed
        child = os.fork()
    if child == 0:
        os.close(receive)
        os.close(2)  # C++ tells what it ends for
        for place, bit in flipped:
            signal.alarm(_MOST_SECONDS)
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            os.write(send, f"{_outcome(path)}\n".encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as told:
        found = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    return [*found, f"signal {status}"] if os.WIFSIGNALED(status) else found


def _outcome(path: Path) -> str:
    try:
        return _read(path)
    except BaseException as error:
        said = type(error).__name__
        is_named = str(path) in str(error)
        return said if is_named else f"{said} without the file: {error}".replace("\n", " ")
