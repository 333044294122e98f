"""The pictures of a report on many classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context

from sampling.report.pictures import STYLE, as_png, new_figure, plain, shortened

_MOST = 16  # classes of a matrix; the rarest are put together
_ANNOTATED = 10  # classes up to which cells have figures


@rc_context(STYLE)
def confusion(matrix: np.ndarray, classes: Sequence[str]) -> bytes:
    """The share of each true class (down) that is predicted as each (across).

    Args:
        matrix: float64 [classes, classes], masses.
    """
    matrix, names = _grouped(matrix, classes)
    mass = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, mass, out=np.zeros_like(matrix), where=mass > 0)
    side = 2.6 + 0.42 * max(4, len(names))
    figure, axes = new_figure(size=(side + 0.8, side))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    places, shown = range(len(names)), [plain(shortened(name, 24)) for name in names]
    axes.set_xticks(places, shown, rotation=45, ha="right", fontsize=9)
    axes.set_yticks(places, shown, fontsize=9)
    if len(names) <= _ANNOTATED:
        for (row, column), share in np.ndenumerate(shares):
            if mass[row] > 0:
                color = "white" if share > 0.6 else "#1c2127"
                text = f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    axes.set_ylabel("true class")
    axes.set_xlabel("predicted class, % of the true one")
    return as_png(figure)


def _grouped(matrix: np.ndarray, classes: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """With the rarest of many classes put together."""
    if len(classes) <= _MOST:
        return matrix, list(classes)
    order = np.argsort(-matrix.sum(axis=1), kind="stable")
    kept = np.sort(order[: _MOST - 1])
    group = np.full(len(classes), len(kept))
    group[kept] = np.arange(len(kept))
    member = np.eye(len(kept) + 1)[group]
    others = f"{len(classes) - len(kept):,} others"
    return member.T @ matrix @ member, [*(classes[place] for place in kept), others]
