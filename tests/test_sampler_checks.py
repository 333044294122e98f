"""The guide's own sampler, and `check_sampler` on right and on wrong ones."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn, Plan, Sampler, SamplingError
from sampling.samplers.plan import ByRate, MadeUp
from sampling.testing import check_sampler
from tests.conftest import SCHEMA, ids_of
from tests.makers import MAKERS, ONE_OF_EACH

MADE_UP = MadeUp("fakes", Fraction(1), population=9, checksum=0)
GUIDE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def snippets():
    section = GUIDE.read_text().split("## Add a sampler")[1]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def guide(classes, monkeypatch, capsys):
    """What the guide defines, executed as it stands."""
    (classes.folder / "data").mkdir(exist_ok=True)
    for path in classes.folder.glob("*.csv"):
        (classes.folder / "data" / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(classes.folder)
    names = {"schema": SCHEMA}
    for snippet in snippets():
        exec(snippet, names)
    assert "rows_per_epoch" in capsys.readouterr().out
    return names


@pytest.mark.parametrize("number", [1, 2])
def test_the_guides_sampler_is_right_on_any_number_of_workers(guide, number):
    of_workers = []
    for index in range(number):
        context = tf.distribute.InputContext(number, index)
        batches = list(guide["make"](num_epochs=1).batches(input_context=context))
        weights = np.concatenate([batch[2] for batch in batches])
        of_workers.append(ids_of(batches)[weights > 0])
    together = np.concatenate(of_workers)
    assert len(together) == len(set(together)) == 100


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_our_own_samplers_keep_their_promises(classes, name):
    check_sampler(lambda **options: MAKERS[name](classes, **options), workers=(1, 2, 3))


class TheWholeSampleForEachWorker(InputFn):
    """What the guide's sampler did before: each worker takes as many rows as one process would."""

    def batches(self, features=None, input_context=None, **options):
        return super().batches(features, None, **options)


class AnotherPlanEachTime(Sampler):
    def __init__(self):
        self.calls = 0

    def plan(self, sizes):
        self.calls += 1
        return Plan({"files": 50 + np.random.default_rng().integers(1000)})


class HalfOfAllRows(Sampler):
    def plan(self, sizes):
        return Plan({"files": sizes["files"] // 2})


def test_a_sampler_that_gives_each_worker_the_whole_sample_fails(classes):
    files = classes.files("*")

    def make(**options):
        sampler = HalfOfAllRows()
        return TheWholeSampleForEachWorker(files, SCHEMA, sampler=sampler, shuffle=True, **options)

    with pytest.raises(SamplingError, match="2 workers have 1,060 rows.*expected the 530"):
        check_sampler(make)
    check_sampler(
        lambda **options: InputFn(files, SCHEMA, sampler=HalfOfAllRows(), shuffle=True, **options)
    )


def test_a_sampler_that_decides_anew_each_time_fails(classes):
    def make(**options):
        return InputFn(classes.files("*"), SCHEMA, sampler=AnotherPlanEachTime(), **options)

    with pytest.raises(SamplingError, match="the same seed gave other rows"):
        check_sampler(make)


class Misnamed(Sampler):
    def plan(self, sizes):
        return Plan.per("positives")


class ByRateOfOne(Sampler):
    def plan(self, sizes):
        return Plan.per("positive", by_rate=ByRate())


def test_rates_of_several_classes_are_refused(classes):
    files = {"positive": classes.files("positive-*"), "negative": classes.files("negative-*")}
    with pytest.raises(SamplingError, match="by rate.*'positive', 'negative', expected one class"):
        list(InputFn(files, SCHEMA, sampler=ByRateOfOne()).batches())


class NoPlan(Sampler):
    def plan(self, sizes):
        return {"files": 3}


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (Misnamed(), "Misnamed.plan names the class 'positives', expected 'files'"),
        (NoPlan(), "NoPlan.plan returned .*expected a Plan"),
        ("all", "sampler is 'all', expected a sampling.Sampler"),
    ],
)
def test_wrong_samplers_are_refused_in_a_sentence(classes, sampler, message):
    with pytest.raises(SamplingError, match=message):
        list(InputFn(classes.files("*"), SCHEMA, sampler=sampler).batches())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plan(), "both rows and a leading class, or neither"),
        (lambda: Plan({"a": -1}), "is -1, expected a whole number of at least 0"),
        (lambda: Plan({"a": 0}), "expected a class with some rows"),
        (lambda: Plan({"a": 1}, weights={"a": 1e39}), "1e\\+39, which is inf as float32"),
        (lambda: Plan({"a": 1}, weights={"a": 1e-46}), "1e-46, which is 0.0 as float32"),
        (lambda: Plan.per("a", {"b": -1.0}), "b has -1 rows for each, expected 0 or more"),
        (lambda: Plan({"a": 1}, by_rate=ByRate()), "rows by rate.*beside other classes"),
        (lambda: Plan.per("a", {"b": 2.0}, by_rate=ByRate()), "rows by rate.*beside other"),
        (lambda: Plan.per("a", {"b": 2.0}, made_up=MADE_UP), "rows made up, beside other classes"),
        (lambda: Plan.per("a", made_up=MADE_UP, weights={"a": 2.0}), "weights.*beside rows made"),
    ],
)
def test_wrong_plans_are_refused_in_a_sentence(make, message):
    with pytest.raises(SamplingError, match=message):
        make()


class Several(Sampler):
    """Two classes beside a leading one."""

    labels = {"a": 1, "b": 0, "c": 0}

    def plan(self, sizes):
        return Plan.per("a", {"b": 2.5, "c": 0.5}, weights={"b": 3.0})


def test_a_leading_class_may_have_several_others(tmp_path, classes):
    files = classes.files("positive-*"), classes.files("negative-*")
    positives, negatives = files
    others = sorted(Path(negatives).parent.glob("negative-*.csv"))
    globs = {"a": positives, "b": list(map(str, others[:3])), "c": list(map(str, others[3:]))}

    def make(**options):
        return InputFn(globs, SCHEMA, sampler=Several(), shuffle=True, **options)

    assert make().rows_per_epoch == 60 + 150 + 30
    assert make().describe()["rows_in_an_epoch"] == {"a": 60, "b": 150, "c": 30}
    check_sampler(make)
