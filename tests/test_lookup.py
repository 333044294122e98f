"""Features by key: types, defaults, lists, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sampling import FeatureLookup, Schema
from sampling.samplers.fake_pairs.lookup import MultiHot, dtype, joined

SONGS = Schema.from_dict({"song": str, "year": int, "loudness": float, "genres": str, "mood": str})
LINES = [
    "song,year,loudness,genres,mood",
    's1,1999,-7.5,"rock| pop",sad',
    "s2,,1,,",
    '"s,3",2003,0,jazz,glad',
]


def write(folder, lines):
    path = folder / "songs.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def songs(tmp_path):
    return FeatureLookup(write(tmp_path, LINES), SONGS, "song", lists={"genres": "|"})


def ids(*texts):
    return np.array([text.encode() for text in texts], object)


def test_features_come_in_the_order_of_the_ids(songs):
    features = songs(ids("s,3", "s1", "s1", "s2"))
    assert features["year"].tolist() == [2003, 1999, 1999, 0]
    assert features["loudness"].tolist() == [0, -7.5, -7.5, 1]
    assert features["mood"].tolist() == [b"glad", b"sad", b"sad", b""]
    assert features["year"].dtype == np.int64 and features["loudness"].dtype == np.float32


def test_lists_are_multi_hot(songs):
    assert songs.values == {"genres": ["jazz", "pop", "rock"]}
    genres = songs(ids("s1", "s,3", "s2", "unknown"))["genres"]
    expected = [[0, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert genres[np.arange(4)].tolist() == expected
    assert genres[np.array([1, 1])].tolist() == [expected[1]] * 2
    assert dtype(genres) == np.dtype((np.float32, (3,)))


def test_a_separator_of_several_characters(tmp_path):
    lines = ["song,genres", "s1,rock and pop", "s2,pop and pop"]
    schema = Schema.from_dict({"song": str, "genres": str})
    lookup = FeatureLookup(write(tmp_path, lines), schema, "song", lists={"genres": " and "})
    assert lookup(ids("s1", "s2"))["genres"][np.arange(2)].tolist() == [[1, 1], [1, 0]]


def test_what_is_missing_has_the_defaults(songs):
    features = songs(ids("unknown", "s1"))  # no more than half
    assert features["year"].tolist() == [0, 1999]
    assert features["mood"].tolist() == [b"", b"sad"]


def test_where_most_are_missing_it_is_said(songs):
    """Excel took the zeros, say."""
    with pytest.warns(UserWarning, match=r"songs.csv, column 'song': found no row for 2 of 3 ids"):
        songs(ids("s1", "0002", "0003"))
    assert songs.not_found(ids("s1", "0002", "0003")) == 2


def test_files_are_read_as_they_are_said_to_be_written(tmp_path):
    (tmp_path / "a.txt").write_bytes('song;x\ns1;"a\nÄ"\n'.encode("latin-1"))
    options = {"newlines_in_values": True, "encoding": "latin-1", "delimiter": ";"}
    schema = Schema.from_dict({"song": str, "x": str})
    lookup = FeatureLookup(tmp_path / "a.txt", schema, "song", file_format="csv", **options)
    assert lookup(ids("s1"))["x"].tolist() == ["a\nÄ".encode()]


def test_what_is_missing_is_an_error_if_asked(tmp_path):
    lookup = FeatureLookup(write(tmp_path, LINES), SONGS, "song", missing="error")
    assert lookup(ids("s2"))["year"].tolist() == [0]
    with pytest.raises(ValueError, match=r"songs.csv, column 'song'.*'x' and 1 more"):
        lookup(ids("s1", "x", "y"))


def test_keys_may_be_numbers(tmp_path):
    schema = Schema.from_dict({"user": int, "age": float})
    lookup = FeatureLookup(write(tmp_path, ["user,age", "7,30", "3,40.5"]), schema, "user")
    assert lookup(np.array([3, 7]))["age"].tolist() == [40.5, 30]


def test_all_is_found_again_in_many_rows(tmp_path):
    lines = [
        "user,age,likes",
        *(f"{user},{user / 4},{user % 7}|{user % 11}" for user in range(5000)),
    ]
    schema = Schema.from_dict({"user": int, "age": float, "likes": str})
    lookup = FeatureLookup(write(tmp_path, lines), schema, "user", lists={"likes": "|"})
    users = np.random.default_rng(0).permutation(5000)
    features = lookup(users)
    np.testing.assert_array_equal(features["age"], users / 4)
    hot = features["likes"][np.arange(5000)]
    of_value = {value: column for column, value in enumerate(lookup.values["likes"])}
    for user, row in zip(users, hot, strict=True):
        expected = {of_value[str(user % 7)], of_value[str(user % 11)]}
        assert set(np.flatnonzero(row)) == expected


def test_multi_hot_of_no_rows():
    assert MultiHot([1], [1], 2)[np.empty(0, np.int64)].shape == (0, 2)
    assert MultiHot([], [0, 0], 0)[np.arange(2)].shape == (2, 0)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([*LINES, "s1,1,1,,"], {}, r"songs.csv, line 5, column 'song': found 's1' a second time"),
        ([*LINES, ",1,1,,"], {}, r"songs.csv, line 5, column 'song'.*REQUIRED"),
        ([*LINES, "s4,old,1,,"], {}, r"songs.csv, line 5, column 'year': found 'old'"),
        (LINES, {"key": "nope"}, "key is 'nope', expected a column among song, year"),
        (LINES, {"key": "loudness"}, "'loudness' is of type FLOAT, expected ids"),
        (LINES, {"lists": {"year": "|"}}, "lists has 'year', expected columns of text"),
        (LINES, {"lists": {"genres": ""}}, "lists has the separator ''"),
        (LINES, {"missing": "maybe"}, "missing is 'maybe', expected one of 'default', 'error'"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path, lines, options, message):
    with pytest.raises(ValueError, match=message):
        FeatureLookup(write(tmp_path, lines), SONGS, **{"key": "song"} | options)


def test_ids_of_another_type_are_refused(songs):
    with pytest.raises(ValueError, match="songs.csv, column 'song': found ids that are numbers"):
        songs(np.array([1, 2]))


def test_a_function_is_a_lookup_too():
    found = joined(
        lambda numbers: {
            "half": numbers / 2,
            "even": numbers % 2 == 0,
            "name": [f"no. {number}" for number in numbers],
            "both": np.stack([numbers, -numbers], axis=1),
        },
        np.array([3, 4]),
        "user_features",
    )
    assert {name: dtype(table) for name, table in found.items()} == {
        "half": np.float32,
        "even": np.int64,
        "name": object,
        "both": np.dtype((np.int64, (2,))),
    }
    assert found["name"].tolist() == [b"no. 3", b"no. 4"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda ids: ids, "user_features returned ndarray, expected a dict"),
        (lambda ids: {"x": ids[:1]}, r"returned 'x' of shape \(1,\)"),
        (lambda ids: {"x": 1}, r"returned 'x' of shape \(\)"),
        (lambda ids: {"x": ids.astype("M8[s]")}, "dtype datetime64"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(function, message):
    with pytest.raises(ValueError, match=message):
        joined(function, np.array([1, 2]), "user_features")
