"""Schemas of BigQuery's tables and of objects in buckets."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from sampling import Schema

bigquery = pytest.importorskip("google.cloud.bigquery")

TABLE = {
    "kind": "bigquery#table",
    "tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"},
    "schema": {
        "fields": [
            {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
            {"name": "income", "type": "FLOAT", "mode": "NULLABLE"},
            {"name": "city", "type": "STRING"},
            {"name": "bought", "type": "BOOLEAN"},
        ]
    },
}


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        found = self.path.startswith("/bigquery/v2/projects/p/datasets/d/tables/t")
        body = json.dumps(TABLE if found else {"error": {"message": "no such table"}}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def client():
    from google.auth.credentials import AnonymousCredentials

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        with bigquery.Client(
            "p", AnonymousCredentials(), client_options={"api_endpoint": endpoint}
        ) as client:
            yield client
        server.shutdown()


def test_a_schema_has_the_columns_of_the_table(client):
    schema = Schema.from_bigquery("p.d.t", label="bought", client=client)
    assert schema == Schema.from_json(json.dumps(TABLE["schema"]["fields"]), label="bought")
    assert [field.type for field in schema] == ["INTEGER", "FLOAT", "STRING", "BOOLEAN"]
    assert schema["id"].mode == "REQUIRED"


@pytest.mark.parametrize("table", ["p.d.other", "nonsense"])
def test_a_table_that_is_not_there_is_named(client, table):
    with pytest.raises(ValueError, match=f"can't read the table '{table}'.*project.dataset.table"):
        Schema.from_bigquery(table, client=client)


def test_from_gcs_wants_a_bucket():
    with pytest.raises(ValueError, match="found 'schema.json', expected gs://bucket/path"):
        Schema.from_gcs("schema.json")
