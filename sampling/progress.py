"""How far a long job is and how long it still takes, on stderr: a bar of tqdm."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

from tqdm.std import tqdm

_LINES_SECS = 10.0


def bar(
    what: str,
    total: float,
    *,
    shown: str = "",
    unit: str = "it",
    initial: float = 0,
    stream: Any = None,
) -> Any:
    """A bar on terminals and in notebooks; elsewhere a line every ten seconds, and the last one.

    Args:
        what: the first word.
        total: what is counted up to; 0 if there is nothing to do.
        shown: what else tqdm's `bar_format` is to show.
        unit: of what is counted.
        initial: where counting begins: what went before says nothing about the speed.
        stream: where to; None: stderr.

    Returns:
        A tqdm, whose `update` and `close` are to be called.
    """
    stream = stream or sys.stderr
    more = f"{shown}  {{elapsed}}<{{remaining}}{{postfix}}"
    options: dict[str, Any] = {
        "desc": what,
        "total": total,
        "unit": unit,
        "initial": initial,
        "miniters": 1,
    }
    if stream is sys.stderr and _is_in_notebook():
        from tqdm.notebook import tqdm as notebook_bar

        return notebook_bar(**options)
    if stream.isatty():
        with_bar = f"{{desc:<12}}{{percentage:3.0f}}% |{{bar:20}}|{more}"
        return _Bar(
            file=stream, bar_format=with_bar, mininterval=0.2, ncols=_columns(stream), **options
        )
    lines = _Lines(stream)
    without = f"{{desc:<12}}{{percentage:3.0f}}%{more}"
    made = _Bar(file=lines, bar_format=without, mininterval=_LINES_SECS, **options)
    lines.is_begun = True
    return made


def _is_in_notebook() -> bool:
    """Whether this is a kernel with ipywidgets, which tqdm's bar is made of."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    is_kernel = "IPKernelApp" in getattr(get_shell(), "config", ())
    return is_kernel and importlib.util.find_spec("ipywidgets") is not None


class Progress:
    """A bar that also tells rows.

        splitting    48% |#########           |  00:02<00:02, 1,310,720 rows, 655,360 rows/s

    Args:
        what: the line's first word.
        total: what `done` counts up to (bytes, say).
        stream: where to; None: stderr.
    """

    def __init__(self, what: str, total: float, stream: Any = None):
        self._total = total
        self._bar = bar(what, total, stream=stream)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        """What is not closed by now was cut short: an error's line, which follows, says why."""
        self._bar.leave = False
        self._bar.close()

    def update(self, done: float, rows: int) -> None:
        """Says so if it is time to."""
        self._tell_rows(rows)
        self._bar.update(min(done, self._total) - self._bar.n)

    def close(self, rows: int) -> None:
        """The last line."""
        self._tell_rows(rows)
        self._bar.n = self._total
        self._bar.close()

    def _tell_rows(self, rows: int) -> None:
        seconds = self._bar.format_dict["elapsed"]
        speed = f", {rows / seconds:,.0f} rows/s" if seconds > 0.1 else ""
        self._bar.set_postfix_str(f"{rows:,} rows{speed}", refresh=False)


def _columns(stream: Any) -> int | None:
    """Of a terminal; some do not know how wide they are, and tqdm would show nothing there."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 100
    except (OSError, ValueError):
        return None


class _Bar(tqdm):
    """Without the thread that looks after bars which are seldom updated."""

    monitor_interval = 0


class _Lines:
    """A file for tqdm that makes a line of everything it would show in the same place."""

    def __init__(self, stream: Any):
        self._stream = stream
        self.is_begun = False  # what a bar shows when it is made tells nothing

    def write(self, text: str) -> None:
        if self.is_begun and text.strip():
            self._stream.write(text.strip() + "\n")

    def flush(self) -> None:
        self._stream.flush()
