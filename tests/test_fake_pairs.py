"""Fake pairs: never a known one, exact ratios, features joined, and the same again from a state."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import FeatureLookup, InputFnWithFakePairs, Schema
from sampling.order import apportionment

SCHEMA = Schema.from_dict({"user": str, "item": int, "plays": int}, label="plays")
KINDS = ("uniform", "per_user", "popularity")


class Plays:
    """300 rows of 40 users and 25 items with 2 to 9 plays, some pairs twice, in 3 files."""

    def __init__(self, folder):
        generator = np.random.default_rng(0)
        self.folder = folder
        self.rows = pd.DataFrame(
            {
                "user": [f"user {number}" for number in generator.integers(40, size=300)],
                "item": generator.zipf(1.5, 300) % 25,
                "plays": generator.integers(2, 10, size=300),
            }
        )
        for index in range(3):
            part = self.rows[index * 100 : (index + 1) * 100]
            part.to_csv(folder / f"plays-{index}.csv", index=False)
        self.pairs = set(zip(self.rows["user"], self.rows["item"], strict=True))

    def __call__(self, **options):
        files = str(self.folder / "plays-*.csv")
        return InputFnWithFakePairs(files, SCHEMA, "user", "item", **options)


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    return Plays(tmp_path_factory.mktemp("plays"))


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def small(folder, *lines, **options):
    files = write(folder / "pairs.csv", "user,item,plays", *lines)
    return InputFnWithFakePairs(files, SCHEMA, "user", "item", **options)


def rows_of(input_fn, prefix=""):
    """(users, items, labels, weights) of all batches."""
    features, labels, weights = zip(*input_fn.batches(), strict=True)
    users = [user.decode() for each in features for user in each[f"{prefix}user"]]
    items = np.concatenate([each[f"{prefix}item"] for each in features]).tolist()
    return users, items, np.concatenate(labels), np.concatenate(weights)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("fakes", KINDS)
def test_every_row_comes_once_and_no_fake_is_a_known_pair(plays, fakes, shuffle):
    options = {"fakes": fakes, "shuffle": shuffle, "negatives_per_positive": 3, "batch_size": 32}
    users, items, labels, weights = rows_of(plays(**options))
    real = [(u, i, n) for u, i, n in zip(users, items, labels, strict=True) if n]
    assert Counter(real) == Counter(plays.rows.itertuples(index=False, name=None))
    fake = [(u, i) for u, i, n in zip(users, items, labels, strict=True) if not n]
    assert len(fake) == 900
    assert not plays.pairs.intersection(fake)
    assert set(weights) == {1.0}


def test_fakes_by_user_are_of_the_users_of_the_positives(plays):
    for fakes in ("per_user", "popularity"):
        users, _, labels, _ = rows_of(plays(fakes=fakes, negatives_per_positive=4))
        counts = Counter(itertools.compress(users, labels == 0))
        assert counts == {user: 4 * n for user, n in Counter(plays.rows["user"]).items()}


def test_every_epoch_has_fakes_of_its_own(plays):
    users, items, labels, _ = rows_of(plays(num_epochs=2, shuffle=False))
    fakes = [(u, i) for u, i, n in zip(users, items, labels, strict=True) if n == 0]
    assert fakes[:300] != fakes[300:]
    assert len(set(fakes)) > 350  # of 2 x 300 from some 850 pairs


@settings(max_examples=60, deadline=None)
@given(
    ratio=st.one_of(st.floats(0.05, 0.95), st.sampled_from([0.1, 0.2, 0.25, 1 / 3, 0.5])),
    per_positive=st.one_of(st.none(), st.integers(1, 6), st.floats(0.1, 6)),
    fakes=st.sampled_from(KINDS),
    batch_size=st.integers(1, 99),
    pool_rows=st.integers(10, 400),
    shuffle=st.booleans(),
)
def test_the_ratio_of_every_epoch_is_exact(
    plays, ratio, per_positive, fakes, batch_size, pool_rows, shuffle
):
    input_fn = plays(
        balance_ratio=ratio,
        negatives_per_positive=per_positive,
        fakes=fakes,
        batch_size=batch_size,
        pool_rows=pool_rows,
        shuffle=shuffle,
        num_epochs=2,
    )
    batches = [labels for _, labels, _ in input_fn.batches()]
    assert len(batches) == 2 * input_fn.steps_per_epoch
    expected = 300 * (per_positive if per_positive is not None else (1 - ratio) / ratio)
    for epoch in np.split(np.concatenate(batches), 2):
        assert np.count_nonzero(epoch) == 300
        assert len(epoch) == input_fn.rows_per_epoch
        assert abs(np.count_nonzero(epoch == 0) - expected) <= 0.5 + 0.01 * expected / 10


@settings(max_examples=40, deadline=None)
@given(
    shares=st.sampled_from([(0.5, 2), (0.2, 5), (0.25, 4), (0.6, 5), (0.1, 10)]),
    multiple=st.integers(1, 8),
    pool_rows=st.integers(10, 400),
    fakes=st.sampled_from(KINDS),
    shuffle=st.booleans(),
)
def test_the_ratio_of_every_batch_is_exact_if_asked(
    plays, shares, multiple, pool_rows, fakes, shuffle
):
    ratio, unit = shares
    batch_size = unit * multiple
    input_fn = plays(
        balance_ratio=ratio,
        batch_size=batch_size,
        exact_batches=True,
        pool_rows=pool_rows,
        fakes=fakes,
        shuffle=shuffle,
        num_epochs=2,
    )
    batches = [labels for _, labels, _ in input_fn.batches()]
    whole = [labels for labels in batches if len(labels) == batch_size]
    assert len(batches) - len(whole) in (0, 2)
    assert {np.count_nonzero(labels) for labels in whole} == {round(ratio * batch_size)}


def test_a_ratio_that_is_not_exact_in_a_batch_is_refused(plays):
    with pytest.raises(ValueError, match="0.2 of a batch of 128 rows is 25.6.*a multiple of 5"):
        plays(exact_batches=True, balance_ratio=0.2, batch_size=128)


@given(
    st.lists(st.integers(0, 200), min_size=2, max_size=2),
    st.lists(st.integers(0, 9), min_size=2, max_size=2).filter(any),
    st.booleans(),
)
def test_an_order_in_batches_is_a_permutation(sizes, of_batch, shuffle):
    generator = np.random.default_rng(0) if shuffle else None
    order = apportionment.order_in_batches(sizes, of_batch, generator)
    assert sorted(order) == list(range(sum(sizes)))


# --- by which chance ---


def test_uniform_fakes_are_uniform(plays):
    counts: Counter = Counter()
    for seed in range(40):
        users, items, labels, _ = rows_of(plays(seed=seed, negatives_per_positive=10))
        counts.update(
            p for p, n in zip(zip(users, items, strict=True), labels, strict=True) if not n
        )
    users, items = plays.rows["user"].unique(), plays.rows["item"].unique()
    left = set(itertools.product(users, items)) - plays.pairs
    assert set(counts) == left
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_popular_items_are_drawn_by_their_popularity_and_log_q_says_how(plays):
    input_fn = plays(fakes="popularity", alpha=0.5, negatives_per_positive=200)
    popularity = plays.rows.drop_duplicates(["user", "item"]).groupby("item").size() ** 0.5
    user = plays.rows["user"].value_counts().index[0]
    own = plays.rows.loc[plays.rows["user"] == user, "item"]
    expected = popularity.drop(own) / popularity.drop(own).sum()
    counts, log_q = Counter(), {}
    for features, labels, _ in input_fn.batches():
        assert features["log_q"].dtype == np.float32
        assert not features["log_q"][labels > 0].any()
        chosen = (features["user"] == user.encode()) & (labels == 0)
        counts.update(features["item"][chosen].tolist())
        log_q |= dict(
            zip(features["item"][chosen].tolist(), features["log_q"][chosen], strict=True)
        )
    assert set(counts) <= set(expected.index)
    observed = np.array([counts[item] for item in expected.index])
    assert stats.chisquare(observed, observed.sum() * expected).pvalue > 1e-4
    for item, value in log_q.items():
        assert value == pytest.approx(np.log(expected[item]), abs=1e-5)


# --- labels, weights, other columns ---


def test_fakes_have_the_label_that_is_asked_for(plays):
    labels = rows_of(plays(default_label=-1))[2]
    assert np.count_nonzero(labels == -1) == 300 and labels.dtype == np.int64


def test_files_without_the_label_are_pairs_of_label_1(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item", "a,1", "b,2")
    labels = rows_of(InputFnWithFakePairs(files, SCHEMA, "user", "item"))[2]
    assert sorted(labels) == [0, 0, 1, 1]


def test_a_label_may_be_text(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item,kind", "a,1,like", "b,2,love")
    schema = Schema.from_dict({"user": str, "item": int, "kind": str}, label="kind")
    input_fn = InputFnWithFakePairs(files, schema, "user", "item", default_label="none")
    assert Counter(rows_of(input_fn)[2].tolist()) == {b"like": 1, b"love": 1, b"none": 2}


@pytest.mark.parametrize("paired", [False, True])
def test_observed_pairs_keep_their_weights(tmp_path, paired):
    files = write(tmp_path / "pairs.csv", "user,item,plays,trust", "a,1,2,5", "b,2,2,7")
    schema = Schema.from_dict(
        {"user": str, "item": int, "plays": int, "trust": float}, label="plays", weight="trust"
    )
    input_fn = InputFnWithFakePairs(files, schema, "user", "item", paired=paired)
    weights = np.concatenate([weights for *_, weights in input_fn.batches()])
    assert sorted(weights) == ([5, 7] if paired else [1, 1, 5, 7])


def test_columns_that_a_fake_has_not_are_left_out(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item,when,plays", "a,1,noon,2", "b,2,night,2")
    schema = Schema.from_dict({"user": str, "item": int, "when": str, "plays": int}, label="plays")
    features, *_ = next(InputFnWithFakePairs(files, schema, "user", "item").batches())
    assert set(features) == {"user", "item"}
    forwarding = Schema.from_json(schema.to_json(), "plays", features_to_forward=["when"])
    with pytest.raises(ValueError, match="'when' can't be forwarded.*user, item"):
        InputFnWithFakePairs(files, forwarding, "user", "item")


# --- candidates ---


def test_candidates_of_vocabularies_are_drawn_too(plays, tmp_path):
    ids = [*plays.rows["user"].unique(), "a new user"]
    users = write(tmp_path / "users.csv", *ids)
    items = write(tmp_path / "items.csv", *map(str, range(30)))
    input_fn = plays(user_vocabulary=users, item_vocabulary=items, negatives_per_positive=20)
    assert [user.decode() for user in input_fn.users] == ids
    users, items, labels, _ = rows_of(input_fn)
    fake = labels == 0
    assert "a new user" in set(itertools.compress(users, fake))
    assert set(itertools.compress(items, fake)) == set(range(30))
    assert input_fn.describe()["unobserved_pairs"] == len(ids) * 30 - len(plays.pairs)


def test_excluded_pairs_are_never_drawn(tmp_path):
    held_out = write(tmp_path / "held_out.csv", "user,item,plays", "a,2,1", "b,1,1", "x,1,1")
    lines = "a,1,3", "b,2,3", "c,3,3"
    input_fn = small(tmp_path, *lines, exclude=held_out, negatives_per_positive=100)
    users, items, labels, _ = rows_of(input_fn)
    fake = {(u, i) for u, i, n in zip(users, items, labels, strict=True) if n == 0}
    assert fake == {("a", 3), ("b", 3), ("c", 1), ("c", 2)}


def test_excluded_files_may_lack_the_label(tmp_path):
    held_out = write(tmp_path / "held_out.csv", "user,item", "a,2")
    input_fn = small(tmp_path, "a,1,3", "b,2,3", exclude=held_out)
    assert set(zip(*rows_of(input_fn)[:2], strict=True)) == {("a", 1), ("b", 2), ("b", 1)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1", "2", "2"], "items.csv, line 3: found the id '2' a second time"),
        (["1", "", "2"], "items.csv, line 2: found an empty id"),
        (["item", "1"], "items.csv, line 1: found 'item', expected a whole number"),
        (["2"], r"pairs.csv, line 2, column 'item': found the id 1, expected one of the 1 of"),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path, lines, message):
    items = write(tmp_path / "items.csv", *lines)
    with pytest.raises(ValueError, match=message):
        small(tmp_path, "a,1,3", "b,2,3", item_vocabulary=items)


# --- features ---


@pytest.fixture
def features(plays, tmp_path):
    lines = ["item,year,genres", *(f"{i},{1950 + i},{'rock' * (i % 2)}|pop" for i in range(25))]
    schema = Schema.from_dict({"item": int, "year": int, "genres": str})
    lookup = FeatureLookup(
        write(tmp_path / "items.csv", *lines), schema, "item", lists={"genres": "|"}
    )
    return {
        "item_features": lookup,
        "user_features": lambda ids: {"length": [len(user) for user in ids]},
    }


def test_features_are_joined_to_every_row(plays, features):
    input_fn = plays(**features, negatives_per_positive=2, fakes="per_user")
    for batch, _, _ in input_fn.batches():
        np.testing.assert_array_equal(batch["year"], 1950 + batch["item"])
        assert batch["length"].tolist() == [len(user) for user in batch["user"]]
        np.testing.assert_array_equal(batch["genres"][:, 0], np.ones(len(batch["item"])))
        np.testing.assert_array_equal(batch["genres"][:, 1], batch["item"] % 2)


def test_features_that_are_vectors_reach_the_dataset(plays, features):
    input_fn = plays(**features, batch_size=64)
    batch, _, _ = next(iter(input_fn.dataset(["year", "genres"])))
    assert set(batch) == {"year", "genres"} and batch["genres"].shape == (64, 2)
    batch, _ = next(iter(input_fn()))
    assert set(batch) == {"user", "item", "length", "year", "genres", "weight"}


def test_features_of_the_same_name_are_refused(plays):
    with pytest.raises(ValueError, match="the feature 'item' is there twice"):
        plays(user_features=lambda ids: {"item": np.zeros(len(ids))})
    with pytest.raises(ValueError, match="user_features has the feature 'user'"):
        plays(user_features=lambda ids: {"user": ids})
    with pytest.raises(ValueError, match="item_features is 'items.csv', expected a FeatureLookup"):
        plays(item_features="items.csv")


@pytest.mark.filterwarnings("ignore")
def test_keras_fits_and_finds_the_popular_items(plays, features):
    """From the item and its genres alone, by Dataset elements of ids and vectors."""
    item = tf.keras.Input([], name="item", dtype=tf.int64)
    genres = tf.keras.Input([2], name="genres")
    popular = tf.keras.layers.Embedding(25, 1)(item)
    joined = tf.keras.layers.Concatenate()([popular, genres])
    outputs = tf.keras.layers.Dense(1, activation="sigmoid")(joined)
    model = tf.keras.Model({"item": item, "genres": genres}, outputs)
    model.compile(tf.keras.optimizers.Adam(0.1), "binary_crossentropy")
    dataset = plays(**features, batch_size=50).dataset(["item", "genres"])
    dataset = dataset.map(lambda x, y, w: (x, tf.cast(y > 0, tf.float32), w))
    model.fit(dataset, epochs=8, verbose=0)
    items = np.arange(25)
    inputs = {"item": items, "genres": np.stack([np.ones(25), items % 2], axis=1)}
    found = model.predict(inputs, verbose=0).ravel()
    played = np.bincount(plays.rows["item"], minlength=25)
    assert found[played <= 3].max() + 0.1 < found[played >= 15].min()


# --- pairs of pairs ---


@pytest.mark.parametrize("fakes", ["per_user", "popularity"])
@pytest.mark.parametrize("ratio", [0.5, 0.25])
def test_paired_rows_are_a_real_and_a_fake_one_of_the_same_user(plays, features, fakes, ratio):
    input_fn = plays(
        **features,
        paired=True,
        fakes=fakes,
        balance_ratio=ratio,
        negatives_per_positive=2,
        num_epochs=2,
    )
    users, items_a, labels, _ = rows_of(input_fn, "a.")
    users_b, items_b, *_ = rows_of(input_fn, "b.")
    assert users == users_b and len(users) == 2 * input_fn.rows_per_epoch == 1200
    assert np.split(labels, 2)[0].sum() == np.split(labels, 2)[1].sum() == 600 * ratio
    for user, a, b, label in zip(users, items_a, items_b, labels, strict=True):
        assert ((user, a) in plays.pairs) == (label == 1)
        assert ((user, b) in plays.pairs) == (label == 0)
    for batch, _, _ in input_fn.batches():
        np.testing.assert_array_equal(batch["a.year"], 1950 + batch["a.item"])
        np.testing.assert_array_equal(batch["b.year"], 1950 + batch["b.item"])
        assert ("a.log_q" in batch) == (fakes == "popularity")


def test_paired_batches_may_be_exact_too(plays):
    input_fn = plays(paired=True, exact_batches=True, batch_size=20, negatives_per_positive=1.5)
    labels = [labels for _, labels, _ in input_fn.batches()]
    assert {each.sum() for each in labels[:-1]} == {10}
    assert sum(map(len, labels)) == 450


def test_forwarded_features_of_pairs_are_prefixed(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item,plays", "a,1,2", "b,2,2")
    schema = Schema.from_json(SCHEMA.to_json(), "plays", features_to_forward=["user"])
    input_fn = InputFnWithFakePairs(files, schema, "user", "item", paired=True)
    features, _ = next(iter(input_fn()))
    assert {"a.user", "a.user_", "b.user_"} <= set(features)


# --- groups ---


@pytest.mark.parametrize("fakes", ["per_user", "popularity"])
def test_grouped_rows_are_a_real_pair_and_fakes_of_the_same_user(plays, tmp_path, fakes):
    lines = [f"{item},{1950 + item},{'x|y' if item % 2 else 'y'}" for item in range(25)]
    files = write(tmp_path / "items.csv", "item,year,tags", *lines)
    schema = Schema.from_dict({"item": int, "year": int, "tags": str})
    features = FeatureLookup(files, schema, "item", lists={"tags": "|"})
    input_fn = plays(
        grouped=True, fakes=fakes, negatives_per_positive=3, item_features=features, batch_size=50
    )
    assert input_fn.rows_per_epoch == 300
    real, found = Counter(), Counter()
    for batch, labels, _ in input_fn.batches():
        assert batch["user"].shape == labels.shape == (50,) and batch["item"].shape == (50, 4)
        np.testing.assert_array_equal(batch["year"], 1950 + batch["item"])
        np.testing.assert_array_equal(batch["tags"][:, :, 0], batch["item"] % 2)
        users = [user.decode() for user in batch["user"]]
        for user, items, label in zip(users, batch["item"].tolist(), labels, strict=True):
            assert [(user, item) in plays.pairs for item in items] == [True, False, False, False]
            real[user, items[0], label] += 1
            found.update(items[1:])
        if fakes == "popularity":
            assert (batch["log_q"][:, 0] == 0).all() and (batch["log_q"][:, 1:] < 0).all()
    assert real == Counter(plays.rows.itertuples(index=False, name=None))
    assert sum(found.values()) == 900 and len(found) > 20
    specs = input_fn.dataset().element_spec[0]
    assert specs["item"].shape.as_list() == [None, 4]


@pytest.mark.parametrize("rows", [{"paired": True}, {"grouped": True}])
def test_real_pairs_that_come_in_rows_with_fakes_are_described(plays, rows):
    """Each pair of the files is read once an epoch, whatever the rows are that it comes in."""
    found = plays(**rows, negatives_per_positive=3).describe()
    number = 900 if "paired" in rows else 300
    assert found["rows_in_an_epoch"] == {"fakes": number}
    assert found["weighted_shares"] == {"fakes": 1}
    assert list(found["coverage_in_an_epoch"].values()) == [1]
    assert list(found["epochs_to_see_every_row"].values()) == [1]
    alone = plays().describe()
    for key in ("rows_in_files", "files_in_an_epoch", "blocks_in_an_epoch", "bytes_at_the_start"):
        assert found[key] == alone[key]


# --- what follows a state ---


def flat(batches):
    """All columns of some batches, one after the other."""
    parts = [{**features, "label": y, "weight": w} for features, y, w in batches]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 2500),
    options=st.sampled_from(
        [
            {},
            {"fakes": "per_user", "negatives_per_positive": 2.5},
            {"fakes": "popularity"},
            {"paired": True},
            {"grouped": True, "negatives_per_positive": 3},
            {"exact_batches": True, "batch_size": 10},
            {"shuffle": False},
        ]
    ),
    pool_rows=st.sampled_from([30, 1000]),
)
def test_the_same_rows_follow_a_restored_state_fakes_and_all(plays, rows, options, pool_rows):
    def make():
        return plays(**{"num_epochs": None, "batch_size": 16, "pool_rows": pool_rows} | options)

    input_fn = make()
    stream = flat(itertools.islice(input_fn.batches(), 300))
    state = json.loads(json.dumps(input_fn.state(rows)))
    assert len(json.dumps(state)) < 1024
    restored = make()
    restored.restore(state)
    following = flat(itertools.islice(restored.batches(), 20))
    for name, column in following.items():
        np.testing.assert_array_equal(column, stream[name][rows : rows + len(column)])


def test_a_state_of_other_known_pairs_or_options_is_refused(plays, tmp_path):
    state = plays().state(10)
    held_out = write(tmp_path / "held_out.csv", "user,item", f"{plays.rows['user'][0]},24")
    for other, named in (({"exclude": held_out}, "made up"), ({"alpha": 1}, "made up")):
        with pytest.raises(ValueError, match=named):
            plays(**other).restore(state)


# --- evaluation ---


def test_not_for_training_the_files_come_as_they_are(plays, features):
    input_fn = plays(is_train=False, num_epochs=5, **features)
    users, items, labels, _ = rows_of(input_fn)
    assert list(zip(users, items, labels, strict=True)) == list(
        plays.rows.itertuples(index=False, name=None)
    )
    with pytest.raises(ValueError, match="pass is_train=True"):
        input_fn("train")


def test_files_without_labels_do_for_prediction(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item", "a,1", "b,2")
    input_fn = InputFnWithFakePairs(files, SCHEMA, "user", "item", is_train=False)
    [features] = input_fn.batches()
    assert features["item"].tolist() == [1, 2]


# --- edges ---


def test_ids_with_separators_and_quotes_in_them_stay_apart(tmp_path):
    """Joined as text with any separator, some of these would be the same pair."""
    schema = Schema.from_dict({"user": str, "item": str, "plays": int}, label="plays")
    ids = ["a", "b", "a@b", "b@a", "a,b", 'a"b', "a|b", " a", "ä"]
    rows = pd.DataFrame({"user": ids, "item": ids[::-1], "plays": 1})
    rows.to_csv(tmp_path / "pairs.csv", index=False)
    input_fn = InputFnWithFakePairs(
        str(tmp_path / "pairs.csv"), schema, "user", "item", negatives_per_positive=200
    )
    seen: dict[int, set] = {0: set(), 1: set()}
    for features, labels, _ in input_fn.batches():
        for user, item, label in zip(features["user"], features["item"], labels, strict=True):
            seen[label].add((user.decode(), item.decode()))
    assert seen[1] == set(zip(ids, ids[::-1], strict=True))
    assert seen[0] == set(itertools.product(ids, ids)) - seen[1]


@pytest.mark.parametrize("column", ["user", "item"])
def test_an_empty_id_is_refused(tmp_path, column):
    line = {"user": ",2,1", "item": "b,,1"}[column]
    with pytest.raises(ValueError, match=rf"pairs.csv, line 3, column '{column}'.*REQUIRED"):
        small(tmp_path, "a,1,1", line)


FULL = ("a,1,1", "a,2,1", "b,1,1", "c,2,1")


@pytest.mark.parametrize("fakes", ["per_user", "popularity"])
def test_a_user_who_has_everything_is_an_error_or_left_out(tmp_path, fakes):
    with pytest.raises(ValueError, match=r"pairs.csv, line 2, column 'user': the user 'a' has"):
        small(tmp_path, *FULL, fakes=fakes)
    input_fn = small(tmp_path, *FULL, fakes=fakes, full_users="leave_out", num_epochs=3)
    users, items, labels, _ = rows_of(input_fn)
    rows = Counter(zip(users, items, labels, strict=True))
    assert rows == {("b", 1, 1): 3, ("b", 2, 0): 3, ("c", 2, 1): 3, ("c", 1, 0): 3}
    assert input_fn.rows_per_epoch == 4


def test_uniform_fakes_need_not_be_of_a_user_who_has_everything(tmp_path):
    users, items, labels, _ = rows_of(small(tmp_path, *FULL))
    fakes = {(u, i) for u, i, n in zip(users, items, labels, strict=True) if n == 0}
    assert fakes <= {("b", 2), ("c", 1)}


def test_where_everything_is_observed_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="each of the 1 users has each of the 2 items"):
        small(tmp_path, "a,1,1", "a,2,1")
    with pytest.raises(ValueError, match="every item"):
        small(tmp_path, "a,1,1", "a,2,1", fakes="per_user", full_users="leave_out")


def test_one_user_and_one_item_of_a_larger_vocabulary(tmp_path):
    items = write(tmp_path / "items.csv", "1", "2")
    users, items, labels, _ = rows_of(small(tmp_path, "a,1,5", item_vocabulary=items))
    assert sorted(zip(users, items, labels, strict=True)) == [("a", 1, 5), ("a", 2, 0)]


def test_popular_alone_is_drawn_so_a_user_of_all_that_is_popular_is_full(tmp_path):
    items = write(tmp_path / "items.csv", "1", "2", "3")
    options = {"fakes": "popularity", "item_vocabulary": items}
    with pytest.raises(ValueError, match="the user 'a' has every item that could be drawn"):
        small(tmp_path, *FULL, **options)
    small(tmp_path, *FULL, **options, alpha=0)  # all items alike


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balance_ratio": 0}, "balance_ratio is 0"),
        ({"balance_ratio": 1}, "balance_ratio is 1.0"),
        ({"balance_ratio": 1e-9}, "balance_ratio is 1e-09"),
        ({"negatives_per_positive": 0}, "negatives_per_positive is 0"),
        ({"negatives_per_positive": 1e-9}, "negatives_per_positive is 1e-09"),
        ({"fakes": "some"}, "fakes is 'some', expected one of 'uniform', 'per_user'"),
        ({"full_users": "maybe"}, "full_users is 'maybe'"),
        ({"alpha": -1}, "alpha is -1"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"default_label": "none"}, "default_label: field 'plays' is of type INTEGER"),
        ({"paired": True, "fakes": "uniform"}, "fakes of the same user"),
        ({"paired": True, "is_train": False}, "paired is True and is_train is False"),
        ({"grouped": True, "fakes": "uniform"}, "grouped is True and fakes is 'uniform'"),
        ({"grouped": True, "negatives_per_positive": 1.5}, "1.5 fakes for each observed pair"),
        ({"grouped": True, "exact_batches": True}, "every group has the exact ratio"),
        ({"grouped": True, "paired": True}, "paired and grouped are both True"),
    ],
)
def test_arguments_out_of_range_are_refused(plays, options, message):
    with pytest.raises(ValueError, match=message):
        plays(**options)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("nobody", "item"), "user_key is 'nobody', expected a column among user, item"),
        (("user", "plays"), "item_key is 'plays', expected a column among user, item"),
        (("user", "user"), "user_key and item_key are both 'user'"),
    ],
)
def test_keys_that_are_no_features_are_refused(tmp_path, keys, message):
    files = write(tmp_path / "pairs.csv", "user,item,plays", "a,1,1")
    with pytest.raises(ValueError, match=message):
        InputFnWithFakePairs(files, SCHEMA, *keys)


def test_a_schema_without_a_label_is_refused(tmp_path):
    files = write(tmp_path / "pairs.csv", "user,item", "a,1")
    with pytest.raises(ValueError, match="the schema names no label"):
        InputFnWithFakePairs(files, Schema.from_dict({"user": str, "item": int}), "user", "item")


# --- fakes to rank a held-out item among ---


@pytest.mark.parametrize("fakes", ["per_user", "popularity"])
def test_fakes_for_some_users_are_unobserved(plays, fakes):
    input_fn = plays(fakes=fakes)
    users = input_fn.users[[3, 0, 3]]
    items = input_fn.fakes_for(users, 50, seed=1)
    assert items.shape == (3, 50)
    for user, of_user in zip(users, items.tolist(), strict=True):
        assert not plays.pairs.intersection((user.decode(), item) for item in of_user)
    np.testing.assert_array_equal(items, input_fn.fakes_for(users, 50, seed=1))
    assert (items[0] != items[2]).any()
    assert input_fn.popularity.sum() == len(plays.pairs)


def test_fakes_for_users_who_are_none_are_refused(plays):
    with pytest.raises(ValueError, match="b'nobody' is no candidate"):
        plays(fakes="per_user").fakes_for(np.array([b"nobody"], object), 2)
    with pytest.raises(ValueError, match="found ids that are numbers, expected text"):
        plays(fakes="per_user").fakes_for(np.array([1]), 2)
    with pytest.raises(ValueError, match="not drawn by user"):
        plays().fakes_for(np.array([b"user 1"], object), 2)
