"""What S3 answers, of the objects that the stand-in has: lists in pages, heads, ranges."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from tests.cloud.storage import Answer, Object, StorageStandIn


def answer(
    storage: StorageStandIn, method: str, target: str, headers: Mapping[str, str], span: slice
) -> Answer:
    """The answer to a request; `span` are the bytes that it asks for."""
    parsed = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(parsed.query, keep_blank_values=True))
    bucket, _, name = urllib.parse.unquote(parsed.path)[1:].partition("/")
    if "Authorization" not in headers and bucket != storage.public:
        return _error(403, "AccessDenied", "no credentials")
    of_bucket = storage.objects.get(bucket)
    if of_bucket is None:
        return _error(404, "NoSuchBucket", "no such bucket")
    if "list-type" in query:
        return 200, _listing(storage, of_bucket, query).encode(), {"Content-Type": "text/xml"}
    found = of_bucket.get(name)
    if found is None:
        return _error(404, "NoSuchKey", "no such key")
    about = {"ETag": _etag(found), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    if method == "HEAD":
        return 200, found.data, about
    if headers.get("If-Match") not in (None, about["ETag"]):
        return _error(412, "PreconditionFailed", "another version")
    start, stop, _ = span.indices(len(found.data))
    if start >= len(found.data):
        return _error(416, "InvalidRange", "beyond its end")
    piece = found.data[start:stop]
    storage.sent(bucket, name, len(piece))
    about["Content-Range"] = f"bytes {start}-{stop - 1}/{len(found.data)}"
    return 206, piece, about


def _listing(
    storage: StorageStandIn, objects: Mapping[str, Object], query: Mapping[str, str]
) -> str:
    entries, following = storage.page(
        objects, query["prefix"], query.get("delimiter"), query.get("continuation-token")
    )
    contents = "".join(
        f"<Contents><Key>{escape(name)}</Key><Size>{len(found.data)}</Size>"
        f"<ETag>{_etag(found)}</ETag></Contents>"
        if found
        else f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        for name, found in entries
    )
    more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    truncated = f"<IsTruncated>{str(bool(following)).lower()}</IsTruncated>"
    return f"<ListBucketResult>{truncated}{more}{contents}</ListBucketResult>"


def _etag(found: Object) -> str:
    return f'"{hashlib.md5(found.data + str(found.generation).encode()).hexdigest()}"'


def _error(status: int, code: str, message: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, text.encode(), {"Content-Type": "application/xml"}
