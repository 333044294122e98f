"""`InputFnDownsampleWithWeight`: fewer rows of the majority, each worth more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.input_fn.class_sizes import DOUBT, ClassSizes
from sampling.input_fn.description import Description
from sampling.input_fn.engine import CHUNK_ROWS, Part, Streams
from sampling.input_fn.input_fn import InputFn
from sampling.order import apportionment, epochs
from sampling.order.rounds import Share
from sampling.order.shares import Shard, divide
from sampling.probabilities.calibration import Prior
from sampling.rows.columns import Round, Strings
from sampling.rows.transform import Function
from sampling.samplers import downsample_options
from sampling.samplers.downsample_options import DownsampleOptions, Plan
from sampling.schema import Schema

POSITIVE, NEGATIVE, TEST = "positive_dir", "negative_dir", "test_dir"


class InputFnDownsampleWithWeight(InputFn):
    """Every positive and a few negatives for each, the negatives upweighted.

        input_fn = InputFnDownsampleWithWeight(
            "train/positive/*.csv", "train/negative/*.csv", schema=schema,
            is_train=True, num_epochs=5, multiplier=1, weight="auto")
        estimator.train(input_fn)
        model.fit(input_fn.dataset(), epochs=3)

    An epoch of P positives has floor(multiplier x P + 1/2) negatives, spread over all the negative
    files, and reads little more of these than it uses. The next epoch goes on through the negatives
    where the last one stopped: each is seen once before any is seen again. If the weight is the
    factor by which negatives were downsampled, what the model puts out are probabilities of the
    files' own ratio.

    Args:
        positive_dir: a glob, path or folder, or a list of them: the files of the minority.
        negative_dir: the same for the majority.
        test_dir: the same for the files to evaluate, or predict, where is_train is False.
        schema: the columns; class files may lack the label: it is 1 or 0, then.
        is_train: True samples the positive and negative files. False reads the test files once, in
            order, every row at its own weight, whatever shuffle, num_epochs, multiplier and weight.
        shuffle: whether an epoch's rows are mixed at random. False: the positives in file order,
            the negatives (as random a sample as ever) evenly among them.
        batch_size: rows. The last batch of an epoch is shorter where the rows do not divide.
        num_epochs: of one Dataset; None: endless.
        header: whether the first line of each file names its columns (in any order).
        positive_size: rows of the positive files, where that is known; spares counting them.
        multiplier: negatives for each positive, a fraction too; "natural": all of them, at the
            ratio of the files.
        weight: of a negative (times its own, if the schema has a weight column), or "auto": the
            realised downsampling factor, negatives in the files / negatives in an epoch.
        negative_size: rows of the negative files, where that is known.
        normalize_weights: scale the weights of an epoch to mean 1 (apart from the rows' own).
        positive_weight: of a positive, or "balanced": as much as makes both classes weigh the same
            in an epoch. Where positives come more than once and weight is "auto", it is times
            positives in the files / positives in an epoch.
        epoch: how long an epoch is, at the ratio of multiplier. "minority": every positive once.
            "majority": every negative once (or every positive, if there are more than multiplier
            asks for), the others as often as it takes. "natural": as many rows as the files have.
        seed, pool_rows, delimiter, null_values, newlines_in_values, transform, file_format: see
            `InputFn`.

    Raises:
        SamplingError: an argument is missing or out of range, no file matches, a header does not
            fit the schema, or a class has no row.
    """

    _class_labels = {POSITIVE: 1, NEGATIVE: 0}

    def __init__(
        self,
        positive_dir: files.Globs = None,
        negative_dir: files.Globs = None,
        test_dir: files.Globs = None,
        schema: Schema | None = None,
        is_train: bool = False,
        shuffle: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        header: bool = True,
        positive_size: int | None = None,
        multiplier: float | str = 1,
        weight: float | str = 1.0,
        *,
        negative_size: int | None = None,
        seed: int = 0,
        pool_rows: int = 131_072,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        file_format: str | None = None,
        normalize_weights: bool = False,
        transform: Function | None = None,
        positive_weight: float | str = 1.0,
        epoch: str = epochs.MINORITY,
    ):
        self.is_train = bool(is_train)
        self.options = DownsampleOptions(
            multiplier, weight, positive_weight, bool(normalize_weights), epoch
        )
        sizes = {POSITIVE: positive_size, NEGATIVE: negative_size}
        self._sizes = ClassSizes(sizes, self._warn_of_size)
        if num_epochs is not None:  # checked even where is_train = False makes no use of it
            checks.whole_number("num_epochs", num_epochs, 1)
        self._planned: Plan | None = None
        super().__init__(
            self._class_files(positive_dir, negative_dir, test_dir, schema),
            schema,  # type: ignore[arg-type]  # None is refused there
            shuffle=shuffle and is_train,
            batch_size=batch_size,
            num_epochs=num_epochs if is_train else 1,
            header=header,
            seed=seed,
            pool_rows=pool_rows,
            delimiter=delimiter,
            null_values=null_values,
            newlines_in_values=newlines_in_values,
            file_format=file_format,
            transform=transform,
        )
        self._warn_of_shared_files(self._blocks)

    @property
    def positive_size(self) -> int | None:
        """Rows of the positive files, given or counted; None with is_train=False."""
        return self._size(POSITIVE)

    @property
    def negative_size(self) -> int | None:
        """Rows of the negative files, given or counted; None with is_train=False."""
        return self._size(NEGATIVE)

    @property
    def rows_per_epoch(self) -> int:
        """Positives and sampled negatives; positives are counted, unless positive_size is given."""
        if not self.is_train:
            return super().rows_per_epoch
        return self._rows_for(self._known(POSITIVE))

    def describe(self) -> Description:
        """What is read and what comes of it. Rows are counted for it."""
        description = super().describe()
        if not self.is_train:
            return description
        plan, positives, negatives = self._plan(), self._known(POSITIVE), self._known(NEGATIVE)
        taken, sampled = plan.rows_in_an_epoch(positives)
        used, in_all = sampled / negatives, (self.num_epochs or math.inf) * sampled / negatives
        blocks = self._blocks[POSITIVE], self._blocks[NEGATIVE]
        return Description(
            **description,
            positives=positives,
            negatives=negatives,
            positives_per_epoch=taken,
            negatives_per_epoch=sampled,
            ratio_in_files=f"1 : {negatives / positives:,.4g}",
            ratio_in_an_epoch=f"1 : {sampled / taken:,.4g}",
            positive_weight=plan.positive_weight,
            negative_weight=plan.negative_weight,
            weighted_ratio=f"1 : {plan.weighted_ratio(positives):,.4g}",
            coverage_of_negatives_in_an_epoch=min(1.0, used),
            coverage_of_negatives_in_all_epochs=min(1.0, in_all),
            epochs_to_see_every_negative=math.ceil(1 / used),
            bytes_per_epoch=round(
                blocks[0].total_bytes * taken / positives + blocks[1].total_bytes * used
            ),
        )

    def prior(self) -> Prior:
        """See `InputFn`. Of the rows: negatives in the files, negatives in an epoch x weight."""
        if not self.is_train:
            return super().prior()
        plan, positives, negatives = self._plan(), self._known(POSITIVE), self._known(NEGATIVE)
        taken, sampled = plan.rows_in_an_epoch(positives)
        if not sampled:
            raise SamplingError(
                f"there is no negative in an epoch, at multiplier = {plan.multiplier:g} and "
                f"{positives:,} positives, expected some; raise multiplier"
            )
        weighted = sampled * plan.negative_weight, taken * plan.positive_weight
        return Prior((negatives, positives), weighted)

    def _check_mode(self, mode: str | None) -> None:
        if mode == "train" and not self.is_train:
            raise SamplingError(
                "mode is 'train' and is_train is False, which reads test_dir; pass is_train=True"
            )
        super()._check_mode(mode)

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """Slices of positives, each with its share of negatives: exact in total, without P."""
        if not self.is_train:
            yield from super()._epoch(streams)
            return
        plan = self._plan()
        if plan.rows:
            yield from self._epoch_of(plan, streams)
            return
        positive, negative = streams[POSITIVE], streams[NEGATIVE]
        wanted = self._wanted_by(plan, positive.share, negative.share)
        at_a_time = max(1, round(CHUNK_ROWS / (1 + plan.ratio)))
        while positives := positive.take(at_a_time, within_pass=True):
            negatives = negative.take(wanted(positive.taken) - negative.taken)
            yield [Part(positives, plan.positive_weight), Part(negatives, plan.negative_weight)]
        for role, stream in streams.items():
            if stream.rows_of_a_pass is not None:
                self._sizes.found(role, stream.rows_of_a_pass)

    def _epoch_of(self, plan: Plan, streams: Streams) -> Iterator[list[Part]]:
        """Slices of both in proportion, so many in all."""
        rows = self._own_rows(plan, [stream.share for stream in streams.values()])
        weights = plan.positive_weight, plan.negative_weight
        while (taken := sum(stream.taken for stream in streams.values())) < sum(rows):
            until = apportionment.apportion(np.array([min(sum(rows), taken + CHUNK_ROWS)]), rows)[
                0
            ].tolist()
            of_both = zip(streams.values(), until, weights, strict=True)
            yield [Part(stream.take(end - stream.taken), weight) for stream, end, weight in of_both]

    def _own_rows(self, plan: Plan, shares: Sequence[Share]) -> tuple[int, ...]:
        """Of a worker's epoch."""
        assert plan.rows and plan.positives and plan.negatives
        if not shares[0].key:
            return plan.rows
        return divide(plan.rows, (plan.positives, plan.negatives), shares)

    def _rows_of(self, shard: Shard) -> int:
        if not self.is_train:
            return super()._rows_of(shard)
        positive, negative = (self._share(role, shard) for role in (POSITIVE, NEGATIVE))
        if (plan := self._plan()).rows:
            return sum(self._own_rows(plan, [positive, negative]))
        return positive.count + self._wanted_by(self._plan(), positive, negative)(positive.count)

    def _is_shuffled(self, role: str) -> bool:
        return self.shuffle or role == NEGATIVE  # unshuffled, it is a sample all the same

    def _wanted_by(self, plan: Plan, positive: Share, negative: Share) -> Callable[[int], int]:
        """How many negatives go with the first so many positives of a worker's epoch.

        Together the workers take as many as one process would: what is rounded is the number for
        the positives of all workers up to this one. Where all negatives are taken, each worker
        takes its own.
        """
        if plan.takes_all and positive.key:
            own = plan._replace(positives=positive.count, negatives=negative.count)
            return lambda positives: own.wanted(positives)
        before = positive.before
        less = plan.wanted(before)
        return lambda positives: plan.wanted(before + positives) - less

    def _plan(self) -> Plan:
        if self._planned is None:
            self._planned = self._new_plan()
        return self._planned

    def _new_plan(self) -> Plan:
        options = self.options
        if options.needs_all_counts:
            return options.plan_of_both(*self._count_both())
        takes_all = self._may_be_short() and self._is_short()
        positives = self._known(POSITIVE) if takes_all or options.needs_positives else None
        negatives = self._known(NEGATIVE) if takes_all or options.needs_negatives else None
        return options.plan(positives, negatives, takes_all)

    def _count_both(self) -> tuple[int, int]:
        positives, negatives = (
            self._sizes.count(role, self._blocks[role]) for role in (POSITIVE, NEGATIVE)
        )
        return positives, negatives

    def _may_be_short(self) -> bool:
        wanted = self.options.multiplier * self._blocks[POSITIVE].estimated_rows
        return self._blocks[NEGATIVE].estimated_rows < DOUBT * wanted  # else there are enough

    def _is_short(self) -> bool:
        """Whether there are fewer negatives than asked for, by count; warns if so."""
        positives, negatives = self._count_both()
        multiplier = self.options.multiplier
        wanted = downsample_options.wanted(multiplier, positives)
        if negatives < wanted:
            self._warn_once(
                "short",
                f"there are {negatives:,} negatives for {positives:,} positives, fewer than the "
                f"{wanted:,} that multiplier = {multiplier:g} asks for; each is taken once in "
                f"an epoch, at a ratio of {negatives / positives:.4g}",
            )
        return negatives < wanted

    def _rows_for(self, positives: int) -> int:
        return sum(self._plan().rows_in_an_epoch(positives))

    def _counted_rows_per_epoch(self) -> int:
        if not self.is_train:
            return super()._counted_rows_per_epoch()
        return self._rows_for(self._sizes.count(POSITIVE, self._blocks[POSITIVE]))

    def _size(self, role: str) -> int | None:
        return self._known(role) if self.is_train else None

    def _known(self, role: str) -> int:
        return self._sizes.known(role, self._blocks[role])

    def _warn_of_size(self, key: str, message: str) -> None:
        self._planned = None
        self._warn_once(key, message)

    def _check_round(self, role: str, round_: Round, blocks: np.ndarray) -> None:
        labels = round_[self._label] if role in self._class_labels else None
        if labels is not None and not isinstance(labels, Strings):
            is_other = (labels != 0) != bool(self._class_labels[role])
            self._warn_of_labels(role, blocks, labels, is_other)

    def _class_files(
        self,
        positive_dir: files.Globs,
        negative_dir: files.Globs,
        test_dir: files.Globs,
        schema: Schema | None,
    ) -> dict[str, files.Globs]:
        given = {POSITIVE: positive_dir, NEGATIVE: negative_dir}
        if not self.is_train:
            given = {TEST: test_dir}
        for role, globs in given.items():
            if globs is None:
                raise SamplingError(
                    f"{role} is missing, expected a glob, since is_train is {self.is_train}; "
                    "pass it"
                )
        if self.is_train and isinstance(schema, Schema) and schema.label is None:
            raise SamplingError("the schema names no label, expected one to train on; pass label=")
        return given

    def _made_with(self) -> dict[str, Any]:
        multiplier, epoch = self.options.multiplier, self.options.epoch
        asked = {"is_train": self.is_train, "multiplier": multiplier, "epoch": epoch}
        return {**super()._made_with(), **asked}
