"""How many rows each class of files has: as was given, if that can be, or counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sampling import checks
from sampling.formats.registry import Blocks

DOUBT = 4  # bytes tell how many rows there are within a factor of this


class ClassSizes:
    """What is known of the rows of each class of files. The files have the last word.

    Args:
        given: rows by role, such as "positive_dir"; None: not known.
        is_wrong: called with a key and a sentence when what was given turns out to be wrong.

    Raises:
        SamplingError: a number is not a whole one of at least 1.
    """

    def __init__(self, given: Mapping[str, int | None], is_wrong: Callable[[str, str], None]):
        for role, rows in given.items():
            if rows is not None:
                checks.whole_number(_argument(role), rows, 1)
        self._rows, self._is_wrong = dict(given), is_wrong

    def known(self, role: str, blocks: Blocks) -> int:
        """As given, if that can be, or counted."""
        given, estimated = self._rows[role], blocks.estimated_rows
        if given is not None and estimated / DOUBT <= given <= estimated * DOUBT:
            return given
        return self.count(role, blocks)

    def count(self, role: str, blocks: Blocks) -> int:
        """Counted, even if given."""
        counted = blocks.count()
        self.found(role, counted)
        return counted

    def found(self, role: str, counted: int) -> None:
        """The files turned out to have so many."""
        given, self._rows[role] = self._rows[role], counted
        if given not in (None, counted):
            self._is_wrong(
                _argument(role),
                f"{_argument(role)} is {given:,} and the files have {counted:,} rows; "
                "the files count, fix the argument",
            )


def _argument(role: str) -> str:
    return role.replace("_dir", "_size")
