"""`InputFn`: files and a schema -> a callable that gives Estimators and Keras their Dataset.

The one engine of the project. Every sampling technique is a subclass that says which classes of
files there are and which rows of each make up an epoch.
"""

from __future__ import annotations

import dataclasses
import math
import os
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf

from sampling import checks, cluster, columns, datasets, export, files, padding, stream, usage
from sampling.calibration import Prior
from sampling.columns import Columns, Round
from sampling.formats import opening
from sampling.formats.counted import CountedBlocks
from sampling.formats.csv_parser import CsvOptions
from sampling.position import Chunks, Position, Run
from sampling.schema import FORWARDED_SUFFIX, WEIGHT_FEATURE, Schema
from sampling.shards import Shard, Share
from sampling.stream import Cursor, Slice, Stream
from sampling.transform import Function, Transform
from sampling.usage import Tally
from sampling.writing import Layout

CHUNK_ROWS = 32_768  # rows that are mixed with each other and handed on at a time

Streams = Mapping[str, "Stream[Round]"]


class Part(NamedTuple):
    """A class's rows of a chunk: slices of rounds, and the factor for the rows' own weights."""

    slices: list[Slice[Round]]
    weight: float = 1.0


class Description(dict[str, Any]):
    """What an input function reads and makes of it; `print` it, or take its values."""

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{key:<{width}}  {_shown(value)}" for key, value in self.items())


