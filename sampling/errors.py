"""What goes wrong with a user's files, arguments or commands."""

from __future__ import annotations

import errno
import os
from collections import deque

_REASONS = {
    errno.ENOSPC: "no space is left on the device; free some, and give the command again",
    errno.EDQUOT: "the quota of the device is used up; free some, and give the command again",
    errno.EFBIG: "the file is larger than is allowed here; raise the limit (ulimit -f)",
    errno.EACCES: "permission is denied; ask for it, or name another path",
    errno.EPERM: "permission is denied; ask for it, or name another path",
    errno.EROFS: "the file system is read-only; name another path",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
    errno.EIO: "the device fails to read or write; check it",
}
_SENTENCES: deque[str] = deque(maxlen=64)  # the latest; exceptions would keep their frames alive


class SamplingError(ValueError):
    """A sentence for the user: what was found, where, what was expected, and what to do.

    Commands print it without a traceback. Whatever else is raised is a fault of the program.
    """

    def __init__(self, *arguments: object):
        super().__init__(*arguments)
        _SENTENCES.append(str(self))


def sentence_of(error: OSError) -> str:
    """[Errno 28] -> "data/part-0.csv: no space is left on the device; free some, ..." """
    if error.errno is None:  # of a bucket: a sentence already
        return str(error)
    reason = _REASONS.get(error.errno) or f"{error.strerror or error}; fix it"
    paths = [os.fspath(path) for path in (error.filename, error.filename2) if path is not None]
    return ": ".join([*map(str, paths[:1]), reason])


def wrapped_in(error: BaseException) -> SamplingError | None:
    """What an input function has said, out of what TensorFlow makes of it.

    An exception in a generator or py_function comes out of a session or a Dataset as a text alone:
    its own, a traceback, and the operation's.
    """
    text = str(error)
    said = [sentence for sentence in _SENTENCES if sentence and sentence in text]
    return SamplingError(max(said, key=len)) if said else None
