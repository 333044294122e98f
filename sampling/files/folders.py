"""Folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from sampling.errors import SamplingError
from sampling.files import manifest
from sampling.files.creating import remove
from sampling.files.reading import is_local


@contextlib.contextmanager
def folder(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[str]:
    """Where to write what is called `path` in the end, and only if all went well.

    A local folder is written beside its place and renamed; whatever stops the job, there is none or
    the one of before. A bucket has no renaming: there, what has no manifest is not whole.

    Args:
        path: of the folder; it may exist if it is empty.
        overwrite: whether to replace one that has a manifest of ours.

    Raises:
        SamplingError: the folder has something in it, or a file can't be written.
    """
    path = os.fspath(path)
    path = os.path.abspath(os.path.expanduser(path)) if is_local(path) else path.rstrip("/")
    _check_place(path, overwrite)
    staged = _staged if is_local(path) else _in_place
    try:
        with staged(path) as stage:
            yield stage
    except OSError as error:
        raise SamplingError(
            f"{path} can't be written ({error}), nothing of it is left there; "
            "fix that, or name another folder"
        ) from error


def _check_place(path: str, overwrite: bool) -> None:
    held = _held(path)
    if not held:
        return
    if not overwrite:
        raise SamplingError(
            f"{path} holds {held[0]} already, expected nothing; name another folder, or allow "
            "overwriting what was written before"
        )
    try:
        manifest.read(path)
    except ValueError as error:
        raise SamplingError(
            f"{path} holds {held[0]} and is no output of ours to overwrite ({error}); "
            "name another folder"
        ) from None


def _held(path: str) -> list[str]:
    if is_local(path):
        if os.path.isfile(path):
            return ["a file of that name"]
        return sorted(os.listdir(path)) if os.path.isdir(path) else []
    import tensorflow as tf

    return sorted(tf.io.gfile.listdir(path)) if tf.io.gfile.isdir(path) else []


@contextlib.contextmanager
def _staged(path: str) -> Iterator[str]:
    parent, name = os.path.split(path)
    os.makedirs(parent, exist_ok=True)
    # A sibling, so that renaming stays within one file system.
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=parent) as stage:
        made = os.path.join(stage, "made")
        os.mkdir(made)
        yield made
        if os.path.isdir(path):
            os.rename(path, os.path.join(stage, "replaced"))
        os.rename(made, path)


@contextlib.contextmanager
def _in_place(path: str) -> Iterator[str]:
    remove(path)
    try:
        yield path
    except BaseException:
        remove(path)
        raise
