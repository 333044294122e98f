"""What the columns of a schema may be to each other, and a schema in a few lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sampling.errors import SamplingError
from sampling.schema import kinds, labels
from sampling.schema.field import Field

if TYPE_CHECKING:
    from sampling.schema.schema import Schema

WEIGHT_FEATURE = "weight"  # the key under which an Estimator finds a row's weight
FORWARDED_SUFFIX = "_"  # a forwarded feature "id" comes again as "id_"
_SHOWN_WIDTH = 300  # characters of a kind's columns


def check_fields(fields: Sequence[Any]) -> None:
    """Raises SamplingError if they are no fields, or none, or two have the same name."""
    for field in fields:
        if not isinstance(field, Field):
            raise SamplingError(f"expected a Field, found {field!r}; write Field(name, type)")
    if not fields:
        raise SamplingError("the schema has no fields; give at least one")
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SamplingError(f"duplicate field {', '.join(map(repr, twice))}; name each once")
    for field in (each for each in fields if each.alias is not None):
        others = [name for each in fields if each is not field for name in (each.name, each.alias)]
        if field.alias in others:
            raise SamplingError(
                f"field {field.name!r} has the alias {field.alias!r}, which another field has as "
                "name or alias; leave it out"
            )


def check(schema: Schema) -> None:
    """Raises SamplingError if label, weight or what is forwarded are no columns, or clash."""
    _check_roles(schema)
    _check_clashes(schema)


def shown(schema: Schema) -> str:
    """A schema's roles, and the columns of each kind.

    Schema of 4 columns: label 'bought', forwarded 'id'
      id        id INTEGER
      number    age INTEGER, price FLOAT
    """
    said = [f"{role} {name!r}" for role in ("label", "weight") if (name := getattr(schema, role))]
    if schema.features_to_forward:
        said.append(f"forwarded {', '.join(map(repr, schema.features_to_forward))}")
    head = f"Schema of {len(schema)} column{'s' * (len(schema) > 1)}"
    return "\n".join([": ".join(filter(None, [head, ", ".join(said)])), *_kinds_shown(schema)])


def _kinds_shown(schema: Schema) -> Iterator[str]:
    for kind in kinds.KINDS:
        of_kind = [f"{f.name} {f.type}{_list_shown(f)}" for f in schema.features if f.kind == kind]
        if of_kind:
            columns = textwrap.shorten(", ".join(of_kind), _SHOWN_WIDTH, placeholder=" ...")
            yield textwrap.fill(
                columns, 100, initial_indent=f"  {kind:<10}", subsequent_indent=" " * 12
            )


def _list_shown(field: Field) -> str:
    return f"[{field.length or ''}]" if field.is_list else ""


def _check_roles(schema: Schema) -> None:
    columns = ", ".join(schema.names)
    for role in ("label", "weight"):
        name = getattr(schema, role)
        if name is not None and name not in schema.names:
            raise SamplingError(f"the {role} {name!r} is not among the columns: {columns}")
    if schema.label is not None and schema.label == schema.weight:
        raise SamplingError(f"{schema.label!r} is both label and weight; name two columns")
    if schema.weight is not None and schema[schema.weight].is_string:
        raise SamplingError(
            f"the weight {schema.weight!r} is of type {schema[schema.weight].type}, "
            "expected a number; fix its type"
        )
    for role in ("label", "weight"):
        if getattr(schema, role) is not None and schema[getattr(schema, role)].is_list:
            raise SamplingError(
                f"the {role} {getattr(schema, role)!r} is a list, expected one value in each "
                "row; name another column"
            )
        if getattr(schema, role) is not None and schema[getattr(schema, role)].indicator:
            raise SamplingError(
                f"the {role} {getattr(schema, role)!r} has an indicator, expected one of a feature "
                "only; leave it out"
            )
    default = None if schema.label is None else schema[schema.label].default
    if schema.classes and default is not None and labels.place(default, schema.classes) is None:
        raise SamplingError(
            f"the label {schema.label!r} has the default {default!r}, expected one of the classes "
            f"{', '.join(map(repr, schema.classes))}; fix it"
        )
    features = [field.name for field in schema.features]
    for name in schema.features_to_forward:
        if name not in features:
            raise SamplingError(
                f"{name!r} can't be forwarded: it is not among the features ({', '.join(features)})"
            )


def _check_clashes(schema: Schema) -> None:
    features = {field.name for field in schema.features}
    if WEIGHT_FEATURE in features or schema.label == WEIGHT_FEATURE:
        role = "label" if schema.label == WEIGHT_FEATURE else "feature"
        raise SamplingError(
            f"the {role} {WEIGHT_FEATURE!r} would clash with the row weights that every batch "
            f"carries; rename the column, or name it as the weight: weight={WEIGHT_FEATURE!r}"
        )
    for field in schema.fields:
        if field.indicator and field.indicator_name in schema.names:
            raise SamplingError(
                f"{field.name!r} has an indicator, {field.indicator_name!r}, which is a column's "
                "name already; rename one of the two"
            )
    features |= {field.indicator_name for field in schema.fields if field.indicator}
    for name in schema.features_to_forward:
        forwarded = name + FORWARDED_SUFFIX
        if forwarded in features or forwarded == WEIGHT_FEATURE:
            raise SamplingError(
                f"{name!r} is forwarded as {forwarded!r}, which is a feature's name already; "
                "rename one of the two"
            )
