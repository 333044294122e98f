"""What is asked of a bucket's service, in the words that all services have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

TRIED = 60.0  # seconds, each request, before its failure is told
INITIAL, MAXIMUM, MULTIPLIER = 0.2, 10.0, 2.0  # seconds, between tries; how they grow
PATIENCE = 5.0, 20.0  # seconds: for a connection, for the next bytes of an answer
CONNECTIONS = 64  # that a client keeps: more than there are requests in flight

Result = TypeVar("Result")


class Object(NamedTuple):
    """An object as it was listed; size in bytes, `version` is another one once it is written."""

    name: str
    size: int
    version: int | str


class ChangedError(Exception):
    """There is another version of an object than the one that was asked for."""


class Store(Protocol):
    """A service's client, for any number of threads.

    Every method tries again, for a minute, what fails in passing, and raises an OSError of the kind
    that fits: FileNotFoundError, PermissionError, or OSError itself.
    """

    def listed(self, bucket: str, prefix: str, below: bool) -> Iterator[Object]:
        """The objects whose names begin so, by name.

        Args:
            below: whether to list those, too, that have a "/" behind the prefix.
        """

    def stat(self, bucket: str, name: str) -> Object:
        """One object."""

    def read(
        self, bucket: str, name: str, first: int, last: int | None, version: int | str | None
    ) -> bytes:
        """Its bytes from the first to the last, fewer at its end.

        Args:
            last: None: up to its end.
            version: which one is meant; None: the latest.

        Raises:
            ChangedError: the object is of another version by now.
        """


def tried(call: Callable[[], Result], is_passing: Callable[[Any], bool]) -> Result:
    """What a call returns; while it fails in passing it is made again, with ever longer pauses.

    Raises:
        Exception: what it raised last.
    """
    from google.api_core.exceptions import RetryError
    from google.api_core.retry import Retry

    try:
        return Retry(is_passing, INITIAL, MAXIMUM, MULTIPLIER, TRIED)(call)()
    except RetryError as error:
        raise error.cause or error from None
