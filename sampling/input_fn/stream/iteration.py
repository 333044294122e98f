"""Where in its stream of rows an input function is, and how that is written down.

The stream is endless (epoch after epoch) and fixed by seed and files. So a place in it is an epoch,
a cursor for each class, and a number of rows to leave out of the chunk that begins there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sampling.errors import SamplingError
from sampling.order.rounds import Cursor
from sampling.order.shares import EVERYTHING, Shard
from sampling.rows import columns
from sampling.rows.columns import Columns

STATE_VERSION = 4
_REMEMBERED = 8192  # chunk starts kept; an older place is found again by reading from the start


@dataclasses.dataclass(frozen=True)
class Position:
    """A place in the stream.

    Args:
        epoch: from 0.
        rows: of the whole stream before the chunk that begins here.
        cursors: for each class, where that chunk takes its rows.
        skip: rows of that chunk that are before the place.
        shard: whose stream it is; rows and cursors count that worker's rows alone.
    """

    epoch: int
    rows: int
    cursors: Mapping[str, Cursor]
    skip: int = 0
    shard: Shard = EVERYTHING

    def to_state(
        self, made_with: Mapping[str, Any], follows: Sequence[Cursor] = ()
    ) -> dict[str, Any]:
        """A small dict of plain values (JSON takes it), under 1 KB.

        Args:
            made_with: what the stream depends on.
            follows: the cursors as far as arithmetic tells them; these are left out of the state.
        """
        known, columns = _columns(follows), _columns(self.cursors.values())
        state = {
            "version": STATE_VERSION,
            "rows": self.rows + self.skip,
            "epoch": self.epoch,
            "skip": self.skip,
            "cursors": {name: col for name, col in columns.items() if col != known.get(name)},
            "worker": list(dataclasses.astuple(self.shard)),
            "made_with": dict(made_with),
        }
        return {**state, "checksum": _checksum(state)}

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        made_with: Mapping[str, Any],
        names: Sequence[str],
        follows: Callable[[int, int, Shard], Sequence[Cursor]],
    ) -> Position:
        """The place a state stands for.

        Args:
            state: what `to_state` returned.
            made_with: what this stream depends on.
            names: of the classes, in order.
            follows: epoch, rows of the whole stream before, whose -> the cursors, see `to_state`.

        Raises:
            SamplingError: it is no state, a damaged one, or one of another input function, where
                what differs is named.
        """
        with _telling(state):
            version, theirs = state["version"], dict(state["made_with"])
        _check_same(version, theirs, made_with)
        with _telling(state):
            stored = state["cursors"]
            skip, rows, epoch = int(state["skip"]), int(state["rows"]), int(state["epoch"])
            shard, is_whole = Shard(*state["worker"]), state["checksum"] == _checksum(state)
        if not is_whole:
            raise SamplingError(
                "the state's checksum is another one, expected the state as state(rows) returned "
                "it; restore one that was not changed"
            )
        known = follows(epoch, rows - skip, shard)
        with _telling(state):
            columns = {**_columns(known), **stored}
            fields = [columns[name] for name in _FIELDS]
            cursors = [Cursor(*map(int, four)) for four in zip(*fields, strict=True)]
            by_name = dict(zip(names, cursors, strict=True))
        return cls(epoch, rows - skip, by_name, skip, shard)


_PLACE = ("version", "rows", "epoch", "skip", "cursors", "worker", "made_with")
_FIELDS = tuple(name.rstrip("_") for name in Cursor._fields)


def _checksum(state: Mapping[str, Any]) -> int:
    """Of what makes a place; who saves a state may write more beside it."""
    place = {name: state[name] for name in _PLACE}
    return zlib.crc32(json.dumps(place, sort_keys=True, default=repr).encode())


def _columns(cursors: Iterable[Cursor]) -> dict[str, list[int]]:
    """{"pass": of each class, ...}; nothing for no cursor."""
    return dict(zip(_FIELDS, map(list, zip(*cursors, strict=True)), strict=False))


@contextlib.contextmanager
def _telling(state: Any) -> Iterator[None]:
    """Raises SamplingError for what goes wrong where a dict is no state."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SamplingError(
            f"found {state!r}, which is no state ({error!r}); pass what state(rows) returned"
        ) from None


