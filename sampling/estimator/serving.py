"""How an exported model is asked: by one tensor for each feature, or by rows of CSV.

    estimator.export_saved_model("export", serving_input_receiver_fn(schema))

Training parses files by pyarrow, which has no place in a graph. This parser is made of TensorFlow's
operations, driven by the same schema, and gives the same values; where it can't, it fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from sampling.estimator import install
from sampling.formats.values import text as spelled
from sampling.schema import FORWARDED_SUFFIX, Field, Schema

CSV_ROWS = "csv_rows"

# to_number alone would read "0x1F" and a trailing form feed; pyarrow does not
_INTEGER = r"-?[0-9]+"
_FLOAT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


def serving_input_receiver_fn(
    schema: Schema,
    delimiter: str = ",",
    null_values: Sequence[str] = ("",),
    decimal: str = ".",
) -> Callable[[], Any]:
    """What `estimator.export_saved_model` asks for: a function -> ServingInputReceiver.

    The SavedModel never asks for label or weight. Its signatures are, for each of the model's
    outputs (serving_default, predict, ...):

    - `predict`: a tensor [batch] for each feature, int64, float32 or string. NaN and "" are missing
      values, as in training. No whole number is: where such a field has an indicator, the request
      has the indicator, too;
    - `csv:predict`: `csv_rows`, a string tensor [batch], each row the schema's features in their
      order; not if there are lists among them, which are [batch, length] in `predict`.

    A canned classifier has no raw `serving_default`, because TensorFlow lets a classification take
    nothing but a single string: ask `predict`, or export what `forward_features` returns.

    Args:
        schema: the columns of the training files.
        delimiter: what separates the values of a row.
        null_values: the spellings of an empty field.
        decimal: what stands before a number's fraction.
    """
    api = install()

    def receiver() -> Any:
        if any(field.is_list for field in schema.features):
            raw = {field.name: _placeholder(field) for field in _asked(schema)}
            features = _filled(raw, schema)
            return api.export.ServingInputReceiver({**features, **forwarded(features)}, raw)
        rows = tf.compat.v1.placeholder(tf.string, [None], name=CSV_ROWS)
        raw = {
            name: tf.compat.v1.placeholder_with_default(values, [None])  # can be fed in its place
            for name, values in _parsed(rows, schema, delimiter, null_values, decimal).items()
        }
        features = _filled(raw, schema)
        features |= forwarded(features)
        return api.export.ServingInputReceiver(features, raw, {"csv": {CSV_ROWS: rows}})

    def forwarded(raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        names = schema.features_to_forward
        return {name + FORWARDED_SUFFIX: tf.identity(raw[name]) for name in names}

    return receiver


def _asked(schema: Schema) -> list[Field]:
    """What a request has a tensor for: features, and indicators that no value of theirs tells."""
    of_no_value = {f.indicator_name for f in schema.features if f.is_integer and f.indicator}
    names = {field.name for field in schema.features} | of_no_value
    return [field for field in schema.batch_features if field.name in names]


def _filled(raw: Mapping[str, tf.Tensor], schema: Schema) -> dict[str, tf.Tensor]:
    """What was asked with -> the features of training, in their order."""
    features: dict[str, tf.Tensor] = {}
    for field in schema.features:
        values = raw[field.name]
        if field.is_list:
            features[field.name] = values
            missing = tf.fill(tf.shape(values)[:1], tf.shape(values)[1] == 0)
        elif field.is_integer:
            features[field.name] = values
            missing = raw.get(field.indicator_name)
        else:
            missing = tf.equal(values, "") if field.is_string else tf.math.is_nan(values)
            empty = tf.constant(field.empty_value, values.dtype)
            features[field.name] = tf.where(missing, empty, values)
        if field.indicator:
            features[field.indicator_name] = tf.cast(missing, tf.int64)
    return features


def _placeholder(field: Field) -> tf.Tensor:
    dtype = field.numpy_dtype
    shape = [None, *(width or None for width in dtype.shape)]
    type_ = tf.string if dtype.hasobject else dtype.base
    return tf.compat.v1.placeholder(type_, shape, name=field.name)


def parse_csv(
    rows: tf.Tensor,
    schema: Schema,
    delimiter: str = ",",
    null_values: Sequence[str] = ("",),
    decimal: str = ".",
) -> dict[str, tf.Tensor]:
    """Rows of CSV -> features, in a graph or eagerly.

        parse_csv(['7,"Rome, GA"'], schema)  ->  {"age": [7], "city": [b"Rome, GA"]}

    Args:
        rows: string [batch]; each has the schema's features in order, no label, no weight.
        schema, delimiter, null_values, decimal: as for the training files.

    Returns:
        {name: int64, float32 or string [batch]}; with the indicators of fields that have one.

    Raises (when it runs):
        tf.errors.InvalidArgumentError: a row with another number of fields or a stray quote, an
            empty field that is REQUIRED, a value that is not of its field's type.
    """
    return _filled(_parsed(rows, schema, delimiter, null_values, decimal), schema)


def _parsed(
    rows: tf.Tensor, schema: Schema, delimiter: str, null_values: Sequence[str], decimal: str
) -> dict[str, tf.Tensor]:
    """What `_filled` takes: missing numbers are NaN, missing strings are blank."""
    texts = _split(rows, len(schema.features), delimiter)
    spellings = ["", *null_values]
    values: dict[str, tf.Tensor] = {}
    for field, text in zip(schema.features, texts, strict=True):
        if decimal != "." and not field.is_string:
            text = _with_point(text, decimal)
        values[field.name], missing = _typed(field, text, spellings)
        if field.indicator and field.is_integer:
            values[field.indicator_name] = tf.cast(missing, tf.int64)
    # rows are checked whole, even if a model has no use for some of their columns
    with tf.control_dependencies(list(values.values())):
        return {name: tf.identity(column) for name, column in values.items()}


def _split(rows: tf.Tensor, columns: int, delimiter: str) -> list[tf.Tensor]:
    """[batch] rows -> the texts of each column, [batch]."""
    lines = tf.strings.regex_replace(rows, r"[\r\n]+\z", "")
    # A quote opens a field only where the field begins. Elsewhere it is a character like others,
    # as in 5" pipe; decode_csv takes it for one only in rows where no quote opens a field.
    quoted = tf.strings.regex_full_match(lines, f'(?s)(.*{re.escape(delimiter)})?".*')
    parts, places = [], []
    for chosen, use_quotes in ((quoted, True), (~quoted, False)):
        some = tf.boolean_mask(lines, chosen)
        parts.append(tf.io.decode_csv(some, [[""]] * columns, delimiter, use_quotes))
        places.append(tf.cast(tf.where(chosen)[:, 0], tf.int32))
    return [tf.dynamic_stitch(places, texts) for texts in zip(*parts, strict=True)]


def _with_point(text: tf.Tensor, decimal: str) -> tf.Tensor:
    """`3,5` -> `3.5`, and `3.5`, which is no number then, -> `3,5`."""
    for old, new in ((r"\.", "\f"), (decimal, "."), ("\f", decimal)):
        text = tf.strings.regex_replace(text, old, new)
    return text


def _typed(field: Field, text: tf.Tensor, spellings: Sequence[str]) -> tuple[Any, tf.Tensor]:
    """(Values, bool: where they are missing), [batch] each."""
    missing = _is_any(text, spellings)
    if not field.is_string:  # blanks around a value are none of it, and TensorFlow takes more
        text = tf.strings.regex_replace(text, r"\A[ \t]+|[ \t]+\z", "")
    if not field.is_string and field.type != "BOOLEAN":
        missing |= tf.strings.regex_full_match(text, spelled.NAN)
    if field.mode == "REQUIRED":
        text = _checked(text, ~missing, f"column {field.name!r} is REQUIRED and empty; fill it")
    if field.is_string:
        return tf.where(missing, "", text), missing
    # the missing ones are read as 0 first, because every one of a tensor must be a number
    numbers = _booleans if field.type == "BOOLEAN" else _numbers
    values = numbers(field, tf.where(missing, "0", text))
    empty = field.empty_value if field.is_integer else math.nan
    return tf.where(missing, tf.constant(empty, values.dtype), values), missing


def _booleans(field: Field, text: tf.Tensor) -> tf.Tensor:
    true, false = _is_any(text, spelled.TRUE), _is_any(text, spelled.FALSE)
    expected = f"expected {', '.join((*spelled.TRUE, *spelled.FALSE))}"
    with tf.control_dependencies([_checked(text, true | false, _wrong(field, expected))]):
        return tf.cast(true, tf.int64)


def _numbers(field: Field, text: tf.Tensor) -> tf.Tensor:
    pattern, dtype, expected = _FLOAT, tf.float32, "expected a finite number"
    if field.is_integer:
        pattern, dtype, expected = _INTEGER, tf.int64, "expected a whole number"
        text = tf.strings.regex_replace(text, r"\A(-?[0-9]+)\.0*\z", r"\1")  # 17.0
    fits = tf.strings.regex_full_match(text, pattern)
    values = tf.strings.to_number(_checked(text, fits, _wrong(field, expected)), dtype)
    if field.is_integer:
        return values
    return _checked(values, tf.math.is_finite(values), _wrong(field, expected))  # 1e39 is not


def _wrong(field: Field, expected: str) -> str:
    return f"column {field.name!r} is {field.type}, {expected}; fix the value"


def _is_any(text: tf.Tensor, spellings: Sequence[str]) -> tf.Tensor:
    """[batch] -> bool [batch]"""
    # == would compare the objects, not their elements, in the graph that an Estimator exports
    same = tf.equal(text[:, tf.newaxis], tf.constant(list(spellings), tf.string))
    return tf.reduce_any(same, axis=1)


def _checked(values: tf.Tensor, fine: tf.Tensor, message: str) -> tf.Tensor:
    """The values, once all of them are fine; otherwise the error tells the first that is not."""
    found = tf.boolean_mask(values, ~fine)[:1]
    check = tf.debugging.Assert(tf.reduce_all(fine), [message, "found", found])
    with tf.control_dependencies([check] if check is not None else []):  # None: checked eagerly
        return tf.identity(values)
