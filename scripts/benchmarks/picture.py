"""Results to a picture: a panel for each question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.report import (
    CEILING,
    Repetitions,
    median,
    ratio,
    share_of_free,
)

PARSE = "pyarrow parse"
OURS, PEERS, LIMITS, TARGET = "#1f6fb2", "#a9b1ba", "#dfc27d", "#c0392b"


def draw(results: dict[str, Any], path: Path) -> None:
    of_parts: dict[str, list[Callable[[Axes, Any], None]]] = {
        "input": [_speed, _first_batch],
        "training": [_training],
        "growth": [_growth],
        "resuming": [_resuming],
        "honesty": [_honesty, _block_sizes],
        "formats": [_formats],
    }
    panels = [(part, panel) for part in of_parts if part in results for panel in of_parts[part]]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(6.4 * columns, 5.6 * rows), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (part, panel) in zip(grid.flat, panels, strict=False):
        panel(axes, results[part])
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.13),
            ncols=2,
            frameon=False,
            fontsize="small",
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontweight("bold")
    scale, cores = results["scale"], results["environment"]["cores"]
    figure.suptitle(
        f"{scale['rows']:,} rows of CSV, 1 of 29 positive, 19 columns; {cores} cores; "
        f"medians of {scale['repetitions']} repetitions",
        wrap=True,  # one part alone is narrow
    )
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _speed(axes: Axes, part: dict[str, Any]) -> None:
    repetitions, million = part["repetitions"], 1e6
    series = {
        f"batches of {size:,}": {
            name: median(repetitions, name, f"rows_per_second_{size}") / million
            for name in repetitions[0]
            if name != PARSE or size == 256  # it has no batches
        }
        for size in (256, 1024)
    }
    _bars(axes, series, "{:.2f}")
    axes.set_title("Input: rows per second")
    axes.set_xlabel("million rows per second")


def _first_batch(axes: Axes, part: dict[str, Any]) -> None:
    repetitions = part["repetitions"]
    names = [name for name in repetitions[0] if name not in (CEILING, PARSE)]
    values = {name: median(repetitions, name, "first_batch") for name in names}
    _bars(axes, {"": values}, "{:.2f}")
    _line(axes, 0.5, "target: 0.5 s")
    axes.set_title("Time to the first batch")
    axes.set_xlabel("seconds from construction, in a fresh process")


def _formats(axes: Axes, part: dict[str, Any]) -> None:
    repetitions: Repetitions = part["repetitions"]
    names = sorted(repetitions[0], key=lambda name: median(repetitions, name, "rows_per_second"))
    ours = [name.endswith(("numpy", "Dataset")) for name in names]
    for is_ours, color, label in ((True, OURS, "the engine"), (False, PEERS, "others")):
        chosen = [name for name, own in zip(names, ours, strict=True) if own == is_ours]
        speeds = [median(repetitions, name, "rows_per_second") / 1e3 for name in chosen]
        axes.barh(chosen, speeds, color=color, label=label)
    axes.set_xlabel("thousand rows/s, batches of 256")
    axes.set_title("Formats")


def _training(axes: Axes, repetitions: Repetitions) -> None:
    names = list(repetitions[0])
    values = {name: share_of_free(repetitions, name) for name in names}
    _bars(axes, {"": values}, "{:.2f}")
    _line(axes, 0.95, "target: 0.95")
    axes.set_title("Training: speed of a DNNClassifier")
    axes.set_xlabel("steps per second, as a share of those on a constant batch")


def _growth(axes: Axes, part: dict[str, Any]) -> None:
    repetitions = part["repetitions"]
    names = [name for name in repetitions[0] if name != "base"]
    series = {
        label: {name: ratio(repetitions, name, "base", key) for name in names}
        for label, key in (("an epoch", "epoch"), ("first batch", "first_batch"))
    }
    _bars(axes, series, "{:.2f}")
    rows = [ratio(repetitions, name, "base", "rows") for name in names]
    axes.plot(
        rows,
        [place - 0.19 for place in range(len(names))],
        "k|",
        ms=14,
        mew=2,
        label="rows of an epoch",
    )
    _line(axes, 1.1, "target for 10 x negatives: 1.1")
    axes.set_title("Growth: time against the base")
    axes.set_xlabel("times as long as the base: multiplier 1, negatives in 100 files")


def _resuming(axes: Axes, repetitions: Any) -> None:
    places = list(repetitions[0])
    for key, label, color in (
        ("read", "reading all that came before", PEERS),
        ("resume", "resuming: to the next batch", OURS),
    ):
        seconds = [median(repetitions, place, key) for place in places]
        ticks = [place.replace(" of ", "\nof ") for place in places]
        axes.plot(ticks, seconds, marker="o", color=color, label=label)
    axes.set_ylabel("s")
    axes.set_title("Going on from a state, by where it was saved")


def _honesty(axes: Axes, part: dict[str, Any]) -> None:
    read = list(part["read"].values())[-1][0]
    names, block_rows = list(read), part["block_rows"]
    series = {
        "as many random blocks, computed": (part["random blocks"][block_rows], PEERS, "s"),
        "spread order, computed": (part["spread"][block_rows], OURS, "D"),
        "spread order, really read": (read, "black", "o"),
    }
    for offset, (label, (ratios, color, marker)) in zip(
        (-0.2, 0, 0.2), series.items(), strict=True
    ):
        values, errors = zip(*(ratios[name] for name in names), strict=True)
        places = [place + offset for place in range(len(names))]
        axes.errorbar(values, places, xerr=errors, fmt=marker, color=color, label=label, capsize=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    _line(axes, 1, "target for sorted files: 1")
    axes.set_title("Honesty: variance of an epoch's mean")
    axes.set_xlabel("times the variance of as many independent random rows (log)")


def _block_sizes(axes: Axes, part: dict[str, Any]) -> None:
    sizes = [int(size) for size in part["spread"]]
    for index, name in enumerate(part["spread"][str(sizes[0])]):
        for order, style in (("spread", "-o"), ("random blocks", ":")):
            ratios = [part[order][str(size)][name][0] for size in sizes]
            label = name if order == "spread" else None
            axes.plot(sizes, ratios, style, color=f"C{index}", label=label, ms=4)
    axes.set(xscale="log", yscale="log")
    axes.axhline(1, color="black", linewidth=0.8)
    engine = int(part["block_rows"])
    axes.axvline(engine, color=TARGET, linestyle="--", label=f"the engine's {engine}")
    axes.set_title("Honesty by block size (dotted: random blocks)")
    axes.set_xlabel("rows per block (log)")
    axes.set_ylabel("times the variance of random rows (log)")


def _bars(axes: Axes, series: dict[str, dict[str, float]], form: str) -> None:
    """Horizontal bars, a group for each name, the first series on top."""
    height = 0.76 / len(series)
    names = list(next(iter(series.values())))
    for number, (label, values) in enumerate(series.items()):
        bars = axes.barh(
            [names.index(name) + (number - (len(series) - 1) / 2) * height for name in values],
            list(values.values()),
            height,
            color=[_color(name) for name in values],
            alpha=1 - 0.45 * number,
            label=label,
        )
        labels = axes.bar_label(bars, fmt=form.format, padding=3, fontsize="small")
        for text in labels:  # readable on a line, too
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)


def _color(name: str) -> str:
    if name == PARSE or name.startswith(CEILING):
        return LIMITS
    return PEERS if name in ("tf.data pipeline", "make_csv_dataset", "pandas in memory") else OURS


def _line(axes: Axes, at: float, label: str) -> None:
    axes.axvline(at, color=TARGET, linestyle="--", label=label)
