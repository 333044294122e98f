"""Draws the pictures of the README and of the library's guide, from what input functions really do.

python scripts/draw_pictures.py                      # flow, spread order, epochs
python scripts/draw_pictures.py --report=job/report/report.html  # and the page, by Chromium
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sampling import InputFnDownsampleWithWeight, Schema  # noqa: E402

POSITIVE, NEGATIVE, PALE, INK = "#c0392b", "#1f6fb2", "#d6e4f0", "#222222"
NEGATIVES_PER_POSITIVE = 28
DAYS, ROWS_OF_DAY = 56, 500
BLOCK_ROWS, POOL_ROWS = 10, 1_000
PAGE_PIXELS = (1280, 1530)


class Days:
    """A file of negatives for each day, and one of positives: rows are numbered in this order."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.negatives = DAYS * ROWS_OF_DAY
        self.positives = self.negatives // NEGATIVES_PER_POSITIVE
        (folder / "negative").mkdir(parents=True)
        for day, rows in enumerate(np.split(np.arange(self.negatives), DAYS)):
            path = folder / "negative" / f"day-{day:03}.csv"
            pd.DataFrame({"row": rows, "label": 0}).to_csv(path, index=False)
        positives = pd.DataFrame({"row": np.arange(self.positives), "label": 1})
        positives.to_csv(folder / "positive.csv", index=False)

    def epochs(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row numbers, labels and weights of so many epochs, an epoch a row of each array."""
        input_fn = InputFnDownsampleWithWeight(
            f"{self._folder}/positive.csv",
            f"{self._folder}/negative/*.csv",
            schema=Schema.from_dict({"row": int, "label": int}, label="label"),
            is_train=True,
            weight="auto",
            num_epochs=number,
            block_rows=BLOCK_ROWS,
            pool_rows=POOL_ROWS,
        )
        rows, labels, weights = zip(
            *((features["row"], *others) for features, *others in input_fn.batches()), strict=True
        )
        rows, labels, weights = (np.concatenate(each) for each in (rows, labels, weights))
        shape = number, input_fn.rows_per_epoch
        return rows.reshape(shape), labels.reshape(shape), weights.reshape(shape)


def draw_flow(days: Days, path: Path) -> None:
    """From files to a model: which blocks the first epoch reads, and the rows in their order."""
    rows, labels, weights = (each[0] for each in days.epochs(1))
    figure, (files, pool, epoch, out) = plt.subplots(
        1, 4, figsize=(15, 4.6), layout="constrained", width_ratios=[1.25, 1, 1, 1]
    )
    figure.get_layout_engine().set(wspace=0.12)  # room for the arrows
    _files(files, rows[labels == 0])
    side = 31
    negatives = rows[labels == 0]
    _rows(pool, negatives[: side * side] // ROWS_OF_DAY, "YlGnBu", side)
    pool.set_title("2  rounds: permuted in memory", fontweight="bold", loc="left")
    pool.set_xlabel("a pixel a row, its shade the day it is from")
    classes = matplotlib.colors.ListedColormap([NEGATIVE, POSITIVE])
    _rows(epoch, labels[: side * side], classes, side)
    epoch.set_title("3  an epoch: 1 : 1, exactly", fontweight="bold", loc="left")
    counts = np.bincount(labels)
    masses = [weights[labels == label].sum() for label in (0, 1)]
    worth = weights[labels == 0].mean()
    epoch.set_xlabel(
        f"{counts[1]:,} positives (red), each worth 1\n"
        f"{counts[0]:,} of {days.negatives:,} negatives, each worth {worth:.0f}"
    )
    _out(out, masses)
    for left, right in ((files, pool), (pool, epoch), (epoch, out)):
        _arrow(figure, left, right)
    _save(figure, path)


def _files(axes: Axes, negatives: np.ndarray) -> None:
    shown = np.linspace(0, DAYS - 1, 12).astype(int)
    starts = np.unique(negatives // BLOCK_ROWS) * BLOCK_ROWS
    for line, day in enumerate(shown):
        axes.add_patch(Rectangle((0, line + 0.15), ROWS_OF_DAY, 0.7, color=PALE))
        for start in starts[starts // ROWS_OF_DAY == day] % ROWS_OF_DAY:
            axes.add_patch(Rectangle((start, line + 0.15), BLOCK_ROWS, 0.7, color=NEGATIVE))
    line = len(shown) + 0.5
    axes.add_patch(Rectangle((0, line + 0.15), ROWS_OF_DAY, 0.7, color=POSITIVE))
    axes.set_yticks(
        [*(np.arange(len(shown)) + 0.5), line + 0.5],
        [*(f"day {day}" for day in shown), "positives"],
    )
    axes.set_xlim(0, ROWS_OF_DAY)
    axes.set_ylim(line + 1, 0)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("1  files: a few blocks of each", fontweight="bold", loc="left")
    share = len(starts) * BLOCK_ROWS / (DAYS * ROWS_OF_DAY)
    axes.set_xlabel(
        f"read for the first epoch: all positives,\n{share:.0%} of the negatives (dark)"
    )


def _rows(axes: Axes, values: np.ndarray, colors: Any, side: int) -> None:
    axes.imshow(values.reshape(side, side), cmap=colors, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _out(axes: Axes, masses: list[float]) -> None:
    axes.set_title("4  batches for", fontweight="bold", loc="left")
    for place, text in enumerate(
        (
            "estimator.train(input_fn)",
            "model.fit(input_fn.dataset())",
            "input_fn.batches()  (numpy)",
        )
    ):
        axes.text(
            0.02,
            0.9 - 0.15 * place,
            text,
            family="monospace",
            fontsize=11,
            va="center",
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": INK},
        )
    negative, positive = masses
    axes.barh([0.3], [negative], height=0.1, color=NEGATIVE)
    axes.barh([0.3], [positive], left=[negative], height=0.1, color=POSITIVE)
    axes.text(0, 0.39, "what the classes weigh in training", fontsize=10)
    axes.text(
        0, 0.17, f"{negative / positive:.0f} : 1, as in the files:\n0.3 means 30 %", va="center"
    )
    axes.set_ylim(0, 1)
    axes.set_xlim(0, negative + positive)
    axes.axis("off")


def _arrow(figure: Any, left: Axes, right: Axes) -> None:
    figure.canvas.draw()
    begin, end = left.get_position(), right.get_position()
    y = (begin.y0 + begin.y1) / 2
    arrow = FancyArrowPatch(
        (begin.x1 + 0.005, y),
        (end.x0 - 0.005, y),
        transform=figure.transFigure,
        arrowstyle="-|>",
        mutation_scale=22,
        color=INK,
        linewidth=1.5,
    )
    figure.add_artist(arrow)


def draw_spread_order(days: Days, path: Path) -> None:
    """How many rows of each day an epoch's negatives have, by four ways of choosing them."""
    rows, labels, _ = (each[0] for each in days.epochs(1))
    number = np.count_nonzero(labels == 0)
    rng = np.random.default_rng(0)
    blocks = rng.permutation(days.negatives // BLOCK_ROWS)[: number // BLOCK_ROWS]
    ways = {
        f"a shuffle buffer of {POOL_ROWS:,} rows over shuffled files": _buffered(days, number),
        f"blocks of {BLOCK_ROWS} rows at random": np.repeat(blocks, BLOCK_ROWS) * BLOCK_ROWS,
        f"blocks of {BLOCK_ROWS} rows in spread order: this library": rows[labels == 0],
        "rows at random, each read by itself": rng.permutation(days.negatives)[:number],
    }
    figure, panels = plt.subplots(4, 1, figsize=(9, 7), sharex=True, layout="constrained")
    for axes, (name, chosen) in zip(panels, ways.items(), strict=True):
        counts = np.bincount(chosen // ROWS_OF_DAY, minlength=DAYS)
        is_ours = "library" in name
        axes.bar(range(DAYS), counts, color=POSITIVE if is_ours else NEGATIVE, width=0.85)
        axes.axhline(number / DAYS, color=INK, linewidth=1, linestyle="--")
        axes.set_title(
            f"{name}: {np.count_nonzero(counts)} of {DAYS} days",
            loc="left",
            fontweight="bold" if is_ours else "normal",
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylabel("rows")
    panels[-1].set_xlabel("day (a file each); dashed: each day's fair share")
    figure.suptitle(f"The first {number:,} of {days.negatives:,} negatives", fontweight="bold")
    _save(figure, path)


def _buffered(days: Days, number: int) -> np.ndarray:
    """The first rows of TensorFlow's usual pipeline."""
    import tensorflow as tf

    files = tf.data.Dataset.range(DAYS).shuffle(DAYS, seed=0)
    rows = files.flat_map(
        lambda day: tf.data.Dataset.range(day * ROWS_OF_DAY, (day + 1) * ROWS_OF_DAY)
    )
    return np.array(list(rows.shuffle(POOL_ROWS, seed=0).take(number).as_numpy_iterator()))


def draw_epochs(days: Days, path: Path) -> None:
    """Which negatives the epochs have, and how many have been seen after each."""
    number = NEGATIVES_PER_POSITIVE + 7
    rows, labels, _ = days.epochs(number)
    negatives = rows[labels == 0].reshape(number, -1)
    figure, (places, seen) = plt.subplots(
        1, 2, figsize=(12, 4.6), layout="constrained", width_ratios=[1.6, 1]
    )
    shown = [0, 1, 2, 3]
    for epoch in shown:
        blocks = np.unique(negatives[epoch] // BLOCK_ROWS)
        spans = [(block * BLOCK_ROWS, BLOCK_ROWS) for block in blocks]
        for line in (epoch, len(shown)):  # by itself, and with the others
            color = plt.cm.viridis(epoch / len(shown))
            places.broken_barh(spans, (line + 0.15, 0.7), color=color)
    places.set_yticks(np.arange(5) + 0.5, [*(f"epoch {epoch + 1}" for epoch in shown), "together"])
    places.set_ylim(5, 0)
    places.set_xlim(0, days.negatives)
    places.set_xlabel("place in the files: the blocks that are read")
    places.set_title("Fresh negatives in every epoch", loc="left", fontweight="bold")
    share = [len(np.unique(negatives[:epoch])) / days.negatives for epoch in range(number + 1)]
    epochs = np.arange(number + 1)
    drawn = 1 - (1 - 1 / days.negatives) ** (epochs * negatives.shape[1])
    seen.plot(epochs, share, color=POSITIVE, linewidth=2.5, label="this library")
    seen.plot(epochs, drawn, color=NEGATIVE, linestyle="--", label="drawn anew, with replacement")
    seen.axvline(NEGATIVES_PER_POSITIVE, color=INK, linewidth=1, linestyle=":")
    seen.set_xlabel(f"epochs; there are {NEGATIVES_PER_POSITIVE} times as many negatives")
    seen.set_ylabel("share of the negatives seen")
    seen.set_title("Each is seen once before any twice", loc="left", fontweight="bold")
    seen.legend(frameon=False, loc="lower right")
    for axes in (places, seen):
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def draw_report(page: Path, path: Path) -> None:
    """The beginning of a report's page as Chromium shows it.

    Raises:
        FileNotFoundError: if there is no Chromium.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((found for name in names if (found := shutil.which(name))), None)
    if browser is None:
        raise FileNotFoundError(
            f"found none of {', '.join(names)} on the PATH; install one of them"
        )
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        size = ",".join(map(str, PAGE_PIXELS))
        subprocess.run(
            [browser, *flags, f"--user-data-dir={profile}", f"--window-size={size}",
             f"--screenshot={path.absolute()}", page.absolute().as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
    _shrink(path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=90)
    plt.close(figure)
    _shrink(path)


def _shrink(path: Path) -> None:
    """256 colours are enough, and a third of the bytes."""
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = Path(__file__).parent / "pictures"
    parser.add_argument("--output", type=Path, default=folder, help="folder for the pictures")
    parser.add_argument(
        "--report", type=Path, help="a report's page, to be drawn as a browser does"
    )
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        days = Days(Path(made))
        draw_flow(days, given.output / "flow.png")
        draw_spread_order(days, given.output / "spread-order.png")
        draw_epochs(days, given.output / "epochs.png")
    if given.report is not None:
        draw_report(given.report, given.output / "report.png")


if __name__ == "__main__":
    main()
