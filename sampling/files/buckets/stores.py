"""Which service a path is of; its client, one for each process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

from sampling.files.buckets import amazon, google
from sampling.files.buckets.store import Object, Store

_STORES: dict[str, Callable[[], Store]] = {
    "gs://": google.GoogleStore,
    "s3://": amazon.AmazonStore,
}
READ_ONLY = ("s3://",)  # TensorFlow does not write there
_ACCESS = {"gs://": google.ACCESS, "s3://": amazon.ACCESS}

_clients: dict[tuple[str, int], Store] = {}  # by scheme and process: no connection survives a fork
_lock = threading.Lock()


def _renew_lock() -> None:
    """Of a process that was forked while another thread had it."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def is_object(path: str) -> bool:
    """Whether it is read here, and not by TensorFlow's file systems."""
    return path.startswith(tuple(_STORES))


def access_remedy(path: str) -> str:
    """How to get access to a bucket."""
    return _ACCESS.get(path[:5], "log in")


def located(path: str) -> tuple[Store, str, str]:
    """The client of a path's service, the bucket, the object's name.

    Raises:
        SamplingError: the client is not installed.
        OSError: its credentials can't be had.
    """
    scheme, (bucket, _, name) = path[:5], path[5:].partition("/")
    key = scheme, os.getpid()
    with _lock:
        if key not in _clients:
            _clients[key] = _STORES[scheme]()
        return _clients[key], bucket, name


def listed(path: str, below: bool) -> Iterator[Object]:
    """The objects whose paths begin so; names are paths again.

    Args:
        below: whether to list those, too, that have a "/" behind that.
    """
    store, bucket, prefix = located(path)
    for found in store.listed(bucket, prefix, below):
        yield found._replace(name=f"{path[:5]}{bucket}/{found.name}")


def stat(path: str) -> Object:
    """One object; its name is the path again."""
    store, bucket, name = located(path)
    return store.stat(bucket, name)._replace(name=path)
