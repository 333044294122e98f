"""The last checkpoint of a directory, and how far it was trained."""

from __future__ import annotations

import tensorflow as tf

from sampling.errors import SamplingError


def checkpoint(directory: str) -> str | None:
    """The path of the last one; None where there is none.

    Raises:
        SamplingError: the directory says that there is one, and it can't be found: training would
            begin anew over what is there.
    """
    found = tf.train.latest_checkpoint(directory)
    if found is None and tf.io.gfile.exists(f"{directory}/checkpoint"):
        raise SamplingError(
            f"{directory}/checkpoint names no checkpoint that is there, expected the last one: it "
            "or the files that it names are damaged or gone; restore them, or train again by "
            "--restart, which keeps what is there"
        )
    return str(found) if found else None


def steps(checkpoint: str | None) -> int:
    """0 where there is none."""
    return int(tf.train.load_variable(checkpoint, "global_step")) if checkpoint else 0
