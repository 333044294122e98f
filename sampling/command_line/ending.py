"""How a command ends, whatever happens: a sentence and a status, no traceback.

0    it did what it was asked for
1    files, arguments or the machine are not as they should be
2    the command line is wrong
130  Ctrl-C
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

from sampling.command_line.common import WRITTEN
from sampling.errors import SamplingError, sentence_of

NAME = "tf-sampling"


@contextlib.contextmanager
def ending(if_stopped: str) -> Iterator[None]:
    """Turns what is raised within into a line on stderr and the exit status.

    Args:
        if_stopped: how to go on after Ctrl-C.

    Raises:
        SystemExit: in place of SamplingError, OSError, KeyboardInterrupt, and an ImportError that
            says what to install.
    """
    try:
        yield
        sys.stdout.flush()  # a pipe that is closed is noticed here
    except KeyboardInterrupt:
        say(f"stopped; {if_stopped}")
        sys.exit(130)
    except BrokenPipeError:  # `| head` has read what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ImportError as error:
        if error.name is not None:  # a fault of the program; ours say what to install
            raise
        say(f"error: {error}")
        sys.exit(1)
    except SamplingError as error:
        say(f"error: {in_flags(str(error))}")
        sys.exit(1)
    except OSError as error:
        say(f"error: {sentence_of(error)}")
        sys.exit(1)


def say(text: str) -> None:
    """A line of a command on stderr."""
    print(f"{NAME}: {text}", file=sys.stderr)


def in_flags(text: str) -> str:
    """What a sentence says of the options of files, as flags: `header=False` -> `--no-header`."""
    for name in (flag.name for flag in WRITTEN):
        text = re.sub(rf"(?<![-\w]){name}=True\b", f"--{name}", text)
        text = re.sub(rf"(?<![-\w]){name}=False\b", f"--no-{name}", text)
        text = re.sub(rf"(?<![-\w]){name}='([^']*)'", rf"--{name}=\1", text)
    return text
