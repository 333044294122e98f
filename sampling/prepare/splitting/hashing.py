"""Hashes of keys, by all cores where there are many: Python makes one at a time in each process."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pyarrow as pa

HashKeys = Callable[[pa.Array, int], np.ndarray]

_WORTH_PROCESSES = 2**19  # keys, which take a second; to start processes takes half of one


def key_hashes(keys: pa.Array, seed: int) -> np.ndarray:
    """uint64 [keys, 2]: the first 16 bytes of SHA-256 of "seed:key", whole numbers as decimals."""
    prefix = f"{seed}:".encode()
    texts = keys.cast(pa.string()).cast(pa.binary()).to_pylist()
    digests = b"".join([hashlib.sha256(prefix + text).digest()[:16] for text in texts])
    return np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)


@contextlib.contextmanager
def processes(number: int | None = None) -> Iterator[HashKeys]:
    """`key_hashes`, by several processes.

    Args:
        number: how many; None: one for every other core, once there have been many keys.
    """
    wanted = number or pa.cpu_count() // 2  # the others read, measure and write meanwhile
    waiting = 0 if number else _WORTH_PROCESSES
    with contextlib.ExitStack() as stack:
        pool: ProcessPoolExecutor | None = None

        def hashed(keys: pa.Array, seed: int) -> np.ndarray:
            nonlocal pool, waiting
            waiting -= len(keys)
            if wanted < 2 or waiting > 0:
                return key_hashes(keys, seed)
            if pool is None:
                # Not by a fork: pyarrow has threads.
                context = multiprocessing.get_context("spawn")
                pool = stack.enter_context(ProcessPoolExecutor(wanted, context, _begin))
            parts = [keys.take(part) for part in np.array_split(np.arange(len(keys)), wanted)]
            return np.concatenate(list(pool.map(key_hashes, parts, itertools.repeat(seed))))

        yield hashed


def _begin() -> None:
    """Ctrl-C is for the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
