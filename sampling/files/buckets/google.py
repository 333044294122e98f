"""Google Cloud Storage, by Google's own client.

pyarrow's would do without another package. But its files fetch a whole object when they are asked
whether they are closed, and keep all of Python waiting meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

from sampling.files.buckets import store
from sampling.files.buckets.store import ChangedError, Object

ACCESS = (
    "log in by `gcloud auth application-default login`, or name a service account's key file in "
    "GOOGLE_APPLICATION_CREDENTIALS"
)


class GoogleStore:
    """Application default credentials, a service account's, or none for public data."""

    def __init__(self) -> None:
        from google import auth
        from google.auth import credentials, exceptions
        from google.cloud.storage import Client
        from google.cloud.storage.retry import DEFAULT_RETRY
        from google.oauth2.credentials import Credentials
        from requests.adapters import HTTPAdapter

        found: Any
        try:
            if token := os.environ.get("GOOGLE_AUTH_TOKEN_FOR_TESTING"):  # as TensorFlow's does
                found = Credentials(token)
            else:
                found, _ = auth.default(["https://www.googleapis.com/auth/devstorage.read_only"])
        except exceptions.DefaultCredentialsError:
            found = credentials.AnonymousCredentials()  # public data need none
        self._client = Client(project="", credentials=found)
        self._client._http.mount("https://", HTTPAdapter(pool_maxsize=store.CONNECTIONS))
        pauses = store.INITIAL, store.MAXIMUM, store.MULTIPLIER
        retry = DEFAULT_RETRY.with_timeout(store.TRIED).with_delay(*pauses)
        self._tried = {"timeout": store.PATIENCE, "retry": retry}

    def listed(self, bucket: str, prefix: str, below: bool) -> Iterator[Object]:
        with _plain_errors():
            found = self._client.list_blobs(
                bucket,
                prefix=prefix,
                delimiter=None if below else "/",
                fields="items(name,size,generation),prefixes,nextPageToken",
                **self._tried,
            )
            for blob in found:
                yield Object(blob.name, blob.size, blob.generation)

    def stat(self, bucket: str, name: str) -> Object:
        with _plain_errors():
            blob = self._client.bucket(bucket).get_blob(name, **self._tried)
        if blob is None:
            raise FileNotFoundError(errno.ENOENT, "no such object")
        return Object(name, blob.size, blob.generation)

    def read(
        self, bucket: str, name: str, first: int, last: int | None, version: int | str | None
    ) -> bytes:
        from google.api_core import exceptions

        blob = self._client.bucket(bucket).blob(name)
        try:
            with _plain_errors():
                return blob.download_as_bytes(
                    start=first,
                    end=last,
                    raw_download=True,
                    checksum=None,
                    if_generation_match=version,
                    **self._tried,
                )
        except exceptions.RequestRangeNotSatisfiable:  # it ends before
            return b""
        except exceptions.PreconditionFailed as error:
            raise ChangedError from error


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    try:
        yield
    except (exceptions.RequestRangeNotSatisfiable, exceptions.PreconditionFailed):
        raise
    except exceptions.NotFound as error:
        raise FileNotFoundError(errno.ENOENT, str(error)) from error
    except (exceptions.GoogleAPIError, TransportError, RequestException) as error:
        if isinstance(error, (exceptions.Unauthorized, exceptions.Forbidden)):
            raise PermissionError(errno.EACCES, str(error)) from error
        raise OSError(str(error).partition("\n")[0]) from error
    except GoogleAuthError as error:  # none, or none any more
        raise PermissionError(errno.EACCES, str(error)) from error
