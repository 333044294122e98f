"""The page on predictions: its arithmetic, its files, and how a browser shows it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import markupsafe
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampling.__main__ import main
from sampling.probabilities.calibration import Environment
from sampling.probabilities.doubts import Measured, doubts
from sampling.report import folder as reports
from sampling.report import measures
from sampling.report import rows as prediction_files
from sampling.report.rows import Predictions

ROWS = 4000
HOSTILE = '<script>alert("x")</script> & $a$'
PICTURES = ["reliability", "roc", "precision_recall", "lift", "scores", "segments", "sampling"]
USAGE = {
    "classes": ["negatives", "positives"],
    "shares": {"in the files": [0.9, 0.1], "in an epoch": [0.5, 0.5], "by weight": [0.9, 0.1]},
    "rows_in_files": {"positive_dir": 400, "negative_dir": 3600},
    "rows_read": {"positive_dir": 400, "negative_dir": 1800},
    "rows_used": {"positive_dir": 400, "negative_dir": 400},
    "coverage": {"positive_dir": 1.0, "negative_dir": 0.111},
    "bytes_in_files": {"positive_dir": 8000, "negative_dir": 72000},
    "bytes_read": {"positive_dir": 8000, "negative_dir": 36000},
    "rows": 800,
    "effective_rows": 488.0,
    "rows_per_second": 1234.5,
}


def drawn(rows=ROWS, seed=0):
    """(labels, the probabilities they were drawn from)"""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(3 - 1.5 * rng.normal(size=rows)))
    return (rng.random(rows) < p).astype(int), p


def frame():
    labels, p = drawn()
    cities = np.random.default_rng(1).choice(["Rome", "", HOSTILE], ROWS)
    return pd.DataFrame({"id": np.arange(ROWS), "bought": labels, "probability": p, "city": cities})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A job's predictions and the files that were predicted, and the report by command line."""
    folder, rows = tmp_path_factory.mktemp("report"), frame()
    rows[["id", "probability"]].to_json(folder / "p.jsonl", orient="records", lines=True)
    rows.drop(columns="probability").to_csv(folder / "rows.csv", index=False)
    prior = {"files": [0.9, 0.1], "stream": [0.5, 0.5]}
    parameters = {"flags": {"correct": "auto"}, "prior": prior}
    (folder / "parameters.json").write_text(json.dumps(parameters))
    (folder / "sampling.json").write_text(json.dumps(USAGE))
    command = [sys.executable, "-m", "sampling", "report", f"{folder}/p.jsonl", "--label=bought"]
    command += [f"--labels={folder}/rows.csv", "--segment=city", f"--job-dir={folder}"]
    command += ["--cost_false_negative=9", f"--output={folder}/out", f"--title={HOSTILE}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout == f"{folder}/out/report.html\n"
    return folder


def test_one_page_has_everything_in_it(folder):
    page = (folder / "out/report.html").read_text()
    for name in PICTURES:
        assert (folder / f"out/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert page.count("data:image/png;base64,") == len(PICTURES)
    assert "<script" not in page and str(markupsafe.escape(HOSTILE)) in page
    assert not re.search(r"https?://", page)
    assert "Trained in a prior of 0.5, corrected to the files&#39; 0.1." in page
    for text in ("Calibration by city", "before", "corrected", "0.1", "3,600", "61.0%", "1,234"):
        assert text in page, text


def test_the_report_imports_no_tensorflow():
    code = "import sys; from sampling.report import folder; folder.require()\n"
    code += "print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_its_libraries_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"no matplotlib.*install tf-sampling\[report\]"):
        reports.require()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_files_of_every_kind(tmp_path, suffix):
    rows = frame()
    write = {
        "csv": lambda part, path: part.to_csv(path, index=False),
        "parquet": lambda part, path: part.to_parquet(path),
        "jsonl": lambda part, path: part.to_json(
            path, orient="records", lines=True, double_precision=15
        ),
    }[suffix]
    for part in range(2):
        write(rows[part * 2000 :][:2000], tmp_path / f"part-{part}.{suffix}")
    found = prediction_files.read(f"{tmp_path}/part-*", "bought", weight="id", segment="city")
    np.testing.assert_array_equal(found.labels, rows["bought"])
    np.testing.assert_allclose(found.probabilities, rows["probability"], rtol=1e-9)
    np.testing.assert_array_equal(found.weights, rows["id"])
    assert found.segments.tolist() == rows["city"].tolist()


def test_true_probabilities_have_no_calibration_error_and_others_have():
    labels, p = drawn(200_000)
    true = measures.calibration_error(Predictions(labels, p))
    # by chance alone: bins of 13,333 rows, E |error| = 0.8 sqrt(p (1 - p) / 13333), below 0.002
    assert true < 0.004
    shifted = Environment(9, sample_ratio=1).prior.uncorrect(p)
    off = measures.calibration_error(Predictions(labels, shifted))
    assert off == pytest.approx((shifted - p).mean(), abs=0.004) and off > 0.2


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), st.integers(0, 3)),
        min_size=1,
    ),
    st.integers(1, 20),
)
def test_bins_hold_every_row_once(rows, bins):
    rows = [*rows, (0, 0.1, 1), (1, 0.7, 2)]
    labels, p, weights = map(np.array, zip(*rows, strict=True))
    found = measures.reliability(Predictions(labels, p, weights), bins)
    assert len(found.rows) <= bins
    assert found.mass.sum() == weights.sum()
    assert (found.mass * found.observed).sum() == pytest.approx((weights * labels).sum())
    assert (found.mass * found.predicted).sum() == pytest.approx((weights * p).sum())
    assert (np.diff(found.predicted) > 0).all()
    assert ((found.low <= found.observed + 1e-12) & (found.observed <= found.high + 1e-12)).all()


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=1),
    st.sampled_from([(1, 1), (1, 20), (5, 1)]),
)
def test_the_cheapest_threshold_is_cheapest(rows, costs):
    labels, p = map(np.array, zip(*rows, (0, 0.3), (1, 0.4), strict=True))
    predictions = Predictions(labels, p)
    best = measures.cheapest(predictions, costs)
    tried = [measures.decide(predictions, t, costs).cost for t in (0, 0.1, 0.3, 0.4, 0.45, 0.9, 2)]
    assert best.cost == min(tried)
    total = best.true_positives + best.false_positives + best.false_negatives
    assert total + best.true_negatives == len(labels)


