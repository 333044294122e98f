"""Models that learn from a sample and put out probabilities of the files."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sampling import InputFn, InputFnDownsampleWithWeight, Schema
from sampling.estimator import legacy_keras
from sampling.estimator.forwarding import forward_features
from sampling.estimator.head import CORRECTION, corrected_head, starting_head
from sampling.estimator.serving import serving_input_receiver_fn
from sampling.probabilities import calibration
from sampling.probabilities.calibration import Prior, adjust

SCHEMA = Schema.from_dict(
    {"id": int, "x": float, "label": int}, label="label", features_to_forward=["id"]
)
COLUMNS = [tf.feature_column.numeric_column("x")]
LINES = ["3,0.5", "4,-1", "5,2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, label, rows in (("positive", 1, 300), ("negative", 0, 6000)):
        x = rng.normal(label, 1, rows)
        lines = [f"{i},{x:.6f},{label}\n" for i, x in enumerate(x)]
        (folder / f"{name}.csv").write_text("id,x,label\n" + "".join(lines))
    return folder


def files(folder):
    return str(folder / "positive.csv"), str(folder / "negative.csv")


def head():
    return tf.estimator.BinaryClassHead(weight_column="weight")


def linear(head, model_dir):
    optimizer = legacy_keras().optimizers.legacy.Ftrl(0.5)
    return tf.estimator.LinearEstimator(head, COLUMNS, str(model_dir), optimizer)


def predicted(estimator, input_fn, key):
    return np.concatenate([p[key] for p in estimator.predict(input_fn)])


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """(corrected, the same model without), the prior, all rows."""
    train = InputFnDownsampleWithWeight(
        *files(folder), schema=SCHEMA, is_train=True, num_epochs=8, batch_size=32, seed=1
    )
    model_dir = tmp_path_factory.mktemp("model")
    corrected = linear(corrected_head(head(), train.prior()), model_dir)
    corrected.train(train)
    return corrected, linear(head(), model_dir), train.prior(), InputFn(files(folder), SCHEMA)


@pytest.mark.once
def test_predictions_are_of_the_files(trained):
    corrected, plain, prior, rows = trained
    before, after = (predicted(each, rows, "logistic") for each in (plain, corrected))
    np.testing.assert_allclose(after, prior.correct(before), rtol=1e-5)
    assert before.mean() > 5 / 21  # of the sample, where half is positive
    assert after.mean() == pytest.approx(1 / 21, rel=0.25)  # of 300 positives
    np.testing.assert_allclose(predicted(corrected, rows, CORRECTION), np.log(1 / 20), rtol=1e-6)


@pytest.mark.once
def test_an_evaluation_measures_what_is_predicted(trained):
    corrected, plain, _, rows = trained
    measured, before = corrected.evaluate(rows), plain.evaluate(rows)
    p = predicted(corrected, rows, "logistic")
    label = np.concatenate([labels for _, labels, _ in rows.batches()])
    log_loss = -np.log(np.where(label, p, 1 - p)).mean()
    assert measured["average_loss"] == pytest.approx(log_loss, rel=1e-4)
    assert measured["prediction/mean"] == pytest.approx(p.mean(), rel=1e-4)
    assert before["average_loss"] > 2 * measured["average_loss"]


def test_the_loss_of_training_is_that_of_the_sample(trained, folder, tmp_path):
    """Otherwise the constant would only be learned away."""
    corrected, _, _, _ = trained
    bias = corrected.get_variable_value("linear/linear_model/bias_weights")
    slope = corrected.get_variable_value("linear/linear_model/x/weights")
    # N(1, 1) against N(0, 1), half and half: the logit is x - 1/2
    assert (slope.item(), bias.item()) == pytest.approx((1, -0.5), abs=0.15)


@pytest.mark.parametrize("forward", [False, True])
def test_an_export_says_so_in_its_signatures(trained, forward, tmp_path):
    corrected, _, _, _ = trained
    estimator = forward_features(corrected, SCHEMA) if forward else corrected
    path = estimator.export_saved_model(str(tmp_path), serving_input_receiver_fn(SCHEMA))
    signatures = tf.saved_model.load(path.decode()).signatures
    raw = {"id": tf.constant([3, 4, 5], tf.int64), "x": tf.constant([0.5, -1, 2])}
    answers = [
        signatures["predict"](**raw),
        signatures["csv:predict"](csv_rows=tf.constant(LINES)),
    ]
    if forward:
        answers.append(signatures["serving_default"](**raw))
    expected = 1 / (1 + 20 * np.exp(0.5 - np.array([0.5, -1, 2])))
    for answer in answers:
        np.testing.assert_allclose(answer[CORRECTION], np.full((3, 1), np.log(1 / 20)), rtol=1e-6)
        np.testing.assert_allclose(answer["logistic"][:, 0], expected, rtol=0.3)
        np.testing.assert_allclose(answer["probabilities"][:, 1], answer["logistic"][:, 0])
        np.testing.assert_allclose(tf.sigmoid(answer["logits"]), answer["logistic"], rtol=1e-5)
    classify = signatures["csv:classification"]
    assert CORRECTION not in classify.structured_outputs


def test_more_classes(tmp_path):
    old, new = (1, 1, 1), (0.7, 0.2, 0.1)
    x = np.linspace(-2, 2, 90, dtype=np.float32)
    data = {"x": x, "weight": np.ones(90, np.float32)}, (x > 0).astype(int) + (x > 1)

    def rows():
        return tf.data.Dataset.from_tensor_slices(data).batch(30).repeat(3)

    def model(head):
        return tf.estimator.DNNEstimator(head, [4], COLUMNS, str(tmp_path))

    plain = tf.estimator.MultiClassHead(3, weight_column="weight")
    corrected = model(corrected_head(plain, Prior(new, old)))
    corrected.train(rows)
    before, after = (
        np.array([p["probabilities"] for p in each.predict(rows)])
        for each in (model(plain), corrected)
    )
    np.testing.assert_allclose(after, adjust(before, old, new), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda prior: corrected_head(corrected_head(head(), prior), prior), "corrects.*already"),
        (lambda prior: corrected_head(head(), Prior((9, 1), (9, 1))), "nothing to correct"),
        (lambda prior: corrected_head(head(), Prior((9, 1, 1), (1, 1, 1))), "1 logits.*3 classes"),
        (
            lambda prior: corrected_head(tf.estimator.MultiClassHead(3), prior),
            "3 logits.*2 classes",
        ),
    ],
)
def test_no_double_or_ill_fitting_correction(make, words):
    with pytest.raises(ValueError, match=words):
        make(calibration.Environment(20, sample_ratio=1).prior)


def still(head, model_dir):
    """After a step that changed nothing."""
    optimizer = legacy_keras().optimizers.legacy.SGD(0.0)
    return tf.estimator.LinearEstimator(head, COLUMNS, str(model_dir), optimizer)


@pytest.mark.once
def test_a_model_starts_at_the_prior_of_what_it_is_trained_on(folder, tmp_path):
    """In training, evaluation, prediction and export alike; a correction is of that, too."""
    train = InputFnDownsampleWithWeight(
        *files(folder), schema=SCHEMA, is_train=True, batch_size=32, weight="auto"
    )
    rows, prior = InputFn(files(folder), SCHEMA), train.prior()
    assert prior.stream[1] == pytest.approx(1 / 21)
    estimator = still(starting_head(head(), prior), tmp_path / "model").train(train, steps=1)
    np.testing.assert_allclose(predicted(estimator, rows, "logistic"), 1 / 21, rtol=1e-5)
    measured = estimator.evaluate(rows)
    entropy = -np.log(1 / 21) / 21 - np.log(20 / 21) * 20 / 21
    assert measured["average_loss"] == pytest.approx(entropy, rel=1e-4)
    receiver = serving_input_receiver_fn(SCHEMA)
    path = estimator.export_saved_model(str(tmp_path / "export"), receiver).decode()
    signature = tf.saved_model.load(path).signatures["predict"]
    given = {"id": tf.constant([1], tf.int64), "x": tf.constant([0.5])}
    asked = {name: given[name] for name in signature.structured_input_signature[1]}
    assert signature(**asked)["logistic"].numpy() == pytest.approx(1 / 21, rel=1e-5)


def test_a_start_and_a_correction_add_up(folder, tmp_path):
    train = InputFnDownsampleWithWeight(
        *files(folder), schema=SCHEMA, is_train=True, batch_size=32, weight=1
    )
    prior = train.prior()
    both = corrected_head(starting_head(head(), prior), prior)
    estimator = still(both, tmp_path).train(train, steps=1)
    rows = InputFn(files(folder), SCHEMA)
    np.testing.assert_allclose(predicted(estimator, rows, "logistic"), 1 / 21, rtol=1e-5)
    np.testing.assert_allclose(predicted(estimator, rows, CORRECTION), np.log(1 / 20), rtol=1e-6)


def test_of_several_classes_each_has_its_log_odds():
    prior = Prior((0.7, 0.2, 0.1), (0.5, 0.3, 0.2))
    multi = starting_head(tf.estimator.MultiClassHead(3), prior)
    probabilities = multi.predictions(tf.zeros([1, 3]))["probabilities"]
    np.testing.assert_allclose(probabilities, [prior.stream], rtol=1e-6)
    assert multi.logits_dimension == 3 and multi.name is None


def test_what_can_not_start_is_refused():
    prior = Prior((0.9, 0.1), (0.5, 0.5))
    with pytest.raises(ValueError, match="corrects its outputs already"):
        starting_head(corrected_head(head(), prior), prior)
    with pytest.raises(ValueError, match="3 logits and the prior 2 classes"):
        starting_head(tf.estimator.MultiClassHead(3), prior)
