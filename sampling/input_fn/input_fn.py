"""`InputFn`: files and a schema -> a callable that gives Estimators and Keras their Dataset.

What users call. It has a reader (files -> rounds of rows), a sampler (which rows make up an epoch),
and the stream that follows from both. Each call begins a walk along that stream.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats.registry import Blocks
from sampling.formats.writing import Layout
from sampling.input_fn import cluster, datasets, description, elements, forks
from sampling.input_fn.description import Description
from sampling.input_fn.options import Reading, takes_reading
from sampling.input_fn.stream import tally
from sampling.input_fn.stream.chunks import ChunkStream
from sampling.input_fn.stream.iteration import Iterations, Pause, Position
from sampling.input_fn.stream.read_ahead import ROUNDS_AHEAD
from sampling.input_fn.stream.reader import ClassFiles, CountingReader, Reader
from sampling.input_fn.stream.tally import Tally
from sampling.input_fn.writing import as_written, export
from sampling.input_fn.writing.as_written import WrittenEpoch, WrittenRows
from sampling.order.shares import Shard
from sampling.probabilities.calibration import Prior
from sampling.rows import batches, columns
from sampling.rows.columns import Columns
from sampling.samplers.all_rows import AllRows
from sampling.samplers.sampler import Sampler
from sampling.schema import Schema


class InputFn:
    """Rows of the files as a sampler wants them; by default all, at their natural ratio.

        input_fn = InputFn("data/test/*.csv", schema)
        estimator.evaluate(input_fn)
        model.evaluate(input_fn.dataset(["age", "income"]))

    Files without a label column do for prediction. The rows come in the files' order, unless they
    are shuffled: then block by block in spread order, permuted within rounds of `pool_rows`, anew
    in every epoch, each row once.

    Args:
        files: a glob, a path or a folder, or a list of them; local, or what `tf.io.gfile` lists.
            Or a DataFrame or pyarrow table, or a list of them; leave these as they are. Or a dict
            of these by class, for a sampler that tells classes of files apart. Otherwise the class
            is called "files".
        schema: the columns.
        sampler: which rows make up an epoch, see `Sampler`; None: all of them, once.
        shuffle: whether to shuffle the rows.
        batch_size: rows. The last batch of an epoch is shorter where the rows do not divide.
        num_epochs: of one Dataset; None: endless.
        header: whether the first line of each file names its columns (in any order).
        seed: the same seed, files and arguments give the same rows in the same order.
        pool_rows: about how many rows of a class are held in memory and permuted at a time.
        block_rows: about how many neighbouring rows are read at a time. The fewer, the better is
            the sample of a class that does not fit pool_rows, and the more reads it takes. None: by
            what a read costs, 114 on local disks and in memory, 887 in buckets.
        delimiter: between fields, one character.
        null_values: spellings of a missing value; a blank is one always.
        newlines_in_values: whether quoted fields may hold newlines (costs a pass over the files).
        transform: a function of a pyarrow table that returns one with as many rows: what `.map`
            would do, for a round at a time. Rows must not depend on their neighbours.
        file_format: "csv", "parquet", "arrow" or "tfrecord", the first and the last also packed
            ("csv.gz", "tfrecord.bz2", "csv.xz", "csv.zst"); None: by the files' names and first
            bytes. null_values are of all formats, header, delimiter, newlines_in_values, decimal,
            escape and encoding of text alone.
        decimal: what stands before the fraction of a number, "." or ",".
        escape: what makes the next character a plain one, such as a backslash; "": nothing.
        encoding: of the text: UTF-8, or one of a byte for each character, such as "latin-1".

    Raises:
        SamplingError: an argument is out of range, no file matches, a header does not fit the
            schema, or there is no row.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> InputFn:
        """Remembers what it is made of, for pickle and copy."""
        made = super().__new__(cls)
        made._arguments = args, kwargs
        return made

    @takes_reading()
    def __init__(
        self,
        files: files.Globs | Mapping[str, files.Globs],
        schema: Schema,
        *,
        sampler: Sampler | None = None,
        shuffle: bool = False,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        reading: Reading,
    ):
        sampler = AllRows() if sampler is None else sampler
        if not isinstance(sampler, Sampler):
            raise SamplingError(f"sampler is {sampler!r}, expected a sampling.Sampler; pass one")
        opened = ClassFiles(schema, reading)
        by_class = files if isinstance(files, Mapping) else {"files": files}
        if not by_class:
            raise SamplingError("files is {}, expected a dict of class: glob; name the classes")
        for name, globs in by_class.items():
            opened.add(name, globs, sampler.labels.get(name))
        self._set_up(opened, sampler, shuffle, batch_size, num_epochs)

    def _set_up(
        self,
        opened: ClassFiles,
        sampler: Sampler,
        shuffle: bool,
        batch_size: int,
        num_epochs: int | None,
        said_sizes: Mapping[str, int | None] | None = None,
    ) -> None:
        """What every constructor ends with."""
        self.schema, self.sampler, self.shuffle = opened.schema, sampler, bool(shuffle)
        self.seed, self.pool_rows = opened.reading.seed, opened.reading.pool_rows
        self.batch_size = checks.whole_number("batch_size", batch_size, 1)
        self.num_epochs = num_epochs
        if num_epochs is not None:
            self.num_epochs = checks.whole_number("num_epochs", num_epochs, 1)
        self._opened, self._said_sizes = opened, said_sizes
        self._stream = self._stream_of(Reader(opened, sampler))
        self._restored: Mapping[str, Any] | None = None
        self._prior: Prior | None = None
        self._start = self._stream.beginning
        self._tally = Tally()
        self._latest = self._walk(self._start, self._reader.features, self._tally)

    def __call__(
        self,
        mode: str | None = None,
        params: Any = None,
        config: Any = None,
        input_context: Any = None,
    ) -> tf.data.Dataset:
        """What an Estimator asks for: a fresh Dataset of (features, labels), from the start.

        Of several workers each gets its share of the rows to train on, see `rows_per_worker`.

        Args:
            mode: "train", "eval" or "infer" (tf.estimator.ModeKeys), or None.
            params: Estimators pass it; not used.
            config: the Estimator's RunConfig, which knows the workers and which of them this is.
            input_context: the tf.distribute.InputContext, which goes before it.

        Returns:
            Batches of (features, labels). Features are by name, each [batch] or, of lists, [batch,
            length]: int64, float32 or string, see `Field`; with "weight", float32 [batch], and each
            forwarded one a second time as "name_". Labels are [batch], of the label's type. From
            files without labels: features alone.

        Raises:
            SamplingError: mode asks for labels and there are none; TF_CONFIG is wrong, or names
                workers and neither config nor input_context is there; there are fewer rows than
                workers; or a state was restored that is another worker's.
        """
        self.check_mode(mode)
        self._enter(cluster.shard(mode, config, input_context))
        names, forwarded = self._reader.features, self._reader.encoding.forwarded
        element = elements.for_estimators(names, forwarded, self._reader.label)
        return self._dataset(names, element, None)

    def check_mode(self, mode: str | None) -> None:
        """Refuses what a call with that mode would refuse; no Dataset is made for it.

        Raises:
            SamplingError: mode is "train" or "eval" and there are no labels, or it is "train" and
                the sampler is not for training.
        """
        if mode == "train" and self.sampler.not_for_training:
            raise SamplingError(f"mode is 'train' and {self.sampler.not_for_training}")
        if mode in ("train", "eval") and self._reader.label is None:
            raise SamplingError(
                f"mode is {mode!r} and the files have no label ({self.schema.label!r}); "
                "add the column and name it in the schema, or only predict"
            )

    def dataset(
        self,
        features: Collection[str] | None = None,
        input_context: Any = None,
        *,
        stacked: bool = False,
    ) -> tf.data.Dataset:
        """What Keras asks for: a fresh Dataset of (features, labels, weights), from the start.

        Iterated again (as `fit` does for every epoch) it goes on with the next epochs. Its length
        is known, for which rows are counted, once.

        Args:
            features: the names of those the model takes; None: all. Of other columns only label,
                row weights and keys are parsed: what is not parsed is not checked.
            input_context: the tf.distribute.InputContext, where there are several workers; what
                strategy.distribute_datasets_from_function passes.
            stacked: whether features are one matrix, for a model with a single input.

        Returns:
            Batches of (features by name, labels, weights): features and labels as in `__call__`,
            weights float32 [batch]. Stacked features are float32 [batch, features], in the order of
            the names. From files without labels: features alone.

        Raises:
            SamplingError: a name is not a feature's, a feature can't be stacked, or the
                workers are not as they should be, see `__call__`.
        """
        names = self._selected(features, stacked)
        self._enter(cluster.shard(None, None, input_context))
        element = elements.for_keras(names, self._reader.label, stacked)
        return self._dataset(names, element, self._batches_per_iteration(), stacked)

    def batches(
        self,
        features: Collection[str] | None = None,
        input_context: Any = None,
        *,
        stacked: bool = False,
    ) -> Iterator[Any]:
        """What `dataset` has, in numpy, for one iteration: to look at, or for another library.

            features, labels, weights = next(input_fn.batches(["age", "city"]))

        From the second round of a class on, the next one is read on a thread meanwhile, and
        held beside it.

        Args:
            features, input_context, stacked: see `dataset`.

        Returns:
            (features by name, labels, weights) of each batch: arrays of int64, float32 or, for
            strings, object (bytes). From files without labels: features alone.

        Raises:
            SamplingError: see `dataset`; while iterating: a row can't be read.
        """
        names = self._selected(features, stacked)
        self._enter(cluster.shard(None, None, input_context))
        element = elements.for_keras(names, self._reader.label, stacked)
        stacks = self._begin(names, stacked)()
        return (
            element(dict(zip(stack, batch, strict=True)))
            for stack in map(columns.in_numpy, stacks)
            for batch in zip(*stack.values(), strict=True)
        )

    @property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch; counted at memory speed, once, where it is not known."""
        return sum(self._stream.rows_of_classes().values())

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch, the last and shorter one included."""
        return math.ceil(self.rows_per_epoch / self.batch_size)

    @property
    def epochs_done(self) -> int:
        """Epochs that had ended at the place it was restored to; 0 if it was not."""
        return self._start.epoch

    @property
    def steps_left(self) -> int:
        """Batches of the first iteration: fewer than of the others where it was restored midway.

        Raises:
            SamplingError: num_epochs is None, and there is no end.
        """
        if self.num_epochs is None:
            raise SamplingError(
                "num_epochs is None, expected a number for there to be an end; set it"
            )
        rows, done = self._stream.rows(self._start.shard), self._start.epoch % self.num_epochs
        rest = (self._start.epoch + 1) * rows - (self._start.rows + self._start.skip)
        later = self.num_epochs - done - 1
        return math.ceil(rest / self.batch_size) + later * math.ceil(rows / self.batch_size)

    def rows_per_worker(self, number: int) -> list[int]:
        """Rows of an epoch of each of so many workers, for which rows are counted, once.

            input_fn.rows_per_worker(3)  # [333, 334, 334]

        No row is two workers', and together they have every row that one process has. Where they
        train in step, all have as many as the largest. The others' last rows are then copies of
        weight 0, but not of rows without label, which are for prediction.

        Raises:
            SamplingError: a class of files has fewer rows than there are workers.
        """
        return [self._stream.own_rows(Shard(index, number)) for index in range(number)]

    def global_steps_per_epoch(self, config: Any = None, input_context: Any = None) -> int:
        """By how much an Estimator's global step grows in an epoch of all workers.

        In step, all workers' batches of one size together are a step; with parameter servers, every
        batch of every worker is one.

        Args:
            config, input_context: see `__call__`.
        """
        shard = cluster.workers(config, input_context)
        if self._stream.is_padded(shard):
            return math.ceil(self._stream.rows(shard) / self.batch_size / shard.replicas)
        rows = self.rows_per_worker(shard.number) if shard.number > 1 else [self.rows_per_epoch]
        return sum(math.ceil(each / self.batch_size) for each in rows)

    def describe(self) -> Description:
        """What is read and what comes of it: a dict that prints in lines. Rows are counted for it.

        `print(input_fn.describe())` shows how many files, bytes, rows and batches there are, and
        what the sampling makes of them.
        """
        return description.describe(self._stream, self.pool_rows, self.batch_size, self.num_epochs)

    def prior(self) -> Prior:
        """The share of each class (in the order of labels), in the files and in the stream.

        Where each class of files is a class of the label, it is that of the plan, and rows are
        counted for it. Otherwise the files are read for it, once, and so is an epoch if it differs.

        Raises:
            SamplingError: there is no label, only one class, or no telling.
        """
        if self._prior is None:
            self._prior = description.prior(self._stream, self._first_epoch)
        return self._prior

    def usage(self) -> dict[str, Any]:
        """What the latest call has read and handed out so far, as plain values.

        It is ahead of the training by what is read ahead. Rows in the files are counted for it:
        they are read, unless they were counted before or a manifest tells.

        Returns:
            By class of files: rows_in_files, bytes_in_files, rows_read, bytes_read (of whole
            blocks), rows_used, coverage (the share of the rows that were used at least once). Of
            all: rows, and effective_rows, so many of equal weight scatter as those do. Where each
            class of files is a class: classes (by the value of the label) and shares of them.
        """
        found = tally.describe(self._tally, self._reader)
        known = self.sampler.labels
        labels: list[Any] = [known[name] for name in self._reader.blocks if name in known]
        if len(labels) == len(found["rows_used"]) > 1 and len(self.prior().files) == len(labels):
            used = dict(zip(labels, found["rows_used"].values(), strict=True))
            names = dict(enumerate(self.schema.classes))
            found["classes"] = [f"{self.schema.label} = {names.get(n, n)}" for n in sorted(used)]
            found["shares"] = tally.shares(self.prior(), [used[label] for label in sorted(used)])
        return found

    def state(self, rows: int) -> dict[str, Any]:
        """The position after so many rows of the stream, as a dict that JSON takes, under 1 KB.

            state = input_fn.state(rows=steps * input_fn.batch_size)
            input_fn.restore(state)  # in another process, say: the next Dataset goes on there

        The stream is what the latest call gives, iterated again and again; with `restore` it goes
        on counting. So a training that was restored and has seen `rows` rows in all, before and
        after, asks for `state(rows)`.

        Raises:
            SamplingError: rows is negative, or before the place this input function was restored
                to.
        """
        return self._to_state(self._latest.find(checks.whole_number("rows", rows, 0)))

    def state_by_batches(self) -> Callable[[int], dict[str, Any]]:
        """A function: batches of the latest call that were trained on -> `state` after them.

        They are counted over all iterations. Later calls make no difference to it, so it can be
        asked while the same input function is evaluated.
        """
        run = self._latest
        _ = self._opened.fingerprint  # now, while the files are those that were listed
        return lambda number: self._to_state(run.find(run.rows_after(number, self.batch_size)))

    def restore(self, state: Mapping[str, Any]) -> None:
        """From now on calls start at that position; the rows that follow are the same.

        The first iteration then has what is left of its `num_epochs` epochs. Of several workers
        each saves its own state, which no other takes.

        Raises:
            SamplingError: it is no state, or one of other files, arguments or another class.
        """
        names, follows = list(self._reader.blocks), self._stream.cursors_after
        self._start = Position.from_state(state, self._stream.fingerprint(), names, follows)
        self._restored = dict(state)
        self._latest = self._walk(self._start, self._reader.features, self._tally)

    def write_epoch(
        self,
        folder: str | os.PathLike[str],
        *,
        shards: int = 8,
        format: str = "csv",
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Writes the first epoch to files: its rows in its order, with their weights as "weight".

        Read again by `InputFn("sample/*.csv", Schema.from_manifest("sample"))`, which gives the
        same batches. Fields are written as they are: CSV to CSV the text, to Parquet the values
        with all their digits, labels as they are spelled. What is missing is blank, or null. What
        a transform makes, or rows that no file has, is written as batches have it, with the digits
        that float32 needs; what a transform leaves missing stays so.

        Args:
            folder: to be made, local or of a bucket; it appears whole or not at all.
            shards: files. One after the other, by name, they have the rows in order.
            format: "csv" or "parquet".
            overwrite: whether to replace a folder that was written like this.

        Returns:
            What the folder's manifest says: rows and bytes of each file, classes, schema.

        Raises:
            SamplingError: an argument is out of range, the folder is not empty or can't be written,
                a feature has lists, or a row can't be read.
        """
        shards = checks.whole_number("shards", shards, 1)
        layout = Layout(format, self._opened.reading.delimiter).check()
        return export.write_epoch(self.as_written(layout), os.fspath(folder), shards, overwrite)

    def as_written(self, layout: Layout) -> WrittenEpoch:
        """The first epoch, as `write_epoch` writes it.

        Raises:
            SamplingError: a feature has lists.
        """
        text = self._opened.reading.text
        options = as_written.options_of(text, layout, self._opened.read_once)
        rows = functools.partial(
            WrittenRows,
            blocks=self._opened.blocks,
            layout=layout,
            decimal=options.decimal,
            null_values=text.null_values,
        )
        stream = self._stream_of(Reader(self._opened, self.sampler, rows))
        return WrittenEpoch(stream, layout, options)

    def places(self, rows_of_blocks: Mapping[str, np.ndarray]) -> Iterator[tuple[Position, int]]:
        """Where the chunks of the first epoch begin, and their rows; nothing is read for it.

        Args:
            rows_of_blocks: int64 [blocks] of each class.
        """
        stream = self._stream_of(CountingReader(self._opened, self.sampler, rows_of_blocks))
        for position, chunk in stream.walk(stream.beginning, (), Tally(), 0):
            if chunk is None:
                return
            yield position, columns.length(chunk)

    def blocks_of_classes(self) -> Mapping[str, Blocks]:
        """The files by class, cut into blocks; for who reads blocks by himself."""
        return self._reader.blocks

    def fingerprint(self) -> dict[str, Any]:
        """What decides on the rows and their order; a state and a manifest hold it."""
        return self._stream.fingerprint()

    def __repr__(self) -> str:
        names = ", ".join(
            f"{name}: {len(b.files)} files" for name, b in self._reader.blocks.items()
        )
        return (
            f"<{type(self).__name__} of {names}; sampler {type(self.sampler).__name__}, "
            f"batches of {self.batch_size:,}, {self.num_epochs or 'endless'} epochs>"
        )

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), *self._arguments, self._restored)

    @property
    def _reader(self) -> Reader:
        return self._stream.reader

    def _stream_of(self, reader: Reader) -> ChunkStream:
        return ChunkStream(
            reader,
            self.sampler,
            self.shuffle,
            self.seed,
            self.pool_rows,
            self.batch_size,
            self._said_sizes,
        )

    def _columns(self, features: Sequence[str]) -> tuple[str, ...]:
        label = self._reader.label
        return tuple(features) if label is None else (*features, label)

    def _first_epoch(self, names: Sequence[str]) -> Iterator[Columns]:
        """Some columns of the first epoch, and the weights."""
        stream = self._stream
        for _, chunk in stream.walk(stream.beginning, names, Tally(), ROUNDS_AHEAD):
            if chunk is None:
                return
            yield chunk

    def _enter(self, shard: Shard) -> None:
        """What follows is for that worker."""
        if self._restored is not None and shard != self._start.shard:
            raise SamplingError(
                f"the state that was restored is of {self._start.shard}, and this is {shard}; "
                "restore the state that was saved here"
            )
        self._start = dataclasses.replace(self._start, shard=shard)

    def _batches_per_iteration(self) -> int | None:
        if self.num_epochs is None:
            return tf.data.INFINITE_CARDINALITY
        if self._start.rows or self._start.skip:
            return None  # the first iteration may be shorter, by `steps_left`
        return self.steps_left

    def _dataset(
        self,
        names: Sequence[str],
        element: datasets.Structure,
        num_batches: int | None,
        stacked: bool = False,
    ) -> tf.data.Dataset:
        forks.warn()
        dtypes = elements.dtypes(self._reader.dtypes, names, self._reader.label, stacked)
        make, pause = self._begin(names, stacked, rounds_ahead=0), Pause()
        self._latest.pause_in(pause)
        return datasets.from_batches(make, dtypes, element, num_batches, pause)

    def _begin(
        self, names: Sequence[str], stacked: bool, rounds_ahead: int = ROUNDS_AHEAD
    ) -> Callable[[], Iterator[Columns]]:
        """A new walk along the stream, in batches."""
        self._tally = Tally()
        run = self._latest = self._walk(self._start, names, self._tally, rounds_ahead)
        size = self.batch_size
        if not stacked:
            return lambda: batches.batched(run.iterate(), size)
        return lambda: (
            batches.stacked(stack, names) for stack in batches.batched(run.iterate(), size)
        )

    def _walk(
        self, start: Position, names: Sequence[str], tally: Tally, rounds_ahead: int = ROUNDS_AHEAD
    ) -> Iterations:
        stream, wanted = self._stream, self._columns(names)
        return Iterations(
            start, self.num_epochs, lambda begin: stream.walk(begin, wanted, tally, rounds_ahead)
        )

    def _to_state(self, position: Position) -> dict[str, Any]:
        follows = self._stream.cursors_after(position.epoch, position.rows, position.shard)
        return position.to_state(self._stream.fingerprint(), follows)

    def _selected(self, features: Collection[str] | None, stacked: bool) -> tuple[str, ...]:
        known = {name: self._reader.dtypes[name] for name in self._reader.features}
        return elements.checked_names(features, known, stacked)


# `help()` would show what __new__ takes, which is anything.
InputFn.__new__.__signature__ = inspect.signature(InputFn.__init__)


def _rebuilt(
    cls: type[InputFn], args: Any, kwargs: Mapping[str, Any], state: Mapping[str, Any] | None
) -> InputFn:
    """An input function out of what it was made of; see `InputFn.__reduce__`."""
    made = cls(*args, **kwargs)
    if state is not None:
        made.restore(state)
    return made
