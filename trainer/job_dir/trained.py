"""The last checkpoint of a directory, and how far it was trained."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from sampling.errors import SamplingError


def checkpoint(directory: str) -> str | None:
    """The path of the last one; None where there is none.

    Raises:
        SamplingError: the directory says that there is one, and it can't be found: training would
            begin anew over what is there.
    """
    found = None
    with contextlib.suppress(ValueError):  # an empty file
        found = tf.train.latest_checkpoint(directory)
    if found is None and tf.io.gfile.exists(f"{directory}/checkpoint"):
        raise SamplingError(
            f"{directory}/checkpoint names no checkpoint that is there, expected the last one: it "
            "or the files that it names are damaged or gone; restore them, or train again by "
            "--restart, which keeps what is there"
        )
    return str(found) if found else None


def steps(path: str | None) -> int:
    """Of a checkpoint; 0 where there is none.

    Raises:
        SamplingError: its files are damaged.
    """
    if not path:
        return 0
    with undamaged(path):
        return int(tf.train.load_variable(path, "global_step"))


@contextlib.contextmanager
def undamaged(path: str) -> Iterator[None]:
    """Around what reads a checkpoint eagerly, where damages are errors of many types.

    Raises:
        SamplingError: in place of these.
    """
    try:
        yield
    except (IndexError, KeyError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SamplingError(
            f"the checkpoint {path} can't be read ({reason}); restore its files, or train again "
            "by --restart, which keeps what is there"
        ) from None
