"""What TensorFlow has to say, and what it wraps our errors in, kept away from who runs a job."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator

import tensorflow as tf

from sampling.errors import SamplingError


def quieten_tensorflow() -> None:
    """That tf.estimator is deprecated is known. Errors and our own warnings still come through."""
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", module=r"(tensorflow|tensorflow_estimator|keras)\b")


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """An input function's SamplingError comes out of a session wrapped in pages of traceback."""
    try:
        yield
    except tf.errors.OpError as error:
        sentence = re.search(r"SamplingError: (.*)", error.message)
        if not sentence:
            raise
        raise SamplingError(sentence.group(1)) from error