def _check_same(version: Any, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    if version != STATE_VERSION:
        raise SamplingError(
            f"the state is of version {version!r}, expected {STATE_VERSION}; "
            "go on with the release that wrote it, or begin the training anew"
        )
    are_same_files = ours.get("files") == theirs.get("files")  # others have other contents
    differ = [
        f"{key} = {theirs.get(key)!r}, this input function has {ours.get(key)!r}"
        for key in sorted(set(ours) | set(theirs))
        if ours.get(key) != theirs.get(key) and (key != "contents" or are_same_files)
    ]
    if differ:
        raise SamplingError(
            f"the state was made with {'; and with '.join(differ)}; "
            "build it with the same arguments and files"
        )


Chunks = Iterator[tuple[Position, "Columns | None"]]


class Pause:
    """Where an iteration ended, with the rounds that it holds in memory.

    TensorFlow keeps what a Dataset is generated by for ever. So it must not keep the rounds: they
    belong to the Dataset, and go with it.
    """

    def __init__(self) -> None:
        self._kept: tuple[Position, Chunks] | None = None

    def keep(self, position: Position, chunks: Chunks) -> None:
        self._kept = position, chunks

    def chunks_from(self, position: Position) -> Chunks | None:
        """The chunks that follow, if it ended there."""
        kept, self._kept = self._kept, None
        return kept[1] if kept is not None and kept[0] == position else None


class Iterations:
    """One walk along the stream: what one call of an input function begins.

    Iterating its Dataset again goes on. Iteration k has the epochs k x num_epochs and following,
    however far the one before was followed. So timing has no say in which rows come.

    Args:
        start: where the first iteration begins.
        num_epochs: of one iteration; None: endless.
        chunks: position -> the endless chunks from there, each with its position; None in place of
            a chunk, with the position that follows, where an epoch ends.

    Attributes:
        start: the same.
    """

    def __init__(
        self, start: Position, num_epochs: int | None, chunks: Callable[[Position], Chunks]
    ):
        self.start, self._num_epochs, self._chunks = start, num_epochs, chunks
        self._iterations = itertools.count()
        self._epochs: dict[int, Position] = {}  # where each begins, as far as it is known
        self._passed: dict[int, tuple[Position, int]] = {}  # row -> chunk start, rows of the chunk
        self._pause: Callable[[], Pause | None] = lambda: None

    def iterate(self) -> Iterator[Columns | None]:
        """The chunks of one iteration, and None at the end of each epoch."""
        iteration, epochs = next(self._iterations), self._num_epochs or 1
        first = (self.start.epoch // epochs + iteration) * epochs
        begin = self.start if iteration == 0 else self._begin_of(first)
        pause = self._pause()
        # What the iteration before has in memory need not be read again.
        paused = pause.chunks_from(begin) if pause is not None else None
        chunks = self._chunks(begin) if paused is None else paused
        skip = begin.skip
        for position, chunk in self._followed(chunks):
            if chunk is None:
                yield None
                if self._num_epochs and position.epoch >= first + epochs:
                    if (pause := self._pause()) is not None:
                        pause.keep(position, chunks)
                    return
            else:
                yield {name: column[skip:] for name, column in chunk.items()} if skip else chunk
                skip = 0

    def pause_in(self, pause: Pause) -> None:
        """An iteration that ends leaves its rounds there, as long as somebody holds it."""
        self._pause = weakref.ref(pause)

    def find(self, rows: int) -> Position:
        """The place after so many rows of the stream.

        Raises:
            SamplingError: it is before this run's start.
        """
        if rows < self.start.rows + self.start.skip:
            raise SamplingError(
                f"rows is {rows:,}, expected at least {self.start.rows + self.start.skip:,}, "
                "where this stream was entered; ask for a later place"
            )
        if rows == self.start.rows + self.start.skip:
            return self.start
        for begin in list(self._epochs.values()):
            if begin.rows == rows:  # known without reading
                return begin
        passed = [(p, size) for p, size in list(self._passed.values()) if p.rows <= rows]
        latest, size = max(passed, key=lambda known: known[0].rows, default=(self.start, 0))
        if rows < latest.rows + size:
            return dataclasses.replace(latest, skip=rows - latest.rows)
        for position, chunk in self._followed(self._chunks(dataclasses.replace(latest, skip=0))):
            end = position.rows + (columns.length(chunk) if chunk is not None else 0)
            if rows < end or (chunk is None and rows == end):
                return dataclasses.replace(position, skip=rows - position.rows)
        raise RuntimeError("the stream ended, which it never does")

    def rows_after(self, batches: int, batch_size: int) -> int:
        """Rows of the stream after so many batches of this run, each epoch's last one short.

        Training is always behind reading, which remembers where epochs end: nothing is counted.

        Raises:
            SamplingError: nothing was read yet that could have been trained on.
        """
        if batches and not self._passed:
            raise SamplingError(
                f"found {batches:,} batches trained on and none read by this input function, "
                "expected it to be what is trained on; pass the one that is"
            )
        epoch, rows = self.start.epoch, self.start.rows + self.start.skip
        while True:
            after = rows + batches * batch_size
            if epoch + 1 not in self._epochs:
                self.find(after)  # reads on if the place was not reached yet
            end = self._epochs.get(epoch + 1)
            if end is None or after <= end.rows:
                return after
            batches -= math.ceil((end.rows - rows) / batch_size)
            epoch, rows = epoch + 1, end.rows

    def _begin_of(self, epoch: int) -> Position:
        known = max((e for e in list(self._epochs) if e <= epoch), default=None)
        latest = self.start if known is None else self._epochs[known]
        if known == epoch:
            return latest
        for position, chunk in self._followed(self._chunks(latest)):
            if chunk is None and position.epoch == epoch:
                return position
        raise RuntimeError("the stream ended, which it never does")

    def _followed(self, chunks: Chunks) -> Chunks:
        """The chunks, remembering where they and their epochs begin."""
        for position, chunk in chunks:
            if chunk is None:
                self._epochs[position.epoch] = position
            else:
                self._passed[position.rows] = position, columns.length(chunk)
                if len(self._passed) > _REMEMBERED:
                    del self._passed[next(iter(self._passed))]
            yield position, chunk
