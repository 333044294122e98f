"""What goes wrong with a user's files, arguments or commands."""

from __future__ import annotations

from collections import deque

_SENTENCES: deque[str] = deque(maxlen=64)  # the latest; exceptions would keep their frames alive


class SamplingError(ValueError):
    """A sentence for the user: what was found, where, what was expected, and what to do.

    Commands print it without a traceback. Whatever else is raised is a fault of the program.
    """

    def __init__(self, *arguments: object):
        super().__init__(*arguments)
        _SENTENCES.append(str(self))


def wrapped_in(error: BaseException) -> SamplingError | None:
    """What an input function has said, out of what TensorFlow makes of it.

    An exception in a generator or py_function comes out of a session or a Dataset as a text alone:
    its own, a traceback, and the operation's.
    """
    text = str(error)
    said = [sentence for sentence in _SENTENCES if sentence and sentence in text]
    return SamplingError(max(said, key=len)) if said else None
