"""A stand-in on 127.0.0.1 for what gcloud asks: Vertex AI, AI Platform, lists of buckets.

It keeps the models, endpoints and deployed models that it is asked to make.

    with Services(tmp_path, objects=["gs://bucket/a"]) as services:
        subprocess.run(["gcloud", ...], env=os.environ | services.environment)
"""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_OVERRIDES = {"AIPLATFORM": "", "LOGGING": "", "ML": "", "STORAGE": "storage/v1/"}


class Services:
    """The server.

    Args:
        folder: for gcloud's own settings.
        objects: gs:// paths that there are in buckets.

    Attributes:
        changes: method, path and content of each request that changes something.
    """

    def __init__(self, folder: Path, objects: Sequence[str]):
        self._folder, self._objects = folder, objects
        self._made: dict[str, dict[str, Any]] = {}  # models and endpoints, by their path
        self.changes: list[tuple[str, str, Any]] = []

    def __enter__(self) -> Services:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                target = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(target.query))
                status, found = answer(
                    self.command, target.path, query, json.loads(content or "null")
                )
                data = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _do  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which gcloud asks this server, and never the network."""
        token = self._folder / "token"
        token.write_text("a token")
        address = f"http://127.0.0.1:{self._server.server_port}/"
        return {
            "CLOUDSDK_CONFIG": str(self._folder / "gcloud"),
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
            "CLOUDSDK_ML_ENGINE_POLLING_INTERVAL": "1",
            **{
                f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": address + path
                for name, path in _OVERRIDES.items()
            },
        }

    def _answer(
        self, method: str, path: str, query: dict[str, str], content: Any
    ) -> tuple[int, Any]:
        """Status and content."""
        if path.endswith("/entries:list"):  # what a job has logged
            return 200, {}
        if method != "GET":
            self.changes.append((method, path, content))
            return 200, self._change(path, content)
        if listed := re.fullmatch("/storage/v1/b/([^/]+)/o", path):
            prefix = f"gs://{listed[1]}/"
            names = [each.removeprefix(prefix) for each in self._objects]
            wanted = [each for each in names if each.startswith(query.get("prefix", ""))]
            return 200, {"items": [{"name": each, "bucket": listed[1]} for each in wanted]}
        if "/operations/" in path:
            return 200, _done({})
        if "/jobs/" in path:
            return 200, {"jobId": "job", "state": "SUCCEEDED", "endTime": "2020-01-01T00:00:00Z"}
        if path in self._made:
            return 200, self._made[path]
        return 404, {"error": {"code": 404, "message": "not found", "status": "NOT_FOUND"}}

    def _change(self, path: str, content: Any) -> Any:
        parent, _, verb = path.rpartition(":")
        if path.endswith("/models:upload"):
            name = content.get("parentModel") or f"{parent[4:]}/{content['modelId']}"
            kinds = ["DEDICATED_RESOURCES"]
            made = {"name": name, "supportedDeploymentResourcesTypes": kinds}
            self._made[f"/v1/{name}"] = made
            return _done({"model": name})
        if path.endswith("/endpoints"):
            self._made[f"{path}/shoppers"] = {"name": f"{path[4:]}/shoppers", "deployedModels": []}
        elif verb == "deployModel":
            deployed = self._made[parent]["deployedModels"]
            deployed.append({"id": str(len(deployed) + 1), **content["deployedModel"]})
        elif verb == "undeployModel":
            deployed = self._made[parent]["deployedModels"]
            deployed[:] = [each for each in deployed if each["id"] != content["deployedModelId"]]
        elif verb == "predict":
            return {"predictions": [{"probability": [0.25]}]}
        elif not path.endswith(("/jobs", "/customJobs")):
            return _done({})
        else:
            return {"name": f"{path[4:]}/1", "displayName": "job", "jobId": "job"}
        return _done({})

    def deployed(self, endpoint: str) -> list[dict[str, Any]]:
        """What answers at an endpoint, by its ID."""
        [found] = (
            made for path, made in self._made.items() if path.endswith(f"endpoints/{endpoint}")
        )
        return found["deployedModels"]


def _done(response: Any) -> dict[str, Any]:
    return {"name": "projects/1/locations/r/operations/1", "done": True, "response": response}