def test_decisions_are_counted():
    found = measures.decide(Predictions([1, 1, 0, 0, 0], [0.9, 0.2, 0.5, 0.4, 0.1]), 0.5, (2, 7))
    assert found == (0.5, 1, 1, 1, 2, 9)
    assert (found.precision, found.recall) == (0.5, 0.5)


def test_weights_count_as_so_many_rows():
    labels, p = drawn(500)
    weights = np.random.default_rng(2).integers(0, 4, 500)
    weighted = Predictions(labels, p, weights)
    repeated = Predictions(labels.repeat(weights), p.repeat(weights))
    for measure in (measures.losses, measures.areas, measures.lift):
        one, other = measure(weighted), measure(repeated)
        one, other = (list(v.values()) if isinstance(v, dict) else v for v in (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_lift_shares_equal_predictions_evenly():
    labels, p = drawn(1000)
    lifts = measures.lift(Predictions(labels, p))
    top = labels[np.argsort(-p)][:100].mean() / labels.mean()
    assert lifts[0] == pytest.approx(top) and lifts.mean() == pytest.approx(1)
    # the file's order must not count: here positives stand first
    flat = measures.lift(Predictions(np.sort(labels)[::-1], np.full(1000, 0.5)))
    np.testing.assert_allclose(flat, 1)


def test_segments_by_name_and_by_number():
    labels, p = drawn()
    few = np.where(np.arange(ROWS) % 4 == 0, "b", "a")
    names, bins = measures.by_segment(Predictions(labels, p, None, few))
    assert names == ["a", "b"]
    assert bins.observed.tolist() == pytest.approx([labels[few == n].mean() for n in names])
    many = np.array([f"city {i % 40}" for i in range(ROWS)])
    names, bins = measures.by_segment(Predictions(labels, p, None, many))
    assert (len(names), names[-1], bins.rows.sum()) == (13, "28 others", ROWS)
    names, bins = measures.by_segment(Predictions(labels, p, None, p))
    assert len(names) == 10 and set(bins.rows) == {ROWS / 10} and names[0].startswith("≤")
    assert (np.diff(bins.predicted) > 0).all()
    names, bins = measures.by_segment(Predictions(labels, p, None, np.where(p < 0.1, np.nan, p)))
    assert names[-1] == "(empty)" and bins.predicted[-1] < 0.1


def test_before_and_after_are_told_apart(tmp_path):
    labels, p = drawn()
    prior = Environment(9, sample_ratio=1).prior
    pages = []
    for name, values, corrected in (("a", p, True), ("b", prior.uncorrect(p), False)):
        path = reports.write(
            Predictions(labels, values), str(tmp_path / name), prior=prior, corrected=corrected
        )
        pages.append(Path(path).read_text())
    tables = [re.findall(r"<td>log loss</td><td>(.*?)</td><td>(.*?)</td>", page) for page in pages]
    assert tables[0] == tables[1] and float(tables[0][0][0]) > 1.5 * float(tables[0][0][1])
    assert "not corrected; the files have 0.1" in pages[1]


def test_classes_have_names(folder, tmp_path, capsys):
    """By the job that was trained, or as they are said."""
    rows = pd.read_csv(folder / "rows.csv", keep_default_na=False)
    rows["bought"] = np.where(rows["bought"] == 1, " yes", "no")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    labels = f"--labels={tmp_path}/rows.csv"
    pd.read_json(f"{folder}/p.jsonl", lines=True)[["id", "probability"]].to_json(
        tmp_path / "p.jsonl", orient="records", lines=True
    )
    given = [f"{tmp_path}/p.jsonl", labels, "--label=bought"]
    assert "found the label no in row 1, expected 0 or 1" in refused(
        capsys, *given, f"--output={tmp_path}/none"
    )
    wrong = refused(capsys, *given, "--classes=no,maybe", f"--output={tmp_path}/none")
    assert "column 'bought': found the label ' yes', expected one of 'no', 'maybe'" in wrong
    job = {"classes": ["no", "yes"], "flags": {}, "prior": None}
    (tmp_path / "parameters.json").write_text(json.dumps(job))
    main(["report", *given, f"--job-dir={tmp_path}", f"--output={tmp_path}/out"])
    page, numbers = (tmp_path / "out/report.html").read_text(), re.compile("<td>(.*?)</td>")
    assert "Positive is yes, negative no." in page
    same = Predictions(*drawn())
    expected = Path(reports.write(same, str(tmp_path / "same"))).read_text()
    assert numbers.findall(page) == numbers.findall(expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 0], [0.5, 1.2]), "found 1.2 in row 1, expected probabilities in 0..1"),
        (([1, 0], [0.5, np.nan]), "found nan in row 1"),
        (([1, 0, 1], [0.5, 0.2]), "3 labels and 2 predictions"),
        (([], []), "there are no predictions"),
        (([0, 0], [0.5, 0.2]), "no positive among the 2 labels"),
        (([1, 1], [0.5, 0.2]), "no negative among the 2 labels"),
        (([1, 2], [0.5, 0.2]), "found the label 2.0 in row 2, expected 0 or 1"),
        ((["yes", "no"], [0.5, 0.2]), "found the label yes in row 1, expected 0 or 1"),
        (([1, 0], [0.5, 0.2], [1]), "1 weights and 2 predictions"),
        (([1, 0], [0.5, 0.2], [1, -1]), "found the weight -1.0 in row 2"),
        (([1, 0], [0.5, 0.2], [1, np.nan]), "found the weight nan in row 2"),
        (([1, 0], [0.5, 0.2], [1, 0]), "no negative among"),
        (([1, 0], [0.5, 0.2], None, ["a"], "city"), "1 values of 'city' and 2 predictions"),
    ],
)
def test_bad_rows_are_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        Predictions(*arguments)


