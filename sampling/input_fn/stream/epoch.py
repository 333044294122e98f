"""A sampler's plan as one worker carries it out: which rows of which class make up each chunk.

Together the workers have just the rows of the plan. What is rounded is the number of rows of all
workers up to this one, so nothing is rounded twice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sampling.order import apportionment, seeds
from sampling.order.rounds import Cursor, Slice, Stream
from sampling.order.shares import Share, divide
from sampling.rows.columns import Round
from sampling.samplers.plan import Plan, among_first, portion
from sampling.samplers.sampler import Part, Sampler, Sizes

Streams = Mapping[str, "Stream[Round]"]


class Epoch:
    """One worker's part of every epoch.

    Args:
        plan: of all workers' epoch.
        sampler: whose plan it is.
        sizes: rows of each class in the files.
        shares: this worker's rows of each class.
        chunk_rows: about how many rows a chunk has.
        seed: of the rows made up.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        sizes: Sizes,
        shares: Mapping[str, Share],
        chunk_rows: int,
        seed: int,
    ):
        self._plan, self._sampler, self._sizes = plan, sampler, sizes
        self._shares, self._chunk_rows, self._seed = shares, chunk_rows, seed
        self._is_alone = not next(iter(shares.values())).key

    @functools.cached_property
    def rows(self) -> int:
        """In an epoch."""
        if self._plan.rows is not None:
            return sum(self._own)
        plan, share = self._plan, self._shares[self._leading]
        rows = sum(self._with_first(name, share.count) for name in self._shares)
        if plan.made_up is None:
            return rows
        made = portion(plan.made_up.per_row, share.before + share.count)
        made -= portion(plan.made_up.per_row, share.before)
        return made if plan.made_up.replaces_leading else rows + made

    def parts(self, streams: Streams) -> Iterator[list[Part]]:
        """The parts of each chunk of what is left of an epoch.

        How far it is follows from what the streams have handed out, so it may begin anywhere.
        """
        if self._plan.rows is not None:
            return self._counted(streams)
        return self._led(streams)

    def cursors_after(self, epoch: int, rows: int) -> Sequence[Cursor]:
        """Where each class is in an epoch, if that is no more than arithmetic.

        Right for classes that fit one round. A stream goes on to the next pass when it has to.

        Args:
            rows: of that epoch before the place.
        """
        if self._plan.rows is None:
            return ()
        if self._is_alone:
            sizes = [self._sizes[name] for name in self._shares]
        else:
            sizes = [share.count for share in self._shares.values()]
        taken = among_first(self._plan, self._own, rows)
        cursors = []
        for size, in_an_epoch, in_this in zip(sizes, self._own, taken, strict=True):
            in_all = epoch * in_an_epoch + in_this
            pass_ = max(0, in_all - 1) // size
            cursors.append(Cursor(pass_, 0, in_all - pass_ * size, in_this))
        return cursors

    @property
    def _leading(self) -> str:
        assert self._plan.leading is not None
        return self._plan.leading

    @functools.cached_property
    def _own(self) -> tuple[int, ...]:
        """Rows of each class in this worker's epoch, where the plan says how many there are."""
        rows = tuple(self._plan.rows_of_classes(self._sizes).values())
        if self._is_alone:
            return rows
        sizes = [self._sizes[name] for name in self._shares]
        return divide(rows, sizes, list(self._shares.values()))

    def _counted(self, streams: Streams) -> Iterator[list[Part]]:
        """Slices of every class, in proportion."""
        total = sum(self._own)
        while (taken := sum(stream.taken for stream in streams.values())) < total:
            until = among_first(self._plan, self._own, self._end_of_chunk(taken, total))
            yield [
                Part(stream.take(end - stream.taken), self._plan.weight(name))
                for (name, stream), end in zip(streams.items(), until, strict=True)
            ]

    def _end_of_chunk(self, taken: int, total: int) -> int:
        """How many rows of the epoch there are until the chunk ends that begins after `taken`."""
        size = self._plan.batch_size if self._plan.of_batch else None
        if size is None:
            return min(total, taken + self._chunk_rows)
        return (-(-taken // size) + max(1, self._chunk_rows // size)) * size

    def _led(self, streams: Streams) -> Iterator[list[Part]]:
        """Slices of the leading class, each with its share of the others."""
        plan, leading = self._plan, streams[self._leading]
        at_a_time = plan.leading_at_a_time(self._chunk_rows)
        while True:
            pass_, taken = leading.cursor.pass_, leading.taken
            slices = leading.take(at_a_time, within_pass=True)
            if not slices:
                return
            if plan.made_up is not None:
                yield self._with_made_up(slices, pass_, taken)
                continue
            yield [
                Part(
                    slices
                    if stream is leading
                    else stream.take(self._with_first(name, leading.taken) - stream.taken),
                    plan.weight(name),
                )
                for name, stream in streams.items()
            ]

    def _with_made_up(self, slices: Sequence[Slice[Round]], pass_: int, taken: int) -> list[Part]:
        assert self._plan.made_up is not None
        share = self._shares[self._leading]
        # Numbered through all workers, so that what is rounded adds up.
        counts = share.before + taken + np.arange(sum(len(each.rows) for each in slices) + 1)
        before = apportionment.portion(counts, self._plan.made_up.per_row)
        generator = seeds.generator(seeds.PAIRS, self._seed, pass_, taken, *share.key)
        return self._sampler.make_up(slices, before, generator)

    def _with_first(self, name: str, count: int) -> int:
        """How many rows of a class go with the worker's first `count` rows of the leading one."""
        plan, lead = self._plan, self._shares[self._leading]
        if name == self._leading:
            return count
        if not self._is_alone and name in self._whole:
            own = self._shares[name].count
            return (2 * own * count + lead.count) // (2 * lead.count)
        return plan.with_first(name, lead.before + count) - plan.with_first(name, lead.before)

    @functools.cached_property
    def _whole(self) -> frozenset[str]:
        """Classes of which an epoch has every row once; each worker then has its own ones."""
        rows = self._plan.rows_of_classes(self._sizes)
        return frozenset(name for name in self._shares if rows[name] == self._sizes[name])
