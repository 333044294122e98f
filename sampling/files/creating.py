"""Files that are written, replaced, moved and removed; local, or of a bucket."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from typing import Any, BinaryIO

from sampling.errors import SamplingError
from sampling.files.reading import is_local


def create(path: str) -> BinaryIO:
    """A file to write to, with its folders; local, or what `tf.io.gfile` writes."""
    if is_local(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open(path, "wb")
    import tensorflow as tf

    tf.io.gfile.makedirs(os.path.dirname(path))
    return io.BufferedWriter(_RemoteFile(path), 2**20)


class _RemoteFile(io.RawIOBase):
    """What `tf.io.gfile` writes, as the file object that Python and pyarrow expect."""

    def __init__(self, path: str):
        import tensorflow as tf

        self._gfile = tf.io.gfile.GFile(path, "wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._gfile.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._gfile.close()
        super().close()


def replace(path: str, text: str) -> None:
    """Writes a text file that appears whole, or not at all."""
    if not is_local(path):  # a bucket's objects appear when they are complete
        with create(path) as file:
            file.write(text.encode())
        return
    partial = f"{path}.partial-{os.getpid()}"
    try:
        with create(os.path.abspath(partial)) as file:
            file.write(text.encode())
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(partial)
        raise SamplingError(
            f"{path} can't be written ({error}), nothing of it is left; fix that, or name another"
        ) from error


def move(old: str, new: str) -> None:
    """Gives a file another name; a file that has it already is replaced."""
    if is_local(old):
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.replace(old, new)
        return
    import tensorflow as tf

    tf.io.gfile.makedirs(os.path.dirname(new))
    tf.io.gfile.rename(old, new, overwrite=True)


def remove(path: str) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if is_local(path):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        return
    import tensorflow as tf

    if tf.io.gfile.isdir(path):
        tf.io.gfile.rmtree(path)
    elif tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
