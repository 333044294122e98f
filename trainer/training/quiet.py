"""What TensorFlow has to say, and what it makes of errors, kept away from who runs a job."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
import warnings
from collections.abc import Iterator

import tensorflow as tf

from sampling.errors import SamplingError, wrapped_in

# What files and devices do, and no program can help.
_OF_FILES = (
    tf.errors.AbortedError,
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnauthenticatedError,
    tf.errors.UnavailableError,
)


def quieten_tensorflow() -> None:
    """That tf.estimator is deprecated is known. Errors and our own warnings still come through."""
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", module=r"(tensorflow|tensorflow_estimator|keras)\b")


@contextlib.contextmanager
def plain_errors(job_dir: str) -> Iterator[None]:
    """What is said to the user comes out as SamplingError, without pages of traceback.

    Args:
        job_dir: of the job, which is named where a file of it may be the cause.

    Raises:
        SamplingError: an input function said so in a session; a file can't be read or written; or
            the training diverged.
    """
    # The thread that writes summaries fails as well, and nobody needs its traceback.
    hook = threading.excepthook
    threading.excepthook = lambda fault: hook(fault) if job_dir not in str(fault[1]) else None
    try:
        yield
    except tf.compat.v1.train.NanLossDuringTrainingError as error:
        raise SamplingError(
            "the loss is not a number any more: the training diverged; lower --learning_rate, "
            "or look for extreme numbers in the files"
        ) from error
    except (IndexError, RuntimeError) as error:
        # How the writer of summaries says what it can't write, in threads of its own.
        if job_dir not in str(error):
            raise
        raise SamplingError(_of_files(str(error), job_dir)) from error
    except tf.errors.OpError as error:
        if said := wrapped_in(error):
            raise said from error
        is_of_files = isinstance(error, tf.errors.UnknownError) and (
            error.op is None or os.strerror(errno.EIO) in error.message
        )
        if is_of_files or isinstance(error, _OF_FILES):
            raise SamplingError(_of_files(error.message, job_dir)) from error
        raise
    finally:
        threading.excepthook = hook


def _of_files(message: str, job_dir: str) -> str:
    """A sentence, out of the traces around it."""
    found = re.search(r"^(.+)\n\s*\[\[\{\{node", message, re.MULTILINE)
    reason = found[1] if found else (message.strip().splitlines() or ["a file operation failed"])[0]
    reason = re.sub(r"\{\{.*?\}\}|\[Op:\w*\]", "", reason)  # names of operations
    return (
        f"{reason.strip().rstrip('.;')}; look for damaged or missing files, rights and free space "
        f"where {job_dir} and the input are, then give the same command again"
    )
