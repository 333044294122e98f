"""What `compare` found, as a picture: a column for each environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from examples.equivalent_environments.compare import (
    GRID,
    Trained,
    agreement,
    grid_points,
    test_rows,
)
from examples.equivalent_environments.make_data import likelihood_ratio

POSITIVE, NEGATIVE, TRUE = "#c0392b", "#1f6fb2", "#222222"
COLORS = ("#1b7837", "#e08214", "#7b3294", "#1f6fb2")


def draw(compared: dict[str, dict[str, Trained]], true_ratio: int, path: Path) -> None:
    """Two rows for each boundary: the plane, and the outputs; the last column has all four."""
    figure, grid = plt.subplots(
        2 * len(compared),
        5,
        figsize=(19, 7.6 * len(compared)),
        layout="constrained",
        height_ratios=[1.35, 1] * len(compared),
    )
    for index, (boundary, trained) in enumerate(compared.items()):
        planes, outputs = grid[2 * index], grid[2 * index + 1]
        true = likelihood_ratio(boundary, grid_points()).reshape(len(GRID), len(GRID))
        labels = test_rows(path.parent / boundary)[1]
        for column, (name, each) in enumerate(trained.items()):
            _plane(planes[column], name, each, true)
            _histogram(outputs[column], each, labels)
        planes[0].set_ylabel(boundary, fontsize="x-large", fontweight="bold")
        outputs[0].set_ylabel("share of the class")
        _together(planes[4], trained, true)
        _seconds(outputs[4], trained)
    figure.suptitle(
        f"Four environments, one decision: a positive for {true_ratio} negatives. Points: rows of "
        "an epoch; shades: the output; line: output = threshold; dashed: the true boundary",
        fontsize="x-large",
    )
    figure.savefig(path, dpi=70)
    plt.close(figure)


def _plane(axes: Axes, name: str, each: Trained, true: np.ndarray) -> None:
    points, labels = each.shown
    extent = (GRID[0], GRID[-1], GRID[0], GRID[-1])
    axes.imshow(
        each.surface, origin="lower", extent=extent, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.45
    )
    for label, color in ((0, NEGATIVE), (1, POSITIVE)):
        of_class = points[labels == label]
        axes.scatter(of_class[:, 0], of_class[:, 1], s=5, color=color, linewidths=0)
    axes.contour(GRID, GRID, true, [1.0], colors=TRUE, linestyles="dashed", linewidths=1.2)
    axes.contour(GRID, GRID, each.surface, [each.threshold], colors=TRUE, linewidths=2)
    axes.set_xlim(*extent[:2])
    axes.set_ylim(*extent[2:])
    axes.set_title(name.replace(", ", ",\n"), fontweight="bold")
    axes.set_xlabel(f"{each.rows:,} rows an epoch, threshold {each.threshold:.3f}")
    _bare(axes)


def _histogram(axes: Axes, each: Trained, labels: np.ndarray) -> None:
    bins = np.linspace(0, 1, 41).tolist()
    for label, color, name in ((0, NEGATIVE, "class 0"), (1, POSITIVE, "class 1")):
        outputs = each.outputs[labels == label]
        shares = np.full(len(outputs), 1 / len(outputs))
        axes.hist(outputs, bins, weights=shares, color=color, alpha=0.55, label=name)
    axes.axvline(each.threshold, color=TRUE, linewidth=2, label="threshold")
    mean = each.outputs.mean()
    axes.axvline(mean, color="#e08214", linestyle=":", linewidth=2.5, label="mean output")
    axes.set_yscale("log")
    axes.set_ylim(3e-4, 2)
    axes.set_xlabel(f"output; mean {mean:.3f}")
    axes.legend(fontsize="small", frameon=False, loc="upper center", ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def _together(axes: Axes, trained: dict[str, Trained], true: np.ndarray) -> None:
    for color, each in zip(COLORS, trained.values(), strict=True):
        axes.contour(GRID, GRID, each.surface, [each.threshold], colors=color, linewidths=2)
    axes.contour(GRID, GRID, true, [1.0], colors=TRUE, linestyles="dashed", linewidths=1.4)
    axes.set_aspect("equal")
    axes.set_title("all four,\nand the truth", fontweight="bold")
    axes.set_xlabel(f"alike on {agreement(trained):.2%} of the test rows")
    _bare(axes)


def _seconds(axes: Axes, trained: dict[str, Trained]) -> None:
    seconds = [each.seconds for each in trained.values()]
    bars = axes.barh([name.replace(", ", ",\n") for name in trained], seconds, color=COLORS)
    axes.bar_label(bars, [f"{value:.1f} s" for value in seconds], padding=3)
    axes.set_xlim(0, 1.25 * max(seconds))
    axes.invert_yaxis()
    axes.set_xlabel("time to train")
    axes.spines[["top", "right"]].set_visible(False)


def _bare(axes: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
