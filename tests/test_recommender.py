"""The recommender job from the command line to its files, for every model."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from examples.million_songs import make_data
from examples.movielens import naive_negatives
from sampling import Field, Schema
from trainer import launch, task
from trainer.recommender.measuring import ranking
from trainer.training import best

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "examples/million_songs/schema.json"
NCF = ROOT.parent / "shared/data/ncf-ml1m"
NCF_SCHEMA = Schema.from_json(ROOT / "examples/movielens/schema.json", "rating")


@dataclasses.dataclass
class Job:
    """Plays of 80 listeners, and a model in a directory."""

    data: Path
    job_dir: Path
    schema: Path = SCHEMA

    def flags(self, mode, *more):
        """With all that training needs."""
        given = {
            "schema": self.schema,
            "label": "n_listens",
            "user_key": "user_name",
            "item_key": "track_id",
            "train_dir": self.data / "train/*.csv",
            "test_dir": self.data / "test/*.csv",
        }
        small = ["--num_epochs=3", "--batch_size=64", "--seed=3", "--learning_rate=0.01"]
        small += ["--test_negatives=30"]
        return self.short(
            mode, *(f"--{key}={value}" for key, value in given.items()), *small, *more
        )

    def short(self, mode, *more):
        return ["recommender", f"--mode={mode}", f"--job-dir={self.job_dir}", *more]

    def json(self, name):
        return json.loads((self.job_dir / name).read_text())

    def predictions(self):
        lines = (self.job_dir / "predictions.jsonl").read_text().splitlines()
        return pd.DataFrame([json.loads(line) for line in lines])

    def rows(self, split):
        return pd.concat([pd.read_csv(path) for path in sorted((self.data / split).glob("*.csv"))])


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs") / "data"
    make_data.make_data(str(folder), users=80, songs=150, shards=2)
    return folder


@pytest.fixture(
    scope="session",
    params=[
        *("neumf", "two_tower"),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("linear", "gmf", "mlp")),
    ],
)
def job(request, songs, tmp_path_factory):
    """Trained, evaluated and predicted with."""
    folder = tmp_path_factory.mktemp(request.param)
    job = Job(songs, folder / "job", folder / "schema.json")
    job.schema.write_text(SCHEMA.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filterwarnings", lambda *_, **__: None)
        task.main(job.flags("train", f"--model={request.param}"))
        trained = job.json("evaluation.json")
        job.schema.unlink()  # the job_dir has all that is needed
        task.main(job.short("evaluate"))
        job.trained, job.model = trained, request.param
        task.main(job.short("predict"))
    return job


def exported(job, name, **inputs):
    signature = tf.saved_model.load(str(job.job_dir / "export")).signatures[name]
    return signature(**{key: tf.constant(value) for key, value in inputs.items()})


@pytest.mark.filterwarnings("ignore")
def test_what_was_measured_in_training_is_measured_again(job):
    evaluated = job.json("evaluation.json")
    for name, value in evaluated.items():
        if name != "test_dir":
            assert value == pytest.approx(job.trained[name], rel=1e-5)
    full = {"full_recall_at_20", "full_ndcg_at_20", "full_coverage_at_20"}
    assert {"hr_at_10", "ndcg_at_10", *full} <= set(evaluated)
    errors = {"rmse", "mae", "log_loss"} & set(evaluated)
    assert len(errors) == (2 if job.model == "linear" else 0)
    assert 0 <= evaluated["ndcg_at_10"] <= evaluated["hr_at_10"] <= 1
    for baseline in ("popularity", "ease"):
        assert set(evaluated[baseline]) == {"hr_at_10", "ndcg_at_10", *full}
    page = (job.job_dir / "report/report.html").read_text()
    assert "By number of events" in page and "By popularity of the item" in page


@pytest.mark.filterwarnings("ignore")
def test_predictions_are_those_of_the_export_with_ids(job):
    predictions, rows = job.predictions(), job.rows("test")
    assert predictions["user_name"].tolist() == rows["user_name"].tolist()
    assert predictions["track_id"].tolist() == rows["track_id"].tolist()
    scores = exported(
        job,
        "serving_default",
        user_name=rows["user_name"].tolist(),
        track_id=rows["track_id"].tolist(),
    )
    name = "prediction" if job.model == "linear" else "score"
    np.testing.assert_allclose(scores["prediction"], predictions[name], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_the_export_ranks_items_for_users(job):
    rows = job.rows("train")
    user, items = job.rows("test")["user_name"].iloc[0], rows["track_id"].unique()
    known = set(rows["track_id"][rows["user_name"] == user])
    asked = {"user_name": [user, "nobody"], "exclude_known": False}
    ranked = exported(job, "rank", **asked, top=np.int32(7))
    assert ranked["track_id"].shape == ranked["prediction"].shape == (2, 7)
    assert (np.diff(ranked["prediction"], axis=1) <= 0).all()
    scores = exported(job, "serving_default", user_name=[user] * len(items), track_id=items)
    scores = dict(zip(items, scores["prediction"].numpy(), strict=True))
    np.testing.assert_allclose(ranked["prediction"][0], sorted(scores.values())[::-1][:7], 1e-4)
    every = exported(job, "rank", **asked, top=np.int32(10**6))
    assert set(every["track_id"][0].numpy()) == {item.encode() for item in items}
    # without what the user has, and all there is for another number of items of each
    asked["exclude_known"] = True
    ranked = exported(job, "rank", **asked, top=np.int32(10**6))
    counts = ranked["count"].numpy().tolist()
    assert counts == [len(items) - len(known), len(items)]
    found = [item.decode() for item in ranked["track_id"][0].numpy()[: counts[0]]]
    assert set(found) == set(items) - known
    assert (np.diff([scores[item] for item in found]) <= 1e-6).all()
    popularity = rows.groupby("track_id")["user_name"].nunique()
    of_nobody = [item.decode() for item in ranked["track_id"][1].numpy()]
    if job.model != "linear":
        assert (np.diff(popularity[of_nobody]) <= 0).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("job", ["neumf"], indirect=True)
def test_lists_for_users_are_those_of_the_export(job, tmp_path, capsys):
    job.short_lists = [*job.short("predict", "--top=5"), f"--output={tmp_path / 'lists.jsonl'}"]
    task.main(job.short_lists)
    lists = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    users = (job.job_dir / "users.txt").read_text().splitlines()
    assert [each["user_name"] for each in lists] == users
    ranked = exported(job, "rank", user_name=users, exclude_known=True, top=np.int32(5))
    expected = [[item.decode() for item in row] for row in ranked["track_id"].numpy()]
    assert [each["track_id"] for each in lists] == expected
    np.testing.assert_allclose(
        [each["score"] for each in lists], ranked["prediction"].numpy(), rtol=1e-5
    )
    assert "lists.jsonl exists already" in refused(job, capsys, job.short_lists)
    some = write(tmp_path / "users", users[7], "nobody")
    task.main(job.short("predict", "--top=3", f"--users={some}", "--no-exclude_known"))
    assert "1 users are unknown" in capsys.readouterr().out
    lines = (job.job_dir / "recommendations.jsonl").read_text().splitlines()
    assert [json.loads(line)["user_name"] for line in lines] == [users[7], "nobody"]
    assert {len(json.loads(line)["track_id"]) for line in lines} == {3}


@pytest.fixture
def new(songs, tmp_path):
    return Job(songs, tmp_path / "job")


def refused(job, capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        task.main(arguments)
    assert exit_.value.code == 1
    return capsys.readouterr().err


def test_without_a_model_there_is_nothing_to_evaluate(new, capsys):
    assert "found no trained model" in refused(new, capsys, new.short("evaluate"))


def test_a_flag_that_is_needed_is_named(new, capsys):
    arguments = [flag for flag in new.flags("train") if "_key" not in flag]
    assert "--user_key and --item_key are missing" in refused(new, capsys, arguments)


def test_a_label_of_text_is_refused(new, capsys):
    schema = json.loads(SCHEMA.read_text())
    schema[2]["type"] = "STRING"
    write(new.job_dir.parent / "schema.json", json.dumps(schema))
    path = f"--schema={new.job_dir.parent / 'schema.json'}"
    error = refused(new, capsys, new.flags("train", path))
    assert "--label=n_listens is of type STRING, expected a number" in error


def test_another_model_is_refused(job, capsys):
    other = "mlp" if job.model == "gmf" else "gmf"
    error = refused(job, capsys, job.short("evaluate", f"--model={other}"))
    assert f"--model is {other}, and the model in" in error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("job", ["neumf"], indirect=True)
def test_a_stopped_training_goes_on_and_misses_no_epoch(job, tmp_path, monkeypatch, capsys):
    """Stopped when the second epoch was saved and not evaluated yet; then when all was done."""
    monkeypatch.setattr("warnings.filterwarnings", lambda *_, **__: None)
    stopped = Job(job.data, tmp_path / "job")
    export = best.Best.export

    def stop(self, **evaluated):
        if self.result:
            raise KeyboardInterrupt
        export(self, **evaluated)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(best.Best, "export", stop)
        task.main(stopped.flags("train", "--model=neumf"))
    said = capsys.readouterr()
    assert ended.value.code == 130 and "goes on from the last checkpoint" in said.err
    epochs = [line for line in said.out.splitlines() if line.startswith("epoch  ")]
    task.main(stopped.short("train"))
    said = capsys.readouterr()
    assert "going on from step" in said.err
    epochs += [line for line in said.out.splitlines() if line.startswith("epoch  ")]
    assert [line.split()[1] for line in epochs] == ["1", "2", "3"]
    last = Path(tf.train.latest_checkpoint(str(stopped.job_dir))).name
    assert last == Path(tf.train.latest_checkpoint(str(job.job_dir))).name
    measured = stopped.json("evaluation.json")
    (stopped.job_dir / "evaluation.json").unlink()
    task.main(stopped.short("train"))
    assert "trained to its end" in capsys.readouterr().err
    assert stopped.json("evaluation.json") == measured


def test_going_on_with_another_input_is_refused(job, capsys):
    other = "--seed=5" if job.model == "two_tower" else "--negatives=2"
    error = refused(job, capsys, job.short("train", other))
    assert "this input function has" in error and "by --restart" in error


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("job", ["neumf", "two_tower"], indirect=True)
def test_pairs_that_training_never_saw_are_counted_and_treated_alike(job, tmp_path, capsys):
    rows = job.rows("train")
    unknown = [("nobody", rows["track_id"].iloc[0]), ("nobody", "no song")]
    unknown.append((rows["user_name"].iloc[0], "no song"))
    lines = [f"{user},{song},1" for user, song in unknown]
    lines += [f"{row.user_name},{row.track_id},1" for row in rows.head(4).itertuples()]
    write(tmp_path / "new.csv", "user_name,track_id,n_listens", *lines)
    here = f"--test_dir={tmp_path / 'new.csv'}"
    copy = Job(job.data, tmp_path / "job")
    shutil.copytree(job.job_dir, copy.job_dir)
    task.main(copy.short("evaluate", here))
    said = capsys.readouterr().err
    assert "2 of 7 pairs have users that training never saw" in said
    assert "2 of 7 pairs have items that training never saw" in said
    assert "4 of 7 pairs are in the training files too" in said
    task.main(copy.short("predict", here))
    scores = copy.predictions()["score"]
    # what popularity says: an item of so many listeners beside one of none
    users = rows.groupby("track_id")["user_name"].nunique()
    counts = np.array([users[unknown[0][1]], 0, 0])
    odds = (
        (counts + 0.5) / (users + 0.5).sum() * (1 if job.model == "two_tower" else len(users) / 20)
    )
    np.testing.assert_allclose(scores[:3], odds / (1 + odds), rtol=1e-4)
    answered = exported(
        job, "serving_default", user_name=[u for u, _ in unknown], track_id=[i for _, i in unknown]
    )
    np.testing.assert_allclose(answered["prediction"], scores[:3], rtol=1e-4)
    everything = exported(
        job, "rank", user_name=[unknown[2][0]], top=np.int32(999), exclude_known=False
    )
    assert (everything["prediction"].numpy() > scores[2]).mean() > 0.85


def test_an_observed_pair_with_the_label_of_unobserved_ones_is_refused(new, tmp_path, capsys):
    write(tmp_path / "plays.csv", "user_name,track_id,n_listens", "a,x,3", "a,y,0", "b,x,1")
    error = refused(new, capsys, new.flags("train", f"--train_dir={tmp_path / 'plays.csv'}"))
    assert "plays.csv, line 3, column 'n_listens': found 0 in 1 rows" in error
    assert "--positive='n_listens!=0'" in error


# --- ranking ---


def brute_force(scores, items, top):
    """HR and NDCG by sorting, for scores without ties."""
    hits, gains = [], []
    for of_group, ids in zip(scores, items, strict=True):
        ranked = [0] + [k for k in range(1, len(ids)) if ids[k] != ids[0]]
        rank = sorted(ranked, key=lambda k: -of_group[k]).index(0)
        hits.append(rank < top)
        gains.append(np.log(2) / np.log(rank + 2) if rank < top else 0)
    return np.mean(hits), np.mean(gains)


def test_hit_rate_and_ndcg_are_those_of_a_sorted_list():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(200, 30)).astype(np.float32)
    items = generator.integers(25, size=(200, 30))  # some negatives are the held-out item
    for top in (1, 10, 30):
        expected = brute_force(scores, items, top)
        assert ranking.of_scores(scores, items, top) == pytest.approx(expected)
        measured = ranking.metrics(tf.constant(scores.ravel()), tf.constant(items.ravel()), 30, top)
        assert [float(m.result()) for m in measured.values()] == pytest.approx(expected)


def test_equal_scores_are_no_better_than_chance():
    scores, items = np.zeros((4, 20)), np.tile(np.arange(20), (4, 1))
    assert ranking.of_scores(scores, items, 9)[0] == 0
    assert ranking.of_scores(scores, items, 10)[0] == 1


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("type_", [int, str])
def test_files_of_test_negatives_are_read(tmp_path, type_):
    path = write(tmp_path / "negatives", "(1,7)\t3\t4", "(2,8)\t5\t7")
    users, items = np.array([1, 2]), np.array([7, 8])
    expected = [[3, 4], [5, 7]]
    if type_ is str:
        users, items = (np.array([str(i).encode() for i in ids], object) for ids in (users, items))
        expected = [[str(item).encode() for item in row] for row in expected]
    fields = Field("user", type_), Field("item", type_)
    assert ranking.read_negatives(path, fields, users, items).tolist() == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["(1,7)\t3\t4"], "found 1 lines, expected one for each of the 2"),
        (["(1,7)\t3\t4", "(2,9)\t3\t4"], r"line 2: found '\(2,9\)' and 2 negatives"),
        (["(1,7)\t3\t4", "(2,8)\t3"], r"line 2: found '\(2,8\)' and 1 negatives"),
    ],
)
def test_files_of_other_test_negatives_are_refused(tmp_path, lines, message):
    path = write(tmp_path / "negatives", *lines)
    with pytest.raises(ValueError, match=message):
        fields = Field("user", int), Field("item", int)
        ranking.read_negatives(path, fields, np.array([1, 2]), np.array([7, 8]))


def test_the_best_checkpoint_is_kept(tmp_path, capsys):
    keeper = best.Best(str(tmp_path / "best"), "hr", lambda result: f"hr {result['hr']}")
    for step, hr in enumerate([0.1, 0.5, 0.3]):
        source = tmp_path / f"model.ckpt-{step}"
        write(Path(f"{source}.index"), str(step))
        keeper.export(None, "", str(source), {"hr": hr, "global_step": step}, step == 2)
    for known in (keeper, best.Best(str(tmp_path / "best"), "hr", str, done=2)):
        assert known.result == {"hr": 0.5, "global_step": 1}
        assert known.checkpoint == tf.train.latest_checkpoint(str(tmp_path / "best"))
        assert known.evaluated == 2
    assert not best.Best(str(tmp_path / "best"), "hr", str, done=1).result  # of another training
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "best.json",
        "checkpoint",
        "model.ckpt-1.index",
    ]
    assert capsys.readouterr().out.splitlines() == ["hr 0.1", "hr 0.5", "hr 0.3"]


def test_a_checkpoint_that_was_not_evaluated_is_caught_up_on(tmp_path):
    evaluations = []

    class Estimator:
        model_dir = str(tmp_path)

        def evaluate(self, test_input):
            evaluations.append(test_input)
            return {"hr": 0.6, "global_step": 3}

    write(tmp_path / "model.ckpt-3.index", "")
    write(tmp_path / "checkpoint", 'model_checkpoint_path: "model.ckpt-3"')
    for _ in range(2):
        keeper = best.Best(str(tmp_path / "best"), "hr", str, done=3)
        keeper.catch_up(Estimator(), 3, "the test files")
        assert keeper.checkpoint.endswith("best/model.ckpt-3")
    assert evaluations == ["the test files"]


# --- NCF's files ---


def ncf_flags(folder, job_dir, *more):
    return [
        f"--job-dir={job_dir}",
        f"--schema={ROOT / 'examples/movielens/schema.json'}",
        "--label=rating",
        "--user_key=user",
        "--item_key=item",
        "--no-header",
        "--delimiter=tab",
        f"--train_dir={folder / 'train.rating'}",
        f"--test_dir={folder / 'test.rating'}",
        f"--test_negatives_file={folder / 'test.negative'}",
        "--num_epochs=1",
        *more,
    ]


@pytest.fixture
def ncf(tmp_path):
    """30 users of 20 items each out of 60; the last one held out, ranked among 9 others."""
    generator = np.random.default_rng(0)
    rated = [generator.permutation(60) for _ in range(30)]
    write(
        tmp_path / "train.rating",
        *(f"{user}\t{item}\t5\t0" for user, items in enumerate(rated) for item in items[:19]),
    )
    write(tmp_path / "test.rating", *(f"{user}\t{i[19]}\t4\t0" for user, i in enumerate(rated)))
    write(
        tmp_path / "test.negative",
        *("\t".join([f"({user},{i[19]})", *map(str, i[20:29])]) for user, i in enumerate(rated)),
    )
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_ncfs_files_are_trained_on_by_their_protocol(ncf, capsys):
    flags = ncf_flags(ncf, ncf / "job", "--model=gmf", "--loss=cross_entropy")
    task.main(["recommender", "--mode=train", *flags])
    evaluation = json.loads((ncf / "job/evaluation.json").read_text())
    assert evaluation["hr_at_10"] == 1  # among ten
    assert 0.3 < evaluation["ndcg_at_10"] < 0.8
    assert {"log_loss", "rmse", "mae"} <= set(evaluation)
    assert "epoch   1  HR@10" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_the_same_seed_trains_the_same_model(ncf):
    evaluations = []
    for job in (ncf / "job", ncf / "again"):
        task.main(["recommender", "--mode=train", *ncf_flags(ncf, job)])
        evaluations.append(json.loads((job / "evaluation.json").read_text()))
    assert evaluations[0] == evaluations[1]


def test_naive_negatives_are_any_pairs(ncf):
    options = {"header": False, "delimiter": "\t", "negatives_per_positive": 20}
    options["fakes"] = "per_user"
    input_fn = naive_negatives.NaivePairs(
        str(ncf / "train.rating"), NCF_SCHEMA, "user", "item", **options
    )
    real, fake = set(), set()
    for features, labels, _ in input_fn.batches():
        pairs = zip(features["user"], features["item"], labels, strict=True)
        for user, item, label in pairs:
            (real if label else fake).add((user, item))
    assert real & fake and len(fake) > len(real)


@pytest.mark.skipif(not NCF.exists(), reason="needs MovieLens as NCF split it")
def test_popularity_ranks_the_held_out_items_of_movielens_as_published(tmp_path):
    from sampling import InputFnWithFakePairs

    for name in ("train.rating", "test.negative"):
        text = gzip.decompress((NCF / f"ml-1m.{name}.gz").read_bytes())
        (tmp_path / name).write_bytes(text)
    keys, options = ("user", "item"), {"header": False, "delimiter": "\t"}
    train = InputFnWithFakePairs(str(tmp_path / "train.rating"), NCF_SCHEMA, *keys, **options)
    assert (len(train.users), train.popularity.sum()) == (6040, 994_169)
    held_out = np.loadtxt(NCF / "ml-1m.test.rating", np.int64)
    fields = NCF_SCHEMA["user"], NCF_SCHEMA["item"]
    path = str(tmp_path / "test.negative")
    negatives = ranking.read_negatives(path, fields, held_out[:, 0], held_out[:, 1])
    items = np.concatenate([held_out[:, 1:2], negatives], axis=1)
    counts = np.zeros(3706)
    counts[train.items] = train.popularity
    hr, ndcg = ranking.of_scores(counts[items], items, 10)
    assert hr == pytest.approx(0.453, abs=0.002) and ndcg == pytest.approx(0.253, abs=0.002)


@pytest.mark.long  # the launcher's own tests train another model on a cluster
def test_a_cluster_trains_and_the_chief_exports_the_last_checkpoint(songs, tmp_path, capfd):
    job = Job(songs, tmp_path / "job")
    flags = job.flags("train", "--model=gmf", "--num_epochs=1", "--batch_size=256")
    with pytest.raises(SystemExit) as exited:
        launch.main(["--workers=2", "--ps=1", "--", *flags])
    out, err = capfd.readouterr()
    assert exited.value.code == 0, out + err
    rows = len(job.rows("train"))  # each with its fakes
    assert job.json("evaluation.json")["step"] == 2 * -(-rows // 2 // 256)
    assert "[chief] popularity" in out and "[worker 0] training" in err
    users = job.rows("test")["user_name"].tolist()[:3]
    ranked = exported(job, "rank", user_name=users, exclude_known=True, top=np.int32(7))
    assert ranked["track_id"].shape == (3, 7)
