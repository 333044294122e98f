"""Whatever a column holds: read with the schema that is inferred, every value is what it was."""

import csv
from decimal import Decimal

import hypothesis
import hypothesis.strategies as st
import numpy as np

from sampling import InputFn, Schema

TRUE = {"true", "t", "yes", "y"}

wholes = st.integers(-(2**66), 2**66).map(str) | st.integers(-99, 99).map(str)
points = st.integers(-(2**40), 2**40).map(lambda whole: f"{whole}.0")
zeros = st.integers(0, 999).map(lambda whole: f"{whole:05d}")
reals = st.floats(-(2.0**100), 2.0**100, width=32).map(repr) | st.decimals(
    -1000, 1000, places=3, allow_nan=False
).map(str)
huge = st.sampled_from(["1e39", "-1e300", "1e400"])
words = st.sampled_from(["true", "false", "True", "FALSE", "yes", "No", "t", "F", "Y", "n"])
dates = st.dates().map(str) | st.datetimes().map(str)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8) | st.sampled_from(
    ["NA", "null", "-", "nan", "inf", "$5", "1,5", "1.234,5", "0x1F", "+5", "1_0"]
)
KINDS = wholes, points, zeros, reals, huge, words, dates, texts
padded = st.sampled_from(["{}", "{}", "{}", " {}", "{} "])


@st.composite
def columns(draw):
    """Fields of one or two kinds, some of them empty, some with blanks around."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2))
    fields = draw(st.lists(st.one_of(*kinds), min_size=1, max_size=30))
    missing = draw(st.lists(st.booleans(), min_size=len(fields), max_size=len(fields)))
    is_sparse, pads = draw(st.booleans()), draw(st.booleans())
    fields = [draw(padded).format(field) if pads else field for field in fields]
    return [
        "" if is_sparse and gone else field for field, gone in zip(fields, missing, strict=True)
    ]


def same(field, text, value):
    """Whether a value of a batch is what its text says."""
    plain = text.strip(" \t")
    if not text:
        return value == (b"" if field.is_string else 0)
    if field.is_string:
        return value == text.encode()
    if field.type == "BOOLEAN":
        return value == (plain.lower() in TRUE)
    if field.type == "INTEGER":
        return int(value) == Decimal(plain)
    return value == np.float32(plain) and (not plain.lstrip("-").isdigit() or len(plain) < 39)


@hypothesis.given(fields=columns())
@hypothesis.example(fields=[" yes", "no", "yes\t", "No"])
@hypothesis.settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_every_value_is_read_back(tmp_path, fields):
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["other", "x"])
        writer.writerows([i + 0.5, field] for i, field in enumerate(fields))
    schema = Schema.infer(tmp_path / "a.csv", header=True, delimiter=",")
    field = schema["x"]
    batches = InputFn(tmp_path / "a.csv", schema, shuffle=False).batches()
    values = np.concatenate([batch["x"] for batch in batches])
    assert len(values) == len(fields)
    for text, value in zip(fields, values.tolist(), strict=True):
        assert same(field, text, value), (field, text, value)
    large = [f for f in fields if f.strip().lstrip("-").isdigit() and abs(int(f)) > 2**24]
    if large and field.type == "FLOAT":
        assert "above 2^24" in " ".join(schema.statistics["x"].remarks)
