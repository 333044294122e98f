"""What sampling does to probabilities, undone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from sampling import InputFn, Schema
from sampling.probabilities import calibration
from sampling.probabilities.calibration import Environment, Prior, adjust, adjust_logits
from tests.conftest import SCHEMA, write_classes

SHARES = st.floats(1e-3, 1 - 1e-3)
RATIOS = st.floats(1e-3, 1e6)


def test_it_is_imported_without_tensorflow():
    code = (
        "import sys, sampling.probabilities.calibration; "
        "print([m for m in ('tensorflow', 'pandas', 'pyarrow', 'sampling.input_fn.input_fn') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_package_gives_its_names_and_no_others():
    import sampling

    assert all(getattr(sampling, name).__name__ == name for name in sampling.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        sampling.nope  # noqa: B018


@given(p=st.lists(st.floats(0, 1), min_size=1), old=SHARES, new=SHARES)
def test_two_classes_there_and_back(p, old, new):
    adjusted = adjust(p, old, new)
    np.testing.assert_allclose(adjust(adjusted, new, old), p, rtol=1e-9, atol=1e-8)
    assert ((adjusted >= 0) & (adjusted <= 1)).all()
    np.testing.assert_allclose(adjust(p, old, old), p, rtol=1e-12)


@given(p=st.floats(1e-6, 1 - 1e-6), old=SHARES, new=SHARES)
def test_logits_and_two_columns_say_the_same(p, old, new):
    expected = adjust(p, old, new)
    by_logit = special.expit(adjust_logits(special.logit(p), old, new))
    np.testing.assert_allclose(by_logit, expected, rtol=1e-8)
    both = adjust([[1 - p, p]], [1 - old, old], [1 - new, new])
    np.testing.assert_allclose(both, [[1 - expected, expected]], rtol=1e-8, atol=1e-15)


@given(
    logits=st.lists(st.lists(st.floats(-8, 8), min_size=3, max_size=3), min_size=1),
    old=st.lists(st.floats(1e-3, 1), min_size=3, max_size=3),
    new=st.lists(st.floats(1e-3, 1), min_size=3, max_size=3),
)
def test_more_classes_there_and_back(logits, old, new):
    p = special.softmax(logits, axis=1)
    adjusted = adjust(p, old, new)
    np.testing.assert_allclose(adjusted.sum(axis=1), 1)
    np.testing.assert_allclose(adjust(adjusted, new, old), p, rtol=1e-8)
    shifted = special.softmax(adjust_logits(logits, old, new), axis=1)
    np.testing.assert_allclose(shifted, adjusted, rtol=1e-8)


def test_bayes_by_drawing():
    """Two classes of three symbols: frequencies in a sample, corrected, are those in everything."""
    rng, n = np.random.default_rng(0), 2_000_000
    label = rng.random(n) < 0.02
    symbol = np.where(
        label, rng.choice(3, n, p=[0.1, 0.3, 0.6]), rng.choice(3, n, p=[0.7, 0.2, 0.1])
    )
    true = np.bincount(symbol, label) / np.bincount(symbol)
    kept = label | (rng.random(n) < 0.02 / 0.98)
    sampled = np.bincount(symbol[kept], label[kept]) / np.bincount(symbol[kept])
    files, stream = label.mean(), label[kept].mean()
    prior = Prior((1 - files, files), (1 - stream, stream))
    # some 4,000 to 28,000 rows a symbol were kept: standard errors of 1 % to 3 %
    np.testing.assert_allclose(prior.correct(sampled), true, rtol=0.08)
    assert (sampled > 5 * true).all()
    np.testing.assert_allclose(prior.uncorrect(true), sampled, rtol=0.05)


def test_bayes_by_drawing_with_three_classes():
    rng, n = np.random.default_rng(1), 1_000_000
    likelihood = np.array([[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]])
    old, new = np.array([1, 1, 1]) / 3, np.array([0.7, 0.2, 0.1])

    def posterior(prior):
        label = rng.choice(3, n, p=prior)
        symbol = (rng.random(n)[:, None] > likelihood[label].cumsum(axis=1)).sum(axis=1)
        counts = np.zeros((3, 3))
        np.add.at(counts, (symbol, label), 1)
        return counts / counts.sum(axis=1, keepdims=True)

    corrected = Prior(tuple(new), tuple(old)).correct(posterior(old))
    np.testing.assert_allclose(corrected, posterior(new), atol=0.005)


@given(x=RATIOS)
def test_four_environments_decide_alike(x):
    natural, balanced, upweighted, both = calibration.equivalent_environments(x).values()
    rare = 1 / (1 + x)
    for environment, threshold in (
        (natural, rare),
        (balanced, 0.5),
        (upweighted, 0.5),
        (both, rare),
    ):
        assert environment.threshold() == pytest.approx(threshold)
        assert environment.prior.files[1] == pytest.approx(rare)
        # at one true probability, too
        at = environment.threshold(0.3)
        corrects = environment.prior.needs_correction
        true = environment.prior.correct(at) if corrects else at
        assert true == pytest.approx(0.3)
    assert not natural.prior.needs_correction and not both.prior.needs_correction


@given(x=RATIOS, y=RATIOS, positive=RATIOS, negative=RATIOS)
def test_any_environment(x, y, positive, negative):
    """The model's odds are the true ones times (x / y) (positive / negative)."""
    factor = x / y * positive / negative
    assume(1e-6 < factor < 1e6)  # 1 - threshold has 16 digits less those
    threshold = Environment(x, y, positive, negative).threshold(0.5)
    assert threshold / (1 - threshold) == pytest.approx(factor, rel=1e-5)