class InputFn:
    """All rows of the files, at their natural ratio: what evaluates, predicts and trains on all.

        input_fn = InputFn("data/test/*.csv", schema)
        estimator.evaluate(input_fn)
        model.evaluate(input_fn.dataset(["age", "income"]))

    Files without a label column do for prediction. The rows come in the files' order, unless they
    are shuffled: then block by block in spread order, permuted within rounds of `pool_rows`, anew
    in every epoch, each row once.

    Args:
        files: a glob, a path or a folder, or a list of them; local, or what `tf.io.gfile` lists.
            Or a DataFrame or pyarrow table, or a list of them; leave these as they are.
        schema: the columns.
        shuffle: whether to shuffle the rows.
        batch_size: rows. The last batch of an epoch is shorter where the rows do not divide.
        num_epochs: of one Dataset; None: endless.
        header: whether the first line of each file names its columns (in any order).
        seed: the same seed, files and arguments give the same rows in the same order.
        pool_rows: about how many rows of a class are held in memory and permuted at a time.
        delimiter: between fields, one character.
        null_values: spellings of an empty field.
        newlines_in_values: whether quoted fields may hold newlines (costs a pass over the files).
        transform: a function of a pyarrow table that returns one with as many rows: what `.map`
            would do, for a round at a time. Rows must not depend on their neighbours.
        file_format: "csv", "csv.gz", "parquet", "tfrecord" or "tfrecord.gz"; None: by the files'
            names. header, delimiter, null_values and newlines_in_values are of text alone.

    Raises:
        ValueError: an argument is out of range, no file matches, a header does not fit the schema,
            or there is no row.
    """

    _takes_codes = True  # of strings, in tables
    _class_labels: Mapping[str, Any] = {}  # what the label is in class files that have none

    def __init__(
        self,
        files: files.Globs,
        schema: Schema,
        *,
        shuffle: bool = False,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        header: bool = True,
        seed: int = 0,
        pool_rows: int = 131_072,
        delimiter: str = ",",
        null_values: Sequence[str] = ("",),
        newlines_in_values: bool = False,
        transform: Function | None = None,
        file_format: str | None = None,
    ):
        if not isinstance(schema, Schema):
            raise ValueError(f"schema is {schema!r}, expected a sampling.Schema; pass one")
        self.schema = schema
        self.shuffle = bool(shuffle)
        self.batch_size = checks.whole_number("batch_size", batch_size, 1)
        self.num_epochs = num_epochs
        if num_epochs is not None:
            self.num_epochs = checks.whole_number("num_epochs", num_epochs, 1)
        self.seed = checks.whole_number("seed", seed, 0)
        self.pool_rows = checks.whole_number("pool_rows", pool_rows, 1)
        self._transform = Transform(transform, schema)
        self._file_format = opening.checked_format(file_format)
        self._options = CsvOptions(header, delimiter, null_values, newlines_in_values)
        self._blocks = self._open_all(files)
        self._dtypes = self._output_dtypes()
        self._shares: dict[tuple[str, int, int], Share] = {}
        self._beginning = Position(0, 0, {role: Cursor() for role in self._blocks})
        self._start, self._is_restored = self._beginning, False
        self._run = self._new_run(self._feature_names)
        self._prior: Prior | None = None

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
            Batches of (features, labels). Features are by name, each [batch]: int64, float32 or
            string; with "weight", float32, and each forwarded one a second time as "name_". Labels
            are [batch]. From files without labels: features alone.

        Raises:
            ValueError: mode asks for labels and there are none; TF_CONFIG is wrong, or names
                workers and neither config nor input_context is there; there are fewer rows than
                workers; or a state was restored that is another worker's.
        """
        if mode in ("train", "eval") and not self._has_labels:
            raise ValueError(
                f"mode is {mode!r} and the files have no label ({self.schema.label!r}); "
                "add the column and name it in the schema, or only predict"
            )
        self._enter(cluster.shard(mode, config, input_context))
        return self._dataset(self._feature_names, self._estimator_element)

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
            features: the names of those the model takes; None: all.
            input_context: the tf.distribute.InputContext, where there are several workers; what
                strategy.distribute_datasets_from_function passes.
            stacked: whether features are one matrix, for a model with a single input.

        Returns:
            Batches of (features by name, labels, weights), each [batch]. Stacked features are
            float32 [batch, features], in the order of the names. From files without labels:
            features alone.

        Raises:
            ValueError: a name is not a feature's, a feature can't be stacked, or the
                workers are not as they should be, see `__call__`.
        """
        names = self._selected(features, stacked)
        self._enter(cluster.shard(None, None, input_context))
        element = self._keras_element(names, stacked)
        return self._dataset(names, element, self._batches_per_iteration(), stacked)

    def batches(
        self,
        features: Collection[str] | None = None,
        input_context: Any = None,
        *,
        stacked: bool = False,
    ) -> Iterator[Any]:
        """What `dataset` has, in numpy (strings as bytes objects), for one iteration.

        Raises:
            ValueError: see `dataset`; while iterating: a row can't be read.
        """
        names = self._selected(features, stacked)
        self._enter(cluster.shard(None, None, input_context))
        element = self._keras_element(names, stacked)
        stacks = self._new_batches(names, stacked)()
        return (
            element({name: column[index] for name, column in stack.items()})
            for stack in map(columns.in_numpy, stacks)
            for index in range(len(stack[WEIGHT_FEATURE]))
        )

    @property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch; counted at memory speed, once, where it is not known."""
        return sum(blocks.count() for blocks in self._blocks.values())

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
            ValueError: num_epochs is None, and there is no end.
        """
        if self.num_epochs is None:
            raise ValueError("num_epochs is None, expected a number for there to be an end; set it")
        rows, done = self._own_rows_per_epoch(), self._start.epoch % self.num_epochs
        rest = (self._start.epoch + 1) * rows - (self._start.rows + self._start.skip)
        later = self.num_epochs - done - 1
        return math.ceil(rest / self.batch_size) + later * math.ceil(rows / self.batch_size)

    def rows_per_worker(self, number: int) -> list[int]:
        """Rows of an epoch of each of so many workers, for which rows are counted, once.

        No row is two workers', and together they have every row that one process has. Where they
        train in step, all have as many as the largest: the others' last rows are copies of weight 0
        (but not of rows without label, which are for prediction).

        Raises:
            ValueError: a class of files has fewer rows than there are workers.
        """
        return [self._rows_of(Shard(index, number)) for index in range(number)]

    def global_steps_per_epoch(self, config: Any = None, input_context: Any = None) -> int:
        """By how much an Estimator's global step grows in an epoch of all workers.

        In step, all workers' batches of one size together are a step; with parameter servers, every
        batch of every worker is one.

        Args:
            config, input_context: see `__call__`.
        """
        shard = cluster.workers(config, input_context)
        if self._is_padded(shard):
            return math.ceil(self._padded_rows(shard) / self.batch_size / shard.replicas)
        rows = self.rows_per_worker(shard.number) if shard.number > 1 else [self.rows_per_epoch]
        return sum(math.ceil(each / self.batch_size) for each in rows)

    def describe(self) -> Description:
        """What is read and what comes of it. Rows are counted for it."""
        costs = [self._sequence_cost(role) for role in self._blocks if self._is_shuffled(role)]
        said = "; ".join(cost for cost in costs if cost)
        return Description(
            **({"read_in_sequence": said} if said else {}),
            files=sum(len(blocks.files) for blocks in self._opened),
            bytes=sum(blocks.total_bytes for blocks in self._opened),
            rows_per_epoch=self.rows_per_epoch,
            batch_size=self.batch_size,
            steps_per_epoch=self.steps_per_epoch,
        )

    def prior(self) -> Prior:
        """The share of each class (in the order of labels), in the files and in the stream.

        Here they are the same, with the rows' own weights; all rows are read for it, once. Classes
        that sample or weight by label know better.

        Raises:
            ValueError: the files have no label, or fewer than two.
        """
        if self._prior is None:
            labels = self._first_epoch((self._label,)) if self._has_labels else iter(())
            masses = label_masses(labels, self._label)
            if len(masses) < 2:
                raise ValueError(
                    f"found {len(masses)} different values of the label {self.schema.label!r} in "
                    "the files, expected two or more classes; mend the glob, or the schema's label"
                )
            shares = tuple(masses[label] for label in sorted(masses))
            self._prior = Prior(shares, shares)
        return self._prior

    def usage(self) -> dict[str, Any]:
        """What the latest call has read and handed out so far, as plain values.

        It is ahead of the training by what is read ahead. Rows in the files are counted for it.

        Returns:
            By class of files: rows_in_files, bytes_in_files, rows_read, bytes_read (of whole
            blocks), rows_used, coverage (the share of the rows that were used at least once). Of
            all: rows, and effective_rows, so many of equal weight scatter as those do. Where each
            class of files is a class: classes (by the value of the label) and shares of them.
        """
        names = {role: self._name(role) for role in self._blocks}
        found = usage.describe(self._tally, self._blocks, names)
        labels = [self._class_labels[role] for role in self._blocks if role in self._class_labels]
        if len(labels) == len(names) > 1 and len(self.prior().files) == len(labels):
            used = dict(zip(labels, found["rows_used"].values(), strict=True))
            found["classes"] = [f"{self._label} = {label}" for label in sorted(used)]
            found["shares"] = usage.shares(self.prior(), [used[label] for label in sorted(used)])
        return found

    def write_epoch(
        self,
        folder: str | os.PathLike[str],
        *,
        shards: int = 8,
        format: str = "csv",
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Writes the first epoch to files: its rows in its order, with their weights as "weight".

        Read again by `InputFn("sample/*.csv", sampling.manifest.schema("sample"))`.

        Args:
            folder: to be made, local or of a bucket; it appears whole or not at all.
            shards: files. One after the other, by name, they have the rows in order.
            format: "csv" or "parquet".
            overwrite: whether to replace a folder that was written like this.

        Returns:
            What `manifest.json` in the folder says: rows and bytes of each file, classes, schema.

        Raises:
            ValueError: an argument is out of range, the folder is not empty or can't be written,
                a feature has lists, or a row can't be read.
        """
        names, schema = self.written_columns()
        return export.write_epoch(
            self._first_epoch(names),
            self._counted_rows_per_epoch(),
            schema,
            os.fspath(folder),
            shards=checks.whole_number("shards", shards, 1),
            layout=Layout(format, self._options.delimiter).check(),
            overwrite=overwrite,
            made_with=self._made_with(),
        )

    def written_columns(self) -> tuple[tuple[str, ...], Schema]:
        """What `write_epoch` writes: names, but for the weight, and a schema with it.

        Raises:
            ValueError: a feature has lists.
        """
        labels = (self._label,) if self._has_labels else ()
        names = (*self._feature_names, *labels)
        return names, export.output_schema(
            self.schema, {name: self._dtypes[name] for name in names}
        )

    def _sequence_cost(self, role: str) -> str | None:
        """What it costs the sample that some files can be read in sequence only."""
        blocks = self._blocks[role]
        rounds = stream.rounds_of(blocks, self.pool_rows)
        pieces = blocks.num_blocks // rounds
        places = blocks.order.places(pieces)
        if rounds == 1 or places == pieces:
            return None
        return (
            f"{self._name(role)}: a round of {pieces:,} pieces comes from {places:,} "
            f"place{'s' * (places > 1)} of the files instead of {pieces:,}"
        )

    def state(self, rows: int) -> dict[str, Any]:
        """The position after so many rows of the stream, as a dict that JSON takes, under 1 KB.

        The stream is what the latest call gives, iterated again and again; with `restore` it goes
        on counting. So a training that was restored and has seen `rows` rows in all, before and
        after, asks for `state(rows)`.

        Raises:
            ValueError: rows is negative, or before the place this input function was restored to.
        """
        return self._run.find(checks.whole_number("rows", rows, 0)).to_state(self._made_with())

    def state_by_batches(self) -> Callable[[int], dict[str, Any]]:
        """A function: batches of the latest call that were trained on -> `state` after them.

        They are counted over all iterations. Later calls make no difference to it, so it can be
        asked while the same input function is evaluated.
        """
        run, made_with = self._run, self._made_with()
        return lambda batches: run.find(run.rows_after(batches, self.batch_size)).to_state(
            made_with
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """From now on calls start at that position; the rows that follow are the same.

        The first iteration then has what is left of its `num_epochs` epochs. Of several workers
        each saves its own state, which no other takes.

        Raises:
            ValueError: it is no state, or one of other files, arguments or another class.
        """
        self._start, self._is_restored = Position.from_state(state, self._made_with()), True
        self._run = self._new_run(self._feature_names)

    def _epoch(self, streams: Streams) -> Iterator[list[Part]]:
        """The chunks of one epoch: the one thing that a sampling technique decides."""
        for stream_ in streams.values():
            while slices := stream_.take(CHUNK_ROWS, within_pass=True):
                yield [Part(slices)]

    def _rows_of(self, shard: Shard) -> int:
        """Rows of one worker's epoch; what `_epoch` yields, for subclasses to say."""
        return sum(self._share(role, shard).count for role in self._blocks)

    def _is_shuffled(self, role: str) -> bool:
        return self.shuffle

    def _to_round(self, role: str, table: pa.Table, blocks: np.ndarray) -> Round:
        """The columns that are held in memory while a round lasts."""
        return columns.from_table(table)

    def _copies(
        self, share: Share, round_: Round, blocks: np.ndarray, pass_: int
    ) -> np.ndarray | None:
        """int64 [rows]: how often each row of a round comes in a pass; None: once."""
        return None

    def _check_round(self, role: str, round_: Round, blocks: np.ndarray) -> None:
        """For subclasses: a look at what was read."""

    def _made_with(self) -> dict[str, Any]:
        """What decides on the rows and their order; the same or no restoring."""
        listed = [
            (role, os.path.basename(file.file.path), file.file.size)
            for role, blocks in self._blocks.items()
            for file in blocks.files
        ]
        return {
            "class": type(self).__name__,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "pool_rows": self.pool_rows,
            "schema": zlib.crc32(repr(self.schema).encode()),
            "files": f"{len(listed)} with checksum {zlib.crc32(repr(listed).encode())}",
        }

    def _open_all(self, files: Any) -> dict[str, opening.Blocks]:
        """The classes of files by role. Subclasses have them in a dict of globs by role."""
        by_role = files if isinstance(files, Mapping) else {"files": files}
        return {role: self._open(role, globs) for role, globs in by_role.items()}

    @property
    def _opened(self) -> Collection[Any]:
        """What is read, each file once."""
        return self._blocks.values()

    def _name(self, role: str) -> str:
        """What a class of files is called in errors."""
        return role

    def _open(self, role: str, globs: files.Globs) -> opening.Blocks:
        blocks = opening.open_blocks(
            globs,
            self._name(role),
            self.schema,
            self._options,
            stream.block_rows(self.pool_rows),
            self._class_labels.get(role),
            self._file_format,
        )
        if isinstance(blocks, CountedBlocks):
            blocks.coded = self._takes_codes and not self._transform
        return blocks

    @property
    def _label(self) -> str:
        return self.schema.label or ""

    @property
    def _has_labels(self) -> bool:
        return self._label in self._dtypes

    @property
    def _feature_names(self) -> tuple[str, ...]:
        return tuple(name for name in self._dtypes if name != self._label)

    @property
    def _forwarded(self) -> tuple[str, ...]:
        return self.schema.features_to_forward

    def _selected(self, features: Collection[str] | None, stacked: bool = False) -> tuple[str, ...]:
        names = self._feature_names if features is None else tuple(features)
        if isinstance(features, str):
            names = (features,)
        unknown = [name for name in names if name not in self._feature_names]
        if unknown or not names:
            raise ValueError(
                f"features is {features!r}, expected names among "
                f"{', '.join(self._feature_names)}; mend them"
            )
        unfit = [
            name
            for name in names
            if self._dtypes[name].hasobject or 0 in self._dtypes[name].shape  # 0: of any length
        ]
        if stacked and unfit:
            raise ValueError(
                f"stacked is True with {', '.join(unfit)}, expected numbers or lists of numbers of "
                "one length, not strings; name such features, or leave stacked out"
            )
        return names

    def _estimator_element(self, batch: Mapping[str, Any]) -> Any:
        features = {name: batch[name] for name in (*self._feature_names, WEIGHT_FEATURE)}
        for name in self._forwarded:
            features[name + FORWARDED_SUFFIX] = batch[name]
        return (features, batch[self._label]) if self._has_labels else features

    def _keras_element(self, names: Sequence[str], stacked: bool) -> datasets.Structure:
        def element(batch: Mapping[str, Any]) -> Any:
            features = batch[columns.STACKED] if stacked else {name: batch[name] for name in names}
            if not self._has_labels:
                return features
            return features, batch[self._label], batch[WEIGHT_FEATURE]

        return element

    def _dataset(
        self,
        names: Sequence[str],
        element: datasets.Structure,
        num_batches: int | None = None,
        stacked: bool = False,
    ) -> tf.data.Dataset:
        dtypes = {name: self._dtypes[name] for name in names}
        if stacked:
            width = sum(math.prod(dtype.shape) for dtype in dtypes.values())
            dtypes = {columns.STACKED: np.dtype((np.float32, (width,)))}
        if self._has_labels:
            dtypes[self._label] = self._dtypes[self._label]
        dtypes[WEIGHT_FEATURE] = np.dtype(np.float32)
        batches = self._new_batches(names, stacked)
        return datasets.from_batches(batches, dtypes, element, num_batches)

    def _enter(self, shard: Shard) -> None:
        """What follows is for that worker."""
        if self._is_restored and shard != self._start.shard:
            raise ValueError(
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

    def _own_rows_per_epoch(self) -> int:
        """Of the worker that the next call is for."""
        shard = self._start.shard
        if self._is_padded(shard):
            return self._padded_rows(shard)
        return self._rows_of(shard) if shard.number > 1 else self._counted_rows_per_epoch()

    def _is_padded(self, shard: Shard) -> bool:
        return shard.padded and self._has_labels

    def _padded_rows(self, shard: Shard) -> int:
        rows = max(self.rows_per_worker(shard.number))
        return shard.padded_rows(rows, self.batch_size)

    def _counted_rows_per_epoch(self) -> int:
        return self.rows_per_epoch

    def _new_batches(
        self, names: Sequence[str], stacked: bool = False
    ) -> Callable[[], Iterator[Columns]]:
        run = self._run = self._new_run(names)
        if not stacked:
            return lambda: columns.batched(run.iterate(), self.batch_size)
        return lambda: (
            columns.stacked(batches, names)
            for batches in columns.batched(run.iterate(), self.batch_size)
        )

    def _new_run(self, names: Sequence[str]) -> Run:
        labels = (self._label,) if self._has_labels else ()
        shard = self._start.shard

        tally = self._tally = Tally()

        def chunks(begin: Position) -> Chunks:
            unpadded = self._chunks(begin, (*names, *labels), tally)
            if not self._is_padded(shard):
                return unpadded
            return padding.padded(unpadded, self._padded_rows(shard))

        return Run(self._start, self.num_epochs, chunks)

    def _chunks(self, begin: Position, names: Sequence[str], tally: Tally | None = None) -> Chunks:
        """The endless chunks from a position on."""
        tally = tally or Tally()
        streams = {
            role: self._stream(role, begin.cursors[role], begin.shard, tally)
            for role in self._blocks
        }
        position = dataclasses.replace(begin, skip=0)
        while True:
            for parts in self._epoch(streams):
                chunk = self._mixed(parts, position, names)
                after = _after(position, columns.length(chunk), streams)
                tally.hand_out(position, after, chunk[WEIGHT_FEATURE])
                yield position, chunk
                position = after
            for stream_ in streams.values():
                stream_.begin_epoch()
            position = dataclasses.replace(_after(position, 0, streams), epoch=position.epoch + 1)
            yield position, None

    def _first_epoch(self, names: Sequence[str]) -> Iterator[Columns]:
        """Some columns of the first epoch, and the weights."""
        for _, chunk in self._chunks(self._beginning, names):
            if chunk is None:
                return
            yield chunk

    def _mixed(self, parts: list[Part], position: Position, names: Sequence[str]) -> Columns:
        """The rows of several classes as one chunk: in a seeded order, or evenly interleaved."""
        slices = [(slice_, part.weight) for part in parts for slice_ in part.slices]
        if len(parts) == 1:
            return columns.gather(slices, None, names)
        sizes = [sum(len(slice_.rows) for slice_ in part.slices) for part in parts]
        return columns.gather(slices, self._order(sizes, position), names)

    def _order(self, sizes: Sequence[int], position: Position) -> np.ndarray:
        """int64 [rows]: where in the classes, one after the other, each row of a chunk is from."""
        if self.shuffle:
            taken = sum(cursor.taken for cursor in position.cursors.values())
            worker = position.shard.key
            mix = stream.generator(stream.MIX, self.seed, position.epoch, taken, *worker)
            return mix.permutation(sum(sizes))
        places = [(np.arange(size) + 0.5) / size for size in sizes]
        return np.argsort(np.concatenate(places), kind="stable")

    def _stream(self, role: str, cursor: Cursor, shard: Shard, tally: Tally) -> Stream[Round]:
        def load(blocks: np.ndarray) -> tuple[Round, int]:
            round_, rows = self._load(role, blocks)
            tally.read(role, len(blocks), rows)
            return round_, rows

        share = self._share(role, shard)
        return Stream(
            self._blocks[role],
            load,
            self._key(role),
            self._is_shuffled(role),
            self.pool_rows,
            share,
            cursor,
            lambda *of_round: self._copies(share, *of_round),
        )

    def _share(self, role: str, shard: Shard) -> Share:
        """Which rows of a class are a worker's."""
        known = role, shard.index, shard.number
        if known not in self._shares:
            blocks = self._blocks[role]
            self._shares[known] = Share(
                blocks.order,
                stream.rounds_of(blocks, self.pool_rows),
                lambda: self._rows_of_blocks(role),
                self._key(role),
                self._is_shuffled(role),
                shard,
                role,
            )
        return self._shares[known]

    def _rows_of_blocks(self, role: str) -> np.ndarray:
        """int64 [blocks]: how many rows each block has when it is loaded."""
        return self._blocks[role].rows_of_blocks()

    def _key(self, role: str) -> tuple[int, int]:
        """What the order of a class's rows depends on."""
        return self.seed, list(self._blocks).index(role)

    def _load(self, role: str, blocks: np.ndarray) -> tuple[Round, int]:
        table = self._transform(self._blocks[role].read(blocks))
        round_ = self._to_round(role, table, blocks)
        weights = columns.pop_weight(round_, self.schema)
        if weights is not None:
            self._check_weights(weights, role, blocks)
            round_[WEIGHT_FEATURE] = weights
        self._check_round(role, round_, blocks)
        return round_, table.num_rows

    def _check_weights(self, weights: np.ndarray, role: str, blocks: np.ndarray) -> None:
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(wrong):
            raise ValueError(
                f"{self._blocks[role].locate(blocks, wrong[0])}, column {self.schema.weight!r}: "
                f"found the weight {weights[wrong[0]]}, expected a finite number, not negative; "
                "mend it"
            )

    def _output_dtypes(self) -> dict[str, np.dtype]:
        """Of features and label. With a transform they are seen on the first block."""
        blocks = next(iter(self._blocks.values()))
        if self._transform:
            after = self._transform(blocks.read(np.array([0])))
            return self._without_weight(columns.dtypes(after))
        fields = [field for field in self.schema if field.name != self.schema.label]
        if blocks.has_labels and self.schema.label_field is not None:
            fields.append(self.schema.label_field)
        return self._without_weight({field.name: field.numpy_dtype for field in fields})

    def _without_weight(self, dtypes: dict[str, np.dtype]) -> dict[str, np.dtype]:
        return {name: dtype for name, dtype in dtypes.items() if name != self.schema.weight}


def _after(position: Position, rows: int, streams: Streams) -> Position:
    cursors = {role: stream_.cursor for role, stream_ in streams.items()}
    return Position(position.epoch, position.rows + rows, cursors, shard=position.shard)


def label_masses(chunks: Iterator[Columns], label: str) -> dict[Any, float]:
    """The sum of the weights of each label."""
    masses: dict[Any, float] = {}
    for chunk in chunks:
        labels = columns.as_numpy(chunk[label])
        classes, numbers = np.unique(labels, return_inverse=True)
        sums = np.bincount(numbers, chunk[WEIGHT_FEATURE].astype(np.float64), len(classes))
        for class_, mass in zip(classes.tolist(), sums.tolist(), strict=True):
            masses[class_] = masses.get(class_, 0.0) + mass
    return masses


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
