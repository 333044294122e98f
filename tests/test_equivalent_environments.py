"""Four environments come to the same decisions, by training, and a picture shows them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from examples.equivalent_environments import compare, make_data, picture
from sampling.probabilities.calibration import equivalent_environments

# Keras' own fault, in set_random_seed
pytestmark = pytest.mark.filterwarnings("ignore:non-integer arguments:DeprecationWarning")

POSITIVES, RATIO = 10_000, 4
BOUNDARIES = ("moons",)  # the harder one; the example itself compares both


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environments")
    for boundary in BOUNDARIES:
        make_data.make_data(folder / boundary, boundary, POSITIVES, RATIO)
    return folder, {
        boundary: compare.compare(folder / boundary, boundary, RATIO) for boundary in BOUNDARIES
    }


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_all_four_decide_alike_and_as_the_densities_say(compared, boundary):
    folder, trained = compared[0] / boundary, compared[1][boundary]
    assert compare.agreement(trained) >= 0.99
    points, labels = compare.test_rows(folder)
    assert len(labels) == (1 + RATIO) * POSITIVES / 2
    true = make_data.likelihood_ratio(boundary, points) >= 1
    for each in trained.values():
        assert np.mean(each.decisions == true) > 0.985


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_only_the_outputs_differ(compared, boundary):
    """Two of the four put out probabilities of the files, two those of a balanced set."""
    natural, balanced, upweighted, restored = compared[1][boundary].values()
    rate = 1 / (1 + RATIO)
    assert natural.outputs.mean() == pytest.approx(rate, rel=0.03)
    assert restored.outputs.mean() == pytest.approx(rate, rel=0.03)
    assert balanced.outputs.mean() == pytest.approx(upweighted.outputs.mean(), rel=0.03)
    assert balanced.outputs.mean() > 1.15 * rate
    wrong = balanced.outputs >= natural.threshold  # deciding on one by the threshold of the other
    assert np.mean(wrong == balanced.decisions) < 0.98


def test_input_functions_are_the_environments_of_the_table(compared):
    folder = compared[0] / BOUNDARIES[0]
    expected = equivalent_environments(RATIO)
    found = compare.environments(folder, RATIO)
    assert list(found) == list(expected)
    for name, input_fn in found.items():
        assert input_fn.prior().stream == pytest.approx(expected[name].prior.stream, rel=1e-3)
        assert input_fn.rows_per_epoch == POSITIVES * (2 if "balanced" in name else 1 + RATIO)


def test_the_true_boundary_is_where_both_classes_are_as_likely():
    rng = np.random.default_rng(0)
    for boundary, classes in make_data.BOUNDARIES.items():
        points = np.concatenate([of_class.draw(rng, 200_000) for of_class in classes])
        labels = np.repeat([1, 0], 200_000)
        ratios = make_data.likelihood_ratio(boundary, points)
        near = (ratios > 0.8) & (ratios < 1.25)
        assert labels[near].mean() == pytest.approx(0.5, abs=0.03)


def test_the_picture_is_drawn(compared):
    folder, trained = compared
    path = folder / "picture.png"
    picture.draw(trained, RATIO, path)
    image = np.asarray(Image.open(path).convert("RGB"))
    assert min(image.shape[:2]) > 400
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 1000
