"""Predicting many files goes on after it was killed: each row once, in the order of the files."""

from __future__ import annotations

import json
import resource

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampling.errors import SamplingError
from tests.conftest import write_classes
from trainer.job_dir import contents, predictions

ROWS, BATCH, PART_ROWS = 1060, 16, 100


class Killed(BaseException):
    """Nothing catches it."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(predictions, "PART_ROWS", PART_ROWS)


def attempt(classes, folder, stop_after=None, about=None, predicted=None, output=None):
    """Predicts; killed after so many batches. The ids are added to `predicted`."""
    input_fn = classes.everything(batch_size=BATCH)

    def predict():
        for number, (features, *_) in enumerate(input_fn.batches()):
            if number == stop_after:
                raise Killed
            if predicted is not None:
                predicted.extend(features["id"].tolist())
            yield {"id": features["id"], "y": np.sqrt(features["x"]).astype(np.float32)}

    return predictions.write(str(folder), input_fn, predict, about or {"checkpoint": "a"}, output)


def ids(folder):
    lines = (folder / "predictions.jsonl").read_text().splitlines()
    return [json.loads(line)["id"] for line in lines]


@pytest.fixture(scope="module")
def in_order(classes):
    order = [i for features, *_ in classes.everything().batches() for i in features["id"].tolist()]
    assert len(order) == ROWS
    return order


def test_a_line_for_each_row_and_nothing_else_is_left(classes, in_order, tmp_path):
    path = attempt(classes, tmp_path)
    assert path == str(tmp_path / "predictions.jsonl")
    assert ids(tmp_path) == in_order
    assert [each.name for each in tmp_path.iterdir()] == ["predictions.jsonl"]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(0, 70), max_size=4))
def test_killed_again_and_again_it_goes_on(classes, in_order, tmp_path_factory, stops):
    folder, again = tmp_path_factory.mktemp("killed"), []
    for stop in stops:
        try:
            attempt(classes, folder, stop_after=stop, predicted=again)
        except Killed:
            assert not (folder / "predictions.jsonl").exists()
            continue
        break
    attempt(classes, folder, predicted=again) if not (folder / "predictions.jsonl").exists() else 0
    assert ids(folder) == in_order
    # what was lost each time is less than a part and a batch
    assert len(again) < ROWS + (len(stops) + 1) * (PART_ROWS + BATCH)


def test_a_file_that_is_named_is_never_replaced(classes, in_order, tmp_path):
    output = tmp_path / "mine.jsonl"
    assert attempt(classes, tmp_path / "job", output=str(output)) == str(output)
    assert len(output.read_text().splitlines()) == ROWS
    output.write_text("older")
    with pytest.raises(SamplingError, match=r"mine.jsonl exists already, expected nothing"):
        attempt(classes, tmp_path / "job", output=str(output))
    assert output.read_text() == "older"


@pytest.mark.parametrize("place", ["write_json", "write_lines", "write_joined"])
@pytest.mark.parametrize("call", [0, 3])
def test_killed_while_a_file_is_written(classes, in_order, tmp_path, monkeypatch, place, call):
    write, calls = getattr(contents, place), iter(range(100))

    def killed(*arguments):
        if next(calls) == (0 if place == "write_joined" else call):
            raise Killed
        return write(*arguments)

    predicted = []
    with monkeypatch.context() as patched:
        patched.setattr(contents, place, killed)
        with pytest.raises(Killed):
            attempt(classes, tmp_path, predicted=predicted)
    before = len(predicted)
    attempt(classes, tmp_path, predicted=predicted)
    assert ids(tmp_path) == in_order
    if place == "write_joined":
        assert len(predicted) == before  # only the joining was left


def test_predictions_of_another_model_or_of_other_files_are_not_kept(
    classes, in_order, tmp_path, capsys
):
    with pytest.raises(Killed):
        attempt(classes, tmp_path, stop_after=40)
    predicted = []
    attempt(classes, tmp_path, about={"checkpoint": "b"}, predicted=predicted)
    assert predicted == ids(tmp_path) == in_order
    assert "another model or files" in capsys.readouterr().err
    with pytest.raises(Killed):
        attempt(classes, tmp_path, stop_after=40)
    (tmp_path / "other").mkdir()
    attempt(write_classes(tmp_path / "other", 10, 20), tmp_path)
    assert len(ids(tmp_path)) == 30


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda progress: progress.update(parts=10**30), "damaged; anew"),
        (lambda progress: progress.update(rows=10**30), "damaged; anew"),
        (lambda progress: progress.update(state=[]), "damaged; anew"),
        (
            lambda progress: progress["state"].update(epoch=10**6),
            r"progress\.json: .*checksum.*anew",
        ),
    ],
)
def test_progress_that_is_damaged_is_not_believed(
    classes, in_order, tmp_path, capsys, damage, said
):
    with pytest.raises(Killed):
        attempt(classes, tmp_path, stop_after=40)
    path = tmp_path / "predictions.partial/progress.json"
    progress = json.loads(path.read_text())
    damage(progress)
    path.write_text(json.dumps(progress))
    if "checksum" in said:
        with pytest.raises(ValueError, match=said):
            attempt(classes, tmp_path)
        return
    attempt(classes, tmp_path)
    assert said in capsys.readouterr().err and ids(tmp_path) == in_order


def test_predictions_on_a_full_disk_are_a_sentence(classes, tmp_path):
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
    try:
        with pytest.raises(ValueError, match=r"00000\.jsonl can't be written .* File too large"):
            attempt(classes, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert not (tmp_path / "predictions.jsonl").exists()


def test_it_says_where_it_goes_on(classes, tmp_path, capsys):
    with pytest.raises(Killed):
        attempt(classes, tmp_path, stop_after=40)
    attempt(classes, tmp_path)
    # parts are of whole batches: 7 of 16 rows make the first 112
    assert "going on after row 560 of 1,060" in capsys.readouterr().err


def test_of_two_at_once_the_second_is_refused(classes, in_order, tmp_path):
    def other():
        attempt(classes, tmp_path)

    input_fn = classes.everything(batch_size=BATCH)

    def predict():
        for number, (features, *_) in enumerate(input_fn.batches()):
            if number == 30:
                with pytest.raises(ValueError, match=r"predictions\.lock is held by process"):
                    other()
            yield {"id": features["id"]}

    predictions.write(str(tmp_path), input_fn, predict, {"checkpoint": "a"})
    assert ids(tmp_path) == in_order
    assert [each.name for each in tmp_path.iterdir()] == ["predictions.jsonl"]
