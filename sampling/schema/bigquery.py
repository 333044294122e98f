"""What BigQuery says of a table; needs google-cloud-bigquery, the extra [gcp]."""

from __future__ import annotations

from typing import Any

from sampling.errors import SamplingError


def table_fields(table: str, client: Any = None) -> list[dict[str, Any]]:
    """The table's columns, as in BigQuery's schema JSON.

    Args:
        table: "project.dataset.table".
        client: a google.cloud.bigquery.Client; None: one with the credentials at hand.

    Raises:
        ImportError: google-cloud-bigquery is not installed.
        SamplingError: the table can't be found or read.
    """
    try:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import bigquery
    except ImportError as error:
        raise ImportError(
            f"the schema of a BigQuery table needs google-cloud-bigquery ({error}); "
            "install tf-sampling[gcp]"
        ) from None
    try:
        found = (client or bigquery.Client()).get_table(table)
    except (GoogleAPICallError, GoogleAuthError, OSError, ValueError) as error:
        raise SamplingError(
            f"can't read the table {table!r} ({error}), expected project.dataset.table; fix the "
            "name, or log in by `gcloud auth application-default login`"
        ) from error
    return [field.to_api_repr() for field in found.schema]
