"""Measurements in processes of their own.

run("benchmarks.inputs", "measure", name="pandas in memory", ...)  # -> the function's result
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import meter

_SCRIPTS = Path(__file__).parent.parent


def run(module: str, function: str, **arguments: Any) -> Any:
    """Calls a function of a module in a fresh Python, TensorFlow imported and initialised.

    Arguments and result are what JSON can hold.
    """
    paths = [str(_SCRIPTS), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fresh", module, function, json.dumps(arguments)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
    )
    return json.loads(done.stdout.splitlines()[-1])


def here(module: str, function: str, **arguments: Any) -> Any:
    """The same in this process."""
    meter.start_memory()
    return json.loads(json.dumps(getattr(importlib.import_module(module), function)(**arguments)))


def in_turn(names: Sequence[str], repetition: int) -> list[str]:
    """The names, beginning with another one in every repetition."""
    shift = repetition % len(names)
    return [*names[shift:], *names[:shift]]


def progress(message: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def _main() -> None:
    module, function, arguments = sys.argv[1:]
    import tensorflow as tf

    tf.constant(1) + 1
    meter.start_memory()  # before the inputs import what they need
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(result), flush=True)
    os._exit(0)  # a thread of pyarrow or TensorFlow that is still at work could abort an exit


if __name__ == "__main__":
    _main()
