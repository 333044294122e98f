"""Objects of Google Cloud Storage: the bytes that are asked for, and no others.

Google's own client asks for ranges. TensorFlow's fetches a whole MiB for each, of which a sample
needs a tenth; it stays for what is listed and written.
"""

from __future__ import annotations

import errno
import functools
import io
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

SCHEME = "gs://"
_PIECE, _PIECES = 2**16, 256  # bytes, and how many are kept in the whole process
_TRIED = 60.0  # seconds, each request, before its failure is told
_PAUSES = {"initial": 0.2, "maximum": 10.0, "multiplier": 2.0}  # seconds, between tries
_PATIENCE = 5.0, 20.0  # seconds: for a connection, for the next bytes of an answer


_latest: OrderedDict[Any, bytes] = OrderedDict()  # pieces of objects, the last one used last
_lock = threading.Lock()


def _renew_lock() -> None:
    """Of a process that was forked while another thread had it."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class ObjectBytes(io.RawIOBase):
    """An object's bytes; nothing is fetched before they are asked for.

    `read_at` fetches what it is asked for, for any number of threads. `read` is for libraries that
    read a little here and there, as for a footer: it fetches 64 KiB at least, and knows the latest.

    Args:
        path: of the object.
        version: what changes when it is written again; None: it may at any time.

    Raises:
        OSError: the service refuses, or does not answer, as `read_at` and `read` do.
    """

    def __init__(self, path: str, version: Hashable = None):
        self._bucket, _, self._name = path.removeprefix(SCHEME).partition("/")
        self._version = object() if version is None else version
        self._position = 0

    def read_at(self, size: int, start: int) -> bytes:
        """The bytes [start, start + size), fewer at the object's end."""
        return self._range(start, start + size - 1) if size > 0 else b""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("seek from the end")
        self._position = offset + (self._position if whence == io.SEEK_CUR else 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = self._position
        if 0 <= size <= _PIECE:
            first, last = start // _PIECE, (start + size - 1) // _PIECE
            data = b"".join(map(self._piece, range(first, last + 1)))
            data = data[start - first * _PIECE :][:size]
        else:
            data = self._range(start, None if size < 0 else start + size - 1)
        self._position += len(data)
        return data

    def _piece(self, number: int) -> bytes:
        key = self._bucket, self._name, self._version, number
        with _lock:
            known = _latest.pop(key, None)
        if known is None:
            known = self.read_at(_PIECE, number * _PIECE)
        with _lock:
            _latest[key] = known
            while len(_latest) > _PIECES:
                _latest.popitem(last=False)
        return known

    def _range(self, first: int, last: int | None) -> bytes:
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.storage.retry import DEFAULT_RETRY
        from requests.exceptions import RequestException

        retry = DEFAULT_RETRY.with_timeout(_TRIED).with_delay(**_PAUSES)
        blob = _client(os.getpid()).bucket(self._bucket).blob(self._name)
        try:
            return blob.download_as_bytes(
                start=first,
                end=last,
                raw_download=True,
                checksum=None,
                timeout=_PATIENCE,
                retry=retry,
            )
        except exceptions.RequestRangeNotSatisfiable:  # it ends before
            return b""
        except exceptions.NotFound as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from error
        except (exceptions.Unauthorized, exceptions.Forbidden) as error:
            raise PermissionError(errno.EACCES, str(error)) from error
        except (exceptions.GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise OSError(str(error).partition("\n")[0]) from error


@functools.cache
def _client(process: int) -> Any:
    """One for each process: connections do not survive a fork."""
    from google import auth
    from google.auth import credentials, exceptions
    from google.cloud.storage import Client
    from google.oauth2.credentials import Credentials
    from requests.adapters import HTTPAdapter

    found: Any
    try:
        if token := os.environ.get("GOOGLE_AUTH_TOKEN_FOR_TESTING"):  # as TensorFlow's client does
            found = Credentials(token)
        else:
            found, _ = auth.default(["https://www.googleapis.com/auth/devstorage.read_only"])
    except exceptions.DefaultCredentialsError:
        found = credentials.AnonymousCredentials()  # public data need none
    client = Client(project="", credentials=found)
    client._http.mount("https://", HTTPAdapter(pool_maxsize=64))
    return client