def test_costs():
    assert calibration.cost_threshold(1, 27) == pytest.approx(1 / 28)
    with pytest.raises(ValueError, match="false_negative is 0, expected a finite number above 0"):
        calibration.cost_threshold(1, 0)


def test_nothing_is_corrected_twice():
    prior = Environment(28, sample_ratio=1, negative_weight=28).prior
    for method in (prior.correct, prior.correct_logits, prior.uncorrect, prior.uncorrect_logits):
        with pytest.raises(ValueError, match="nothing to correct.*use the outputs as they are"):
            method([0.5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adjust([0.5, 1.5], 0.5, 0.1), "found 1.5 in row 1, expected probabilities"),
        (lambda: adjust([0.5, np.nan], 0.5, 0.1), "found nan in row 1"),
        (lambda: adjust(-0.1, 0.5, 0.1), "found -0.1, expected"),
        (lambda: adjust(["much"], 0.5, 0.1), "no number"),
        (lambda: adjust([0.5], 0, 0.1), "prior is 0"),
        (lambda: adjust([0.5], 1.0, 0.1), "prior is 1.0"),
        (lambda: adjust([0.5], 0.5, [0.1, 0.9]), "both of as many classes"),
        (lambda: adjust([0.5], [0.5, 0.5], [0.1, 0.9]), "a value for each class"),
        (lambda: adjust([[0.5, 0.6]], [0.5, 0.5], [0.1, 0.9]), "do not sum to 1"),
        (lambda: adjust_logits([[0.0], [np.nan]], 0.5, 0.1), "NaN in row 1"),
        (lambda: adjust_logits([0.0], [0.5, 0.5], [0.1, 0.9]), "a value for each class"),
        (lambda: Prior((1, 0), (1, 1)), "files is .*above 0"),
        (lambda: Prior((1,), (1,)), "two or more classes"),
        (lambda: Prior((1, 1), (1, 1, 1)), "2 classes and stream 3"),
        (lambda: Prior((1, 2, 3), (1, 1, 1)).threshold(), "3 classes, expected two"),
        (lambda: Environment(0), "true_ratio is 0"),
        (lambda: Environment(9, negative_weight=np.nan), "negative_weight is nan"),
    ],
)
def test_bad_input_is_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    ("options", "stream"),
    [
        ({}, (60, 60)),
        ({"multiplier": 2.5}, (150, 60)),
        ({"weight": 4}, (240, 60)),
        ({"weight": 4, "normalize_weights": True}, (240, 60)),
        ({"weight": "auto"}, (1000, 60)),
        ({"multiplier": 3, "weight": "auto", "normalize_weights": True}, (1000, 60)),
    ],
)
def test_an_input_function_knows_what_it_did(classes, options, stream):
    prior = classes.train(**options).prior()
    assert prior.files == pytest.approx((1000 / 1060, 60 / 1060))
    assert prior.stream == pytest.approx(np.divide(stream, sum(stream)))
    assert prior.needs_correction == (options.get("weight") != "auto")


def test_of_test_files_too(classes):
    expected = Prior((1000, 60), (1000, 60))
    for input_fn in (classes.test(), classes.everything(), classes.everything(shuffle=True)):
        rows = input_fn.state(0)
        assert input_fn.prior() == expected and input_fn.state(0) == rows


def test_the_rows_own_weights_count(classes):
    schema = Schema.from_dict(
        {"id": int, "x": float, "city": str, "label": int}, label="label", weight="id"
    )
    ids = np.arange(1060)
    prior = classes.everything(schema=schema).prior()
    assert prior.files == pytest.approx((ids[60:].sum() / ids.sum(), ids[:60].sum() / ids.sum()))


def test_classes_may_be_named(tmp_path):
    lines = [f"{i},{'dog' if i % 4 else 'cat'}\n" for i in range(100)]
    (tmp_path / "rows.csv").write_text("x,pet\n" + "".join(lines))
    schema = Schema.from_dict({"x": int, "pet": str}, label="pet")
    assert InputFn(str(tmp_path / "rows.csv"), schema).prior().files == (0.25, 0.75)


def test_of_fakes_drawn_uniformly(classes):
    prior = classes.pairs(negatives_per_positive=3).prior()
    assert prior.files == pytest.approx((1 - 1 / 7, 1 / 7))  # 60 ids x 7 cities, each id has one
    assert prior.stream == pytest.approx((0.75, 0.25))
    with pytest.raises(ValueError, match="fakes are 'per_user'.*draw uniformly"):
        classes.pairs(fakes="per_user").prior()


def test_one_class_has_no_prior(tmp_path):
    few = write_classes(tmp_path, 5, 9)
    with pytest.raises(ValueError, match="found 1 different values"):
        InputFn(f"{tmp_path}/pos*", SCHEMA).prior()
    with pytest.raises(ValueError, match="no negative in an epoch"):
        few.train(multiplier=0.05).prior()


def test_the_readme_is_right():
    text = (Path(__file__).parent.parent / "sampling/probabilities/README.md").read_text()
    section = text.split("## Probabilities and thresholds")[1].split("\n## ")[0]
    names: dict = {}
    shown = []
    for line in re.search(r"```python\n(.*?)```", section, re.DOTALL)[1].splitlines():
        code, _, comment = line.partition("  # ")
        if line.startswith(("sample.", "cost_")):
            numbers = [float(number) for number in re.findall(r"0\.\d+", comment.split(":")[0])]
            shown.append((np.ravel(eval(code, names)), numbers))
        else:
            exec(code, names)
    assert len(shown) == 3
    for found, said in shown:
        np.testing.assert_allclose(found, said, atol=0.005)
