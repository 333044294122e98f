"""Files to predict: their labels and weights may be blank, unknown or lacking."""

from __future__ import annotations

import dataclasses
from typing import Any

from sampling import Schema


def without_labels(schema: Schema, has_header: bool) -> Schema:
    """Columns are left out by name; without names they have to be there, with any text."""
    if has_header:
        none: dict[str, Any] = {"label": None, "weight": None, "classes": ()}
        return dataclasses.replace(schema, fields=schema.features, **none)
    instead: dict[str | None, dict[str, Any]] = {
        schema.weight: {"mode": "NULLABLE", "default": 1},
        schema.label: {"type": "STRING", "mode": "NULLABLE", "default": "", "kind": None},
    }
    fields = [dataclasses.replace(field, **instead.get(field.name, {})) for field in schema]
    return dataclasses.replace(schema, fields=tuple(fields), classes=())