def refused(capsys, *flags):
    with pytest.raises(SystemExit) as stop:
        main(["report", *flags])
    assert stop.value.code in (1, 2)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--label=nope"], "the label column 'nope' is not in the files, which have id, proba"),
        (["--segment=nope"], "the segment column 'nope' is not in the files"),
        (["--weight_column=nope"], "the weight column 'nope'"),
        (["--threshold=1"], "threshold: found '1', expected a number above 0 and below 1"),
        (["--cost_false_negative=0"], "cost_false_negative: found '0', expected a number above 0"),
        (["--sample_ratio=1"], "--sample_ratio is given without --true_ratio"),
        (["--true_ratio=9", "--corrected"], "leaves nothing to correct"),
        (["--corrected"], "leaves nothing to correct"),
        (["--job-dir=nowhere"], "can't read nowhere/parameters.json"),
    ],
)
def test_bad_flags_are_a_sentence(folder, capsys, flags, words):
    given = [f"{folder}/p.jsonl", f"--labels={folder}/rows.csv", "--label=bought", *flags]
    assert re.search(words, refused(capsys, *given, f"--output={folder}/none"))
    assert not (folder / "none").exists()


def test_files_that_do_not_belong_together(folder, tmp_path, capsys):
    rows = pd.read_csv(folder / "rows.csv", keep_default_na=False)
    rows[:-1].to_csv(tmp_path / "short.csv", index=False)
    rows[::-1].to_csv(tmp_path / "turned.csv", index=False)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "rows.txt").write_text("x")
    (tmp_path / "bad.parquet").write_text("x")
    (tmp_path / "bad.jsonl").write_text('{"bought": 1}\n\n{"bought": }\n')
    for name, words in {
        "short.csv": "3,999 labels and 4,000 predictions",
        "turned.csv": "row 1 has id = 0 in the predictions and 3999 in the labels",
        "empty.csv": "0 labels and 4,000 predictions",
        "rows.txt": "ends in none of .csv",
        "bad.parquet": "expected a .parquet file",
        "bad.jsonl": "line 3: found",
        "none.csv": "no file matches",
    }.items():
        flags = f"{folder}/p.jsonl", f"--labels={tmp_path}/{name}", "--label=bought"
        assert words in refused(capsys, *flags)


