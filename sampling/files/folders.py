"""Folders that appear whole or not at all, and never in place of something else."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Collection, Iterator

from sampling.errors import SamplingError
from sampling.files import locking, manifest
from sampling.files.creating import noting, remove
from sampling.files.reading import gfile, is_local, telling
from sampling.files.staging import REPLACED, staged

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_TRIES = 10
# What writers call their shards, and what Beam's workers write them in.
_OURS = re.compile(
    r"(\.[0-9a-f]{32}/)?([^/]+/){0,2}part-\d{5,}-of-\d{5,}\.(csv|parquet)"
    r"|\.(counted|written)-[0-9a-f]{32}\.json"
)


@contextlib.contextmanager
def folder(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[str]:
    """Where to write what is called `path` in the end, and only if all went well.

    A local folder is written beside its place and renamed; whatever stops the job, there is none or
    the one of before. If something has appeared in its place meanwhile, that stays, and the result
    is kept beside it. A bucket has no renaming. There, what has no manifest is not whole. Of two
    writers at least one is refused, and one that fails removes what it wrote, nothing else.

    Args:
        path: of the folder; it may exist if it is empty.
        overwrite: whether to replace one that has a manifest of ours.

    Raises:
        SamplingError: the folder has something in it, now or at the end, or a file can't be
            written.
    """
    path = _place(path)
    in_place = _renamed if is_local(path) else _in_bucket
    try:
        with in_place(path, overwrite) as stage:
            yield stage
    except OSError as error:
        raise SamplingError(
            f"{path} can't be written ({error}), nothing of it is left there; "
            "fix that, or name another folder"
        ) from error


def _place(path: str | os.PathLike[str]) -> str:
    path = os.fspath(path)
    return os.path.realpath(os.path.expanduser(path)) if is_local(path) else path.rstrip("/")


def check_place(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raises SamplingError if `folder` can't be put there: before work that takes its time."""
    path = _place(path)
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
    except SamplingError as error:
        raise SamplingError(
            f"{path} holds {held[0]} and is no output of ours to overwrite ({error}); "
            "name another folder"
        ) from None


def _held(path: str) -> list[str]:
    if is_local(path):
        if os.path.isfile(path):
            return ["a file of that name"]
        return sorted(os.listdir(path)) if os.path.isdir(path) else []
    with telling(path):
        return sorted(gfile(path).listdir(path)) if gfile(path).isdir(path) else []


@contextlib.contextmanager
def _renamed(path: str, overwrite: bool) -> Iterator[str]:
    with staged(path) as stage:
        check_place(path, overwrite)
        made = os.path.join(stage, "made")
        os.mkdir(made)
        yield made
        try:
            _put(made, path, os.path.join(stage, REPLACED) if overwrite else None)
        except SamplingError as error:
            raise SamplingError(f"{error}; the finished result is {_keep(made, path)}") from None


def _put(made: str, path: str, replaced: str | None) -> None:
    """Renames a folder. What is there already is an error, or is first renamed itself."""
    for number in range(_TRIES):
        if replaced:
            check_place(path, overwrite=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(path, replaced if not number else f"{replaced}-{number}")
        try:
            os.rename(made, path)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        if not replaced:
            break
    raise SamplingError(f"{path} was written by something else meanwhile, which stays as it is")


def _keep(made: str, path: str) -> str:
    """Puts a folder beside its place, and returns where it is."""
    number = 1
    while os.path.lexists(kept := f"{path}.kept-{number}"):
        number += 1
    os.rename(made, kept)
    return kept


@contextlib.contextmanager
def _in_bucket(path: str, overwrite: bool) -> Iterator[str]:
    if locking.is_abandoned(path) and manifest.NAME not in _held(path):
        _remove_own(path, {f"{path}/{name}" for name in locking.marks(path)})
    check_place(path, overwrite)
    with locking.marked(path) as mark:
        others = [name for name in _held(path) if name != mark]
        if others and not overwrite:
            raise SamplingError(
                f"{path} holds {others[0]} by now, expected nothing; name another folder"
            )
        for name in others:
            remove(f"{path}/{name.rstrip('/')}")
        with noting(path) as made:
            try:
                yield path
            except BaseException:
                _remove_own(path, made)
                raise


def _remove_own(path: str, made: Collection[str]) -> None:
    """Removes what a writer has written to a folder of a bucket, with what it leaves empty.

    There was nothing when it began. So shards are its own where other processes made them for it
    (Beam's workers), or where it was killed and nobody knows more.

    Args:
        made: files that it is known to have made.
    """

    for folder, _, names in gfile(path).walk(path, topdown=False):
        for file in (f"{folder.rstrip('/')}/{name}" for name in names):
            if file in made or _OURS.fullmatch(file[len(path) + 1 :]):
                remove(file)
        if gfile(folder).isdir(folder) and not gfile(folder).listdir(folder):
            remove(folder)
