"""Files with a flipped bit, each read in a process of its own: damage must never end that."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections import Counter
from collections.abc import Callable
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
    found: Counter[str] = Counter()
    for _ in range(flips):
        damaged = bytearray(data)
        place = choose.choice(places)
        damaged[place] ^= 1 << choose.randrange(8)
        path.write_bytes(damaged)
        found[_in_a_process(lambda: _read(path), str(path))] += 1
    return found


def _read(path: Path) -> str:
    expected = frame(np.arange(ROWS), np.arange(ROWS) % 5 == 0)
    batches = list(InputFn(str(path), SCHEMA, batch_size=ROWS).batches())
    if not isinstance(batches[0], tuple):  # the label has another name
        return "other"
    rows = pd.DataFrame({**batches[0][0], "label": batches[0][1]})
    rows["city"] = [city.decode() for city in rows["city"]]
    same = len(batches) == 1 and rows.shape == expected.shape
    return "same" if same and (rows.to_numpy() == expected.to_numpy()).all() else "other"


def _in_a_process(read: Callable[[], str], name: str) -> str:
    """What `read` returns, the class of what it raises, or the signal that ended it.

    Args:
        name: what an error must tell.
    """
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forks beside threads: none of them is needed
        child = os.fork()
    if child == 0:
        os.close(receive)
        os.close(2)  # C++ tells what it ends for
        signal.alarm(_MOST_SECONDS)
        try:
            said = read()
        except BaseException as error:
            said = type(error).__name__
            if name not in str(error):
                said = f"{said} without the file: {error}"
        os.write(send, said.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    return f"signal {status}" if os.WIFSIGNALED(status) else said
