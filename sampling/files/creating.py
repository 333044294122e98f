"""Files that are written, replaced, moved and removed; local, or of a bucket."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from sampling.errors import SamplingError
from sampling.files.reading import gfile, is_local, telling
from sampling.files.staging import staged

_IN_MEMORY = 2**24  # bytes of an object of a bucket, until it is complete


_BEGUN: dict[str, set[str]] = {}  # by folder of a bucket that is being written: its files so far


@contextlib.contextmanager
def noting(folder: str) -> Iterator[set[str]]:
    """The paths of all files that `create` and `move` make in a folder of a bucket meanwhile."""
    _BEGUN[folder] = set()
    try:
        yield _BEGUN[folder]
    finally:
        del _BEGUN[folder]


def _note(path: str) -> None:
    """Raises SamplingError if the file is there and of something else."""
    for folder, made in list(_BEGUN.items()):
        if path.startswith(f"{folder}/") and path not in made:
            check_new(path)
            made.add(path)


def create(path: str) -> BinaryIO:
    """A file to write to, with its folders; local, or what `tf.io.gfile` writes."""
    if is_local(path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        return open(path, "wb")

    _note(path)
    gfile(path).makedirs(os.path.dirname(path))
    return io.BufferedWriter(_RemoteFile(path), 2**20)


class _RemoteFile(io.RawIOBase):
    """What `tf.io.gfile` writes, as the file object that Python and pyarrow expect."""

    def __init__(self, path: str):
        self._path = path
        self._gfile = gfile(path).GFile(path, "wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with telling(self._path):
            self._gfile.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with telling(self._path):
                self._gfile.close()
        super().close()


@contextlib.contextmanager
def whole(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file to write to that appears if all went well, or not at all.

    Args:
        path: of the file, local or of a bucket; its folder is made.
        overwrite: whether to replace a file of that name. Without it, one that appears meanwhile
            stays, too, and what was written is kept beside it; in a bucket only if it appears
            before the last moment.

    Raises:
        SamplingError: there is a file already, or it can't be written.
    """
    path = os.fspath(path)
    path = os.path.realpath(os.path.expanduser(path)) if is_local(path) else path
    if not overwrite:
        check_new(path)
    opened = _local(path, overwrite) if is_local(path) else _remote(path, overwrite)
    try:
        with opened as file:
            yield file
    except OSError as error:
        raise SamplingError(
            f"{path} can't be written ({error}), nothing of it is left; fix that, or name another"
        ) from error


def replace(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Writes a file that appears whole, or not at all; one of that name is replaced.

    Raises:
        SamplingError: it can't be written.
    """
    with whole(path, overwrite=True) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def replace_all(directory: str, contents: Mapping[str, bytes], overwrite: bool = True) -> None:
    """Writes several files of a directory, the last one last; see `whole`."""
    if not overwrite:
        for name in contents:
            check_new(os.path.join(directory, name))
    for name, content in contents.items():
        with whole(os.path.join(directory, name), overwrite) as file:
            file.write(content)


def check_new(path: str) -> None:
    """Raises SamplingError if there is something of that name."""
    if exists(path):
        raise SamplingError(
            f"{path} exists already, expected nothing; name another, or allow overwriting"
        )


def exists(path: str) -> bool:
    """Whether there is a file or folder of that name, or a link."""
    if is_local(path):
        return os.path.lexists(path)
    with telling(path):
        return bool(gfile(path).exists(path))


@contextlib.contextmanager
def _local(path: str, overwrite: bool) -> Iterator[BinaryIO]:
    with staged(path) as stage:
        made = os.path.join(stage, "made")
        with open(made, "wb") as file:
            yield file
        if overwrite:
            os.replace(made, path)
            return
        try:
            _put(made, path)
        except FileExistsError:
            raise SamplingError(
                f"{path} was written by something else meanwhile, which stays as it is; "
                f"the finished result is {_keep(made, path)}"
            ) from None


def _put(made: str, path: str) -> None:
    """Renames a file. Raises FileExistsError if there is one already."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(made, path)


def _keep(made: str, path: str) -> str:
    """Puts a file beside its place, and returns where it is."""
    number = 1
    while True:
        kept = f"{path}.kept-{number}"
        with contextlib.suppress(FileExistsError):
            _put(made, kept)
            return kept
        number += 1


@contextlib.contextmanager
def _remote(path: str, overwrite: bool) -> Iterator[BinaryIO]:
    """The object is begun when it is complete: an object that is closed is there."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as complete:
        yield complete  # type: ignore[misc]
        complete.seek(0)
        if not overwrite:
            check_new(path)
        with create(path) as file:
            shutil.copyfileobj(complete, file, 2**20)


def move(old: str, new: str) -> None:
    """Gives a file another name; a file that has it already is replaced."""
    if is_local(old):
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.replace(old, new)
        return

    _note(new)
    gfile(new).makedirs(os.path.dirname(new))
    gfile(new).rename(old, new, overwrite=True)


def remove(path: str) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if is_local(path):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        return

    if gfile(path).isdir(path):
        gfile(path).rmtree(path)
    elif gfile(path).exists(path):
        gfile(path).remove(path)
