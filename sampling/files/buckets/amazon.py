"""Amazon S3, and what speaks its language, by Amazon's own client (the extra `s3`).

pyarrow's would do without another package. But it is not to be used in a process that was forked,
says by its messages' texts alone what went wrong, and does not read public data by itself.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Any

from sampling.errors import SamplingError
from sampling.files.buckets.store import CONNECTIONS, PATIENCE, ChangedError, Object, tried

ACCESS = (
    "log in by `aws configure` or `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY"
)
_PASSING = {"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"}
_EXPIRED = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}  # with status 400


class AmazonStore:
    """The client's own credentials, region and endpoint (AWS_ENDPOINT_URL); no credentials: public.

    Raises:
        SamplingError: boto3 is not installed.
    """

    def __init__(self) -> None:
        try:
            import boto3
        except ImportError:
            raise SamplingError(
                "s3:// can't be read: found no boto3, expected it to be installed; "
                "pip install 'tf-sampling[s3]'"
            ) from None
        from botocore import UNSIGNED
        from botocore.config import Config

        with _plain_errors():
            session = boto3.session.Session()
            public = {} if session.get_credentials() else {"signature_version": UNSIGNED}
            connect, read = PATIENCE
            config = Config(
                connect_timeout=connect,
                read_timeout=read,
                max_pool_connections=CONNECTIONS,
                retries={"total_max_attempts": 1},  # `tried` knows of bodies that are cut, too
                **public,
            )
            self._client = session.client("s3", config=config)

    def listed(self, bucket: str, prefix: str, below: bool) -> Iterator[Object]:
        asked = {"Bucket": bucket, "Prefix": prefix, **({} if below else {"Delimiter": "/"})}
        while True:
            with _plain_errors():
                page = tried(lambda: self._client.list_objects_v2(**asked), _is_passing)
            for each in page.get("Contents", ()):
                yield Object(each["Key"], each["Size"], each["ETag"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def stat(self, bucket: str, name: str) -> Object:
        with _plain_errors():
            found = tried(lambda: self._client.head_object(Bucket=bucket, Key=name), _is_passing)
        return Object(name, found["ContentLength"], found["ETag"])

    def read(
        self, bucket: str, name: str, first: int, last: int | None, version: int | str | None
    ) -> bytes:
        span = {"Range": f"bytes={first}-{'' if last is None else last}"}
        asked = {"Bucket": bucket, "Key": name, **span, **({"IfMatch": version} if version else {})}

        def fetched() -> bytes:
            data: bytes = self._client.get_object(**asked)["Body"].read()
            return data

        with _plain_errors():
            try:
                return tried(fetched, _is_passing)
            except Exception as error:
                status, _ = _answer(error)
                if status == 416:  # it ends before
                    return b""
                if status == 412:
                    raise ChangedError from error
                raise


def _answer(error: Any) -> tuple[int, str]:
    """The status and the code that a service answered with; 0: it did not answer."""
    response = getattr(error, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status, response.get("Error", {}).get("Code", "")


def _is_passing(error: Any) -> bool:
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        status, code = _answer(error)
        return status >= 500 or status == 429 or code in _PASSING
    cut = exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError
    return isinstance(error, cut)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        status, code = _answer(error)
        if status == 404:
            raise FileNotFoundError(errno.ENOENT, str(error)) from error
        if status in (401, 403) or code in _EXPIRED:
            raise PermissionError(errno.EACCES, str(error)) from error
        raise OSError(str(error).partition("\n")[0]) from error
    except (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.UnauthorizedSSOTokenError,
        exceptions.ProfileNotFound,
    ) as error:
        raise PermissionError(errno.EACCES, str(error)) from error
    except exceptions.BotoCoreError as error:
        raise OSError(str(error).partition("\n")[0]) from error
