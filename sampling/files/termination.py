"""Commands that are told to end clean up first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as an exception does, by SystemExit with 128 + signal.

    A signal that is ignored already stays so: programs started by nohup go on without a terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: Any) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)  # what ends already is not to be interrupted
        raise SystemExit(128 + number)

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    before = {each: handler for each, handler in before.items() if handler == signal.SIG_DFL}
    for each in before:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
