"""How many rows each class of files has: as was said, if that can be, or counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping

from sampling import checks
from sampling.errors import SamplingError
from sampling.input_fn.stream.reader import Reader
from sampling.samplers.sampler import Sizes

_DOUBT = 4  # bytes tell how many rows there are within a factor of this


class ClassSizes(Sizes):
    """Rows of each class of files, by its name; the files have the last word.

    Args:
        reader: of the files.
        said: by class, what the user says; None: nothing.
        changed: called when what was believed turns out to be wrong.

    Raises:
        SamplingError: a number is not a whole one of at least 1.
    """

    def __init__(self, reader: Reader, said: Mapping[str, int | None], changed: Callable[[], None]):
        for name, rows in said.items():
            if rows is not None:
                checks.whole_number(_argument(name), rows, 1)
        self._reader, self._said, self._changed = reader, dict(said), changed
        self._counted: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        said = None if name in self._counted else self._said.get(name)
        estimated = self._reader.blocks[name].estimated_rows
        if said is not None and estimated / _DOUBT <= said <= estimated * _DOUBT:
            return said
        return self.counted(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._reader.blocks)

    def __len__(self) -> int:
        return len(self._reader.blocks)

    def counted(self, name: str) -> int:
        if name not in self._counted:
            rows = self._reader.count(name)
            if not rows:
                raise SamplingError(
                    f"{name}: no rows in the files, expected at least one; fix the glob"
                )
            self._believe(name, rows)
        return self._counted[name]

    def surely_more(self, name: str, per: float, of: str) -> bool:
        blocks = self._reader.blocks
        return blocks[name].estimated_rows >= _DOUBT * per * blocks[of].estimated_rows

    def found(self, name: str, rows: int) -> None:
        """A whole pass over the files turned out to have so many rows.

        Raises:
            SamplingError: they were counted before, and were more or fewer.
        """
        if self._counted.get(name, rows) != rows:
            raise SamplingError(
                f"{name}: a pass over the files had {rows:,} rows, expected the "
                f"{self._counted[name]:,} that were counted, or stand in their manifest; leave "
                "files alone while they are read, and write the manifest anew"
            )
        self._believe(name, rows)

    def _believe(self, name: str, rows: int) -> None:
        self._counted[name] = rows
        said = self._said.get(name)
        if said not in (None, rows):
            self._said[name] = None
            self._changed()
            warnings.warn(
                f"{_argument(name)} is {said:,} and the files have {rows:,} rows; the files count, "
                "fix the argument",
                stacklevel=2,
            )


def _argument(name: str) -> str:
    return name.replace("_dir", "_size")
