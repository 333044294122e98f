"""The study's figures as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

REFERENCE = "everything"
OURS, PLAIN, WRONG = "#1f6fb2", "#888888", "#c0392b"


def mean(rows: Sequence[dict[str, Any]], setting: str, figure: str) -> tuple[float, float]:
    """Over the seeds, and its standard error (0 with one seed)."""
    values = [row[figure] for row in rows if row["setting"] == setting]
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), float(error)


def settings(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["setting"] for row in rows))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """In Markdown; times and bytes beside those of everything."""
    head = (
        "trained on",
        "rows an epoch",
        "rows in all",
        "AUC",
        "log loss",
        "mean prediction / truth",
        "ECE",
        "time",
        "bytes read",
    )
    lines = [f"| {' | '.join(head)} |", f"|---{'|---:' * (len(head) - 1)}|"]
    whole = {name: mean(rows, REFERENCE, name)[0] for name in ("seconds", "bytes_read")}
    for name in settings(rows):
        cells = [name, f"{mean(rows, name, 'share_of_rows')[0]:.1%}"]
        cells.append(f"{mean(rows, name, 'rows')[0]:,.0f}")
        for figure, digits in (("auc", 4), ("log_loss", 4), ("ratio", 3), ("ece", 4)):
            value, error = mean(rows, name, figure)
            cells.append(f"{value:.{digits}f} ± {error:.{digits}f}")
        for figure, unit, scale in (("seconds", "s", 1), ("bytes_read", "MB", 1e6)):
            value, _ = mean(rows, name, figure)
            cells.append(f"{value / scale:,.3g} {unit} ({value / max(whole[figure], 1e-9):.0%})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """A panel for each figure, a bar for each setting."""
    panels = (
        ("auc", "AUC"),
        ("log_loss", "log loss"),
        ("ratio", "mean prediction / truth"),
        ("ece", "expected calibration error"),
        ("seconds", "seconds to train"),
        ("bytes_read", "MB read"),
    )
    figure, grid = plt.subplots(2, 3, figsize=(13, 6.4), layout="constrained", sharey=True)
    for axes, (name, label) in zip(grid.flat, panels, strict=True):
        _panel(axes, rows, name)
        axes.set_title(label, fontweight="bold", fontsize="medium")
    figure.suptitle(title)
    figure.savefig(path, dpi=65)
    plt.close(figure)


def _panel(axes: Axes, rows: Sequence[dict[str, Any]], figure: str) -> None:
    names = settings(rows)
    values, errors = np.array([mean(rows, name, figure) for name in names]).T
    colors = [
        PLAIN if name == REFERENCE else WRONG if name.endswith("no weight") else OURS
        for name in names
    ]
    if figure in ("seconds", "bytes_read"):
        scale = 1e6 if figure == "bytes_read" else 1
        axes.barh(names, values / scale, xerr=errors / scale, color=colors)
    else:
        places = range(len(names))
        for place, value, error, color in zip(places, values, errors, colors, strict=True):
            axes.errorbar(value, place, xerr=error, fmt="none", ecolor=color)
        axes.scatter(values, places, color=colors, zorder=3)
        axes.axvline(values[names.index(REFERENCE)], color=PLAIN, linestyle=":", linewidth=1)
        _zoom(axes, figure, names, values, errors)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def _zoom(
    axes: Axes, figure: str, names: list[str], values: np.ndarray, errors: np.ndarray
) -> None:
    """What is clearly wrong would leave nothing to see of the others: an arrow points to it."""
    wrong = [name.endswith("no weight") for name in names]
    if figure == "auc" or not any(wrong) or all(wrong):
        return
    others = ~np.array(wrong)
    low, high = (values - errors)[others].min(), (values + errors)[others].max()
    width = max(high - low, 0.02 * abs(high))
    axes.set_xlim(low - 0.1 * width, high + 0.4 * width)
    for place, value in enumerate(values):
        if wrong[place]:
            axes.annotate(
                f"{value:.3g}", (1, place), (0.78, place), xycoords=("axes fraction", "data"),
                color=WRONG, va="center", arrowprops={"arrowstyle": "->", "color": WRONG},
            )  # fmt: skip
