"""A stand-in for Google Cloud Storage and S3 on 127.0.0.1, with faults on demand.

TensorFlow's client and Google's talk to it: `https_proxy` leads their requests for
www.googleapis.com and storage.googleapis.com here, where a CONNECT is answered and TLS spoken with
a certificate that `CURL_CA_BUNDLE` and `REQUESTS_CA_BUNDLE` make them trust. What comes without a
CONNECT is Amazon's client, led by `AWS_ENDPOINT_URL`. Objects are held in memory; both services
have the same ones.

    with StorageStandIn(tmp_path) as storage:
        storage.put("gs://bucket/data/1.csv", b"...")
        subprocess.run([...], env=os.environ | storage.environment)
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import json
import random
import re
import ssl
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from tests.cloud import amazon

_HOSTS = ("www.googleapis.com", "storage.googleapis.com")
Answer = tuple[int, bytes, dict[str, str]]  # status, body, headers
_PAGE = 50  # names in one answer to a listing, so that there are several pages


@dataclasses.dataclass(frozen=True)
class Object:
    """The bytes of an object, and which version of it they are."""

    data: bytes
    generation: int
    updated: str


@dataclasses.dataclass(frozen=True)
class Request:
    """What came, for a fault to be chosen by."""

    method: str
    target: str


Fault = Callable[[Request], "str | None"]  # what goes wrong: "503", "429", "cut", "slow", "drop"


def now_and_then(share: float, seed: int = 0, kinds: tuple[str, ...] = ("503", "cut")) -> Fault:
    """Faults at random, in a share of the requests."""
    generator, lock = random.Random(seed), threading.Lock()

    def fault(request: Request) -> str | None:
        with lock:
            return generator.choice(kinds) if generator.random() < share else None

    return fault


class StorageStandIn:
    """The server; buckets exist once something was put in them, or by `create_bucket`.

    Args:
        folder: for the certificate of the authority that vouches for the server's own.
    """

    def __init__(self, folder: Path):
        self.objects: dict[str, dict[str, Object]] = {}
        self.requests: list[Request] = []
        self.faults = 0
        self.bytes_sent: Counter[str] = Counter()  # by object
        self.latency = 0.0  # seconds before every answer
        self.public = ""  # the bucket of S3 that needs no credentials
        self.names_a_page = _PAGE
        self.most_at_once = self._now = 0
        self.fault: Fault = lambda request: None
        self._generations = itertools.count(1)
        self._uploads: dict[str, tuple[str, str, bytearray]] = {}
        self._lock = threading.RLock()
        authority = trustme.CA()
        self._bundle = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self._bundle))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*_HOSTS).configure_cert(self._context)
        handler = type("Handler", (_Handler,), {"storage": self, "context": self._context})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    def __enter__(self) -> StorageStandIn:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to come here with gs://."""
        return {
            "https_proxy": f"http://127.0.0.1:{self._server.server_port}",
            "no_proxy": "",
            "CURL_CA_BUNDLE": str(self._bundle),
            "REQUESTS_CA_BUNDLE": str(self._bundle),
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",
            "NO_GCE_CHECK": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def create_bucket(self, bucket: str) -> None:
        with self._lock:
            self.objects.setdefault(bucket, {})

    def put(self, uri: str, data: bytes) -> None:
        bucket, name = _split(uri)
        with self._lock:
            updated = datetime.datetime.now(datetime.timezone.utc).isoformat()[:23] + "Z"
            made = Object(data, next(self._generations), updated)
            self.objects.setdefault(bucket, {})[name] = made

    def get(self, uri: str) -> bytes:
        bucket, name = _split(uri)
        return self.objects[bucket][name].data

    def names(self, uri: str) -> list[str]:
        """The URIs of all objects that begin so."""
        bucket, prefix = _split(uri)
        return [f"gs://{bucket}/{n}" for n in sorted(self.objects[bucket]) if n.startswith(prefix)]

    def upload_folder(self, folder: Path, uri: str) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{uri}/{path.relative_to(folder)}", path.read_bytes())

    def page(
        self,
        objects: Mapping[str, Object],
        prefix: str,
        delimiter: str | None,
        token: str | None,
        most: int = _PAGE,
    ) -> tuple[list[tuple[str, Object | None]], str]:
        """One page of names with their objects, and of what is before the delimiter with None; what
        asks for the next page."""
        entries: dict[str, Object | None] = {}
        for name in sorted(objects):
            if not name.startswith(prefix):
                continue
            head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                entries[prefix + head + found] = None
            else:
                entries[name] = objects[name]
        begin = int(token or 0)
        end = begin + min(self.names_a_page, most)
        return list(entries.items())[begin:end], str(end) if end < len(entries) else ""

    @contextlib.contextmanager
    def in_flight(self) -> Iterator[None]:
        """Counts the requests that are answered at the same time."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            time.sleep(self.latency)
            yield
        finally:
            with self._lock:
                self._now -= 1

    def sent(self, bucket: str, name: str, size: int) -> None:
        """Counts bytes of an object."""
        with self._lock:
            self.bytes_sent[f"gs://{bucket}/{name}"] += size

    def note(self, request: Request) -> str | None:
        """Remembers a request, and says what is to go wrong with it."""
        with self._lock:
            self.requests.append(request)
        kind = self.fault(request)
        if kind:
            with self._lock:
                self.faults += 1
        return kind

    def begin_upload(self, bucket: str, name: str) -> str:
        with self._lock:
            upload = f"upload-{next(self._generations)}"
            self._uploads[upload] = (bucket, name, bytearray())
        return upload

    def upload(self, key: str, first: int | None, data: bytes, total: int | None) -> int | None:
        """Takes a piece of an upload.

        Returns:
            Bytes that have arrived so far; None once all of them have.
        """
        with self._lock:
            if key not in self._uploads:  # the answer to the last piece was lost
                return None
            bucket, name, arrived = self._uploads[key]
            if first is not None and first <= len(arrived):
                arrived[first:] = data
            if total is None or len(arrived) < total:
                return len(arrived)
            del self._uploads[key]
            self.put(f"gs://{bucket}/{name}", bytes(arrived))
            return None


class _Handler(BaseHTTPRequestHandler):
    """First a proxy, then, with TLS, the service itself."""

    protocol_version = "HTTP/1.1"
    storage: StorageStandIn
    context: ssl.SSLContext

    def log_message(self, *args: Any) -> None:
        """Nothing on stderr."""

    def handle(self) -> None:
        try:
            with contextlib.suppress(OSError):  # clients come and go
                super().handle()
        finally:
            self.connection.close()  # after CONNECT it is another one than the server's

    @property
    def _is_google(self) -> bool:
        return isinstance(self.connection, ssl.SSLSocket)

    def do_CONNECT(self) -> None:  # noqa: N802
        if self.path.rsplit(":", 1)[0] not in _HOSTS:
            self.send_error(403, "not a host of the storage API")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:  # noqa: N802
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        body = self._body()
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(found[1]), int(found[2] or 2**62)) if found else (None, None)
        if self._is_google and "Authorization" not in self.headers:
            self._send(401, b'{"error": {"code": 401, "message": "no credentials"}}')
            return
        with self.storage.in_flight():
            self._serve(body, first, last)

    def _serve(self, body: bytes, first: int | None, last: int | None) -> None:
        kind = self.storage.note(Request(self.command, self.path))
        if kind in ("503", "429", "500"):
            self._send(int(kind), b'{"error": {"message": "an injected fault"}}')
            return
        if kind == "drop":
            self.close_connection = True
            return
        if kind == "slow":
            time.sleep(0.2)
        status, answer, headers = self._result(body, first, last)
        self._send(status, answer, headers, cut=kind == "cut")

    def _result(self, body: bytes, first: int | None, last: int | None) -> Answer:
        if not self._is_google:
            span = slice(first, None if last is None else last + 1)
            return amazon.answer(self.storage, self.command, self.path, self.headers, span)
        parsed = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parsed.query))
        path = parsed.path.removeprefix("/download")
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        if parts[:3] == ["upload", "storage", "v1"]:
            return self._upload(parts, query, body)
        if parts[:2] == ["storage", "v1"]:
            return self._metadata(parts[2:], query, first, last)
        return self._read(parts[0], "/".join(parts[1:]), first, last)

    def _read(
        self,
        bucket: str,
        name: str,
        first: int | None,
        last: int | None,
        generation: str | None = None,
    ) -> Answer:
        found = self.storage.objects.get(bucket, {}).get(name)
        if found is None:
            return 404, b"no such object", {}
        if generation not in (None, str(found.generation)):
            return 412, b"another generation", {}
        if first is None or last is None:
            self.storage.sent(bucket, name, len(found.data))
            return 200, found.data, {}
        if first >= len(found.data):
            return 416, b"", {}
        piece = found.data[first : last + 1]
        self.storage.sent(bucket, name, len(piece))
        span = f"bytes {first}-{first + len(piece) - 1}/{len(found.data)}"
        return 206, piece, {"Content-Range": span}

    def _metadata(
        self, parts: list[str], query: dict[str, str], first: int | None, last: int | None
    ) -> Answer:
        bucket = parts[1]
        of_bucket = self.storage.objects.get(bucket)
        if of_bucket is None:
            return 404, b'{"error": {"code": 404, "message": "no such bucket"}}', {}
        if len(parts) == 2:
            return _json({"name": bucket, "location": "EUROPE-WEST1"})
        if len(parts) == 3:
            return _json(self._listing(of_bucket, query))
        if "rewriteTo" in parts:
            at = parts.index("rewriteTo")
            source, target = of_bucket.get(parts[3]), (parts[at + 2], parts[at + 4])
            if source is None:
                return 404, b"{}", {}
            self.storage.put(f"gs://{target[0]}/{target[1]}", source.data)
            return _json({"done": True})
        name = "/".join(parts[3:])
        found = of_bucket.get(name)
        if found is None:
            return 404, b'{"error": {"code": 404}}', {}
        if self.command == "DELETE":
            of_bucket.pop(name, None)
            return 204, b"", {}
        if query.get("alt") == "media":
            return self._read(bucket, name, first, last, query.get("ifGenerationMatch"))
        return _json(_described(name, found))

    def _listing(self, objects: dict[str, Object], query: dict[str, str]) -> dict[str, Any]:
        page, following = self.storage.page(
            objects,
            query.get("prefix", ""),
            query.get("delimiter"),
            query.get("pageToken"),
            int(query.get("maxResults", 1000)),
        )
        answer: dict[str, Any] = {
            "items": [_described(name, found) for name, found in page if found],
            "prefixes": [name for name, found in page if found is None],
        }
        return answer | ({"nextPageToken": following} if following else {})

    def _upload(self, parts: list[str], query: dict[str, str], body: bytes) -> Answer:
        bucket = parts[4]
        if bucket not in self.storage.objects:
            return 404, b'{"error": {"code": 404, "message": "no such bucket"}}', {}
        if query.get("uploadType") == "media":
            self.storage.put(f"gs://{bucket}/{query['name']}", body)
            return _json({"name": query["name"]})
        if "upload_id" not in query:
            key = self.storage.begin_upload(bucket, query["name"])
            location = f"https://www.googleapis.com{urllib.parse.urlsplit(self.path).path}"
            return 200, b"", {"Location": f"{location}?uploadType=resumable&upload_id={key}"}
        span = re.fullmatch(
            r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", self.headers.get("Content-Range", "")
        )
        first = int(span[1]) if span and span[1] else (None if span else 0)
        total = int(span[2]) if span and span[2] != "*" else (None if span else len(body))
        arrived = self.storage.upload(query["upload_id"], first, body, total)
        if arrived is None:
            return _json({})
        return 308, b"", {"Range": f"bytes=0-{arrived - 1}"} if arrived else {}

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut and body:  # less than was promised, and the line goes dead
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)


def _described(name: str, found: Object) -> dict[str, Any]:
    return {
        "name": name,
        "size": str(len(found.data)),
        "generation": str(found.generation),
        "updated": found.updated,
    }


def _json(content: Any) -> Answer:
    return 200, json.dumps(content).encode(), {"Content-Type": "application/json"}


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.partition("://")[2].partition("/")
    return bucket, name