CHECK = """
<iframe id="page" width="{width}" height="800" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const shown = document.getElementById("page").contentDocument, root = shown.documentElement;
  document.body.setAttribute("data-found", JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth,
    tables: [...shown.querySelectorAll(".scroll")].map(x => x.scrollWidth - x.clientWidth),
    images: [...shown.images].map(x => [x.naturalWidth, x.clientWidth]),
    text: shown.body.innerText.length,
  }}));
}});
</script>
"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it(folder, tmp_path, width):
    page = (folder / "out/report.html").read_text()
    found, console = browse(CHECK.format(width=width, page=html.escape(page)), tmp_path)
    assert console == []
    assert found["overflow"] == 0 and found["tables"] == [0] * 5
    assert len(found["images"]) == len(PICTURES) and found["text"] > 1500
    for natural, shown in found["images"]:
        assert natural > 700 and 0.8 * min(width / 2, 500) < shown < width


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_would_have_told(tmp_path):
    page = (
        '<p style="width: 900px">wide</p><img src="data:image/png;base64,x"><script>no()</script>'
    )
    found, console = browse(CHECK.format(width=400, page=html.escape(page)), tmp_path)
    assert found["overflow"] > 400 and found["images"][0][0] == 0
    assert len(console) == 1 and "no is not defined" in console[0]


def browse(text, tmp_path):
    (tmp_path / "check.html").write_text(text)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={tmp_path}/profile", "--window-size=1400,900"]
    flags += ["--enable-logging=stderr", "--dump-dom", f"file://{tmp_path}/check.html"]
    done = subprocess.run(["chromium", *flags], capture_output=True, text=True, timeout=600)
    found = re.search(r'data-found="(.*?)"', done.stdout)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), console


def test_the_page_compares_explains_and_warns(tmp_path):
    labels, p = drawn()
    rng = np.random.default_rng(2)
    wrong = [
        {"id": "7", "label": 0, "probability": 0.98},
        {"id": "9", "label": 1, "probability": 0.01},
    ]
    files = reports.require().build(
        Predictions(labels, 1 - p),
        reports.require().Options(
            baseline=p,
            importance={f"feature_{i}": (float(rng.random()), 0.01) for i in range(20)},
            surest_wrong=wrong,
            evaluations={"dev": {"auc": 0.8125}, "test": {"auc": 0.7875, "ece": None}},
        ),
    )
    page = files["report.html"].decode()
    warned = re.findall(r'<p class="warning">Warning: (.*?)</p>', page)
    expected = ["wrong way round", "no better than", "chance allows", "a logistic regression"]
    assert len(warned) == 4
    assert all(words in text for words, text in zip(expected, warned, strict=True))
    assert "importance.png" in files and "0.8125" in page and "0.7875" in page
    assert all(f"<td>{row['probability']:.4g}</td>" in page for row in wrong)
    plain = reports.require().build(Predictions(labels, p))["report.html"].decode()
    assert "Warning" not in plain and "logistic regression" not in plain
    with pytest.raises(ValueError, match="3 predictions of the baseline"):
        reports.require().build(Predictions(labels, p), reports.require().Options(baseline=p[:3]))


FINE = {"auc": 0.8, "log_loss": 0.2, "mean_prediction": 0.1, "base_rate": 0.1, "mean_error": 0.001}


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({}, None),
        ({"auc": 0.49}, "wrong way round"),
        ({"mean_prediction": 0.1029}, None),  # within three standard errors
        ({"mean_prediction": 0.1031}, "what chance allows"),
        ({"mean_prediction": 0.1019, "mean_error": 0.0001}, None),  # 2 % are of no matter
        ({"mean_prediction": float("nan")}, "what chance allows"),
        ({"log_loss": 0.3251}, "no better than the 0.3251 of predicting the base rate"),
        ({"base_rate": 0.0, "auc": 0.0, "mean_prediction": 0.002}, None),  # of one class
        ({"baseline_log_loss": 0.197}, None),
        ({"baseline_log_loss": 0.195}, "logistic regression"),
        ({"baseline_log_loss": 0.195, "baseline_error": 0.002}, None),
    ],
)
def test_what_speaks_against_a_model(figures, word):
    said = doubts(Measured(**FINE | figures))
    assert len(said) == (word is not None) and all(word in each for each in said)


def test_standard_errors_are_those_of_drawing_labels_again():
    _, p = drawn(2000)
    rng, weights = np.random.default_rng(3), np.random.default_rng(4).integers(1, 4, 2000)
    rates = [np.average(rng.random(2000) < p, weights=weights) for _ in range(400)]
    found = measures.evidence(Predictions((rng.random(2000) < p).astype(int), p, weights))
    assert found.mean_error == pytest.approx(np.std(rates), rel=0.15)
