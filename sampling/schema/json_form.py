"""The JSON of a schema: BigQuery's list of fields, alone or among the roles of its columns."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable
from typing import Any

from sampling.errors import SamplingError
from sampling.files import reading
from sampling.schema.field import Field

_OURS = ("name", "type", "mode", "default", "length", "kind", "indicator", "alias")
# What BigQuery says of a column beyond that, which is of no matter here.
_BIGQUERYS = (
    "categories",
    "collation",
    "dataPolicies",
    "defaultValueExpression",
    "description",
    "fields",
    "foreignTypeDefinition",
    "generatedColumn",
    "identityColumn",
    "maxLength",
    "nameAlternative",
    "policyTags",
    "precision",
    "rangeElementType",
    "roundingMode",
    "scale",
    "timestampPrecision",
)
ROLES = ("label", "weight", "features_to_forward", "classes")
CSV = "csv"  # how the text files are written that the schema was made from
_KEYS = (*ROLES, "schema", "fields", "statistics", CSV)


def load(text_or_path: Any) -> tuple[dict[str, Any], str]:
    """`parse` of a text, which begins with "[" or "{", or of a file; and where it is from.

    Raises:
        SamplingError: the file can't be read; or see `parse`.
    """
    text, origin = str(text_or_path), "schema JSON"
    if not text.lstrip().startswith(("[", "{")):
        text, origin = reading.read_text(text), text
    return parse(text, origin), origin


def parse(text: str, origin: str) -> dict[str, Any]:
    """A schema's JSON -> {"schema": entries of fields, and what else it says: roles, statistics}.

    Args:
        origin: where it is from, for the error.

    Raises:
        SamplingError: it is no JSON, has no list of fields, or a key that is not known.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise SamplingError(
            f"{origin}, line {error.lineno}, column {error.colno}: {error.msg}; "
            "expected the JSON that bq show --schema --format=prettyjson prints"
        ) from None
    except RecursionError:
        raise SamplingError(
            f"{origin}: found JSON that is nested too deeply, "
            "expected what bq show --schema --format=prettyjson prints; fix it"
        ) from None
    entries, said = found, {}
    if isinstance(found, dict):
        entries = found.get("schema", found.get("fields"))
        if isinstance(entries, dict):  # bq show without --schema prints all about the table
            entries = entries.get("fields")
        elif isinstance(entries, list):
            if "made_by" not in found:  # a manifest says more, of the files
                check_keys(found, _KEYS, origin)
            said = found
    if not isinstance(entries, list):
        raise SamplingError(f'{origin}: expected a list of {{"name": ..., "type": ...}}')
    return {**said, "schema": entries}


def fields(entries: Iterable[Any], origin: str) -> tuple[Field, ...]:
    """The fields that entries of BigQuery's schema JSON describe.

    Raises:
        SamplingError: one has no name, no type, a key that is not known, or what `Field` refuses.
    """
    return tuple(_field(entry, origin) for entry in entries)


def _field(entry: Any, origin: str) -> Field:
    if not isinstance(entry, dict) or not entry.get("name"):
        raise SamplingError(
            f'{origin}: the entry {json.dumps(entry)} has no "name"; name the field'
        )
    at = f"{origin}: field {entry['name']!r}"
    if "type" not in entry:
        raise SamplingError(f'{at} has no "type"; add it')
    check_keys(entry, (*_OURS, *_BIGQUERYS), at, shown=_OURS)
    if entry.get("default") is not None and entry.get("defaultValueExpression") is not None:
        raise SamplingError(
            f'{at} has both "default" and "defaultValueExpression", expected one; remove the other'
        )
    try:
        default = entry.get("default")
        if default is None:
            default = _literal(entry.get("defaultValueExpression"))
        return Field(
            entry["name"],
            entry["type"],
            entry.get("mode") or "NULLABLE",
            default,
            length=entry.get("length"),
            kind=entry.get("kind"),
            indicator=bool(entry.get("indicator", False)),
            alias=entry.get("alias"),
        )
    except ValueError as error:
        raise SamplingError(f"{origin}: {error}") from None


def check_keys(
    found: Collection[str], known: Collection[str], at: str, shown: Collection[str] = ()
) -> None:
    """Raises SamplingError for a key that is not known.

    Args:
        at: where the keys are, for the error.
        shown: those that the error lists; none: all that are known.
    """
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            remedy = f"did you mean {near[0]!r}?" if near else "remove it"
            raise SamplingError(
                f"{at}: found the key {key!r}, expected one of {', '.join(shown or known)}; "
                f"{remedy}"
            )


def _literal(expression: Any) -> Any:
    """A SQL literal -> its value."""
    if not isinstance(expression, str):
        return expression
    if len(expression) > 1 and expression[0] == expression[-1] == "'":
        return expression[1:-1]
    is_word = expression.upper() in ("TRUE", "FALSE", "NULL")
    try:
        return json.loads(expression.lower() if is_word else expression)
    except (json.JSONDecodeError, RecursionError):
        raise SamplingError(
            f"found the default {expression!r}, expected a literal; "
            "write a number, a quoted text, or none"
        ) from None
