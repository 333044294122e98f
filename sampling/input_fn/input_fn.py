"""`InputFn`: files and a schema -> a callable that gives Estimators and Keras their Dataset.

What users call. Below it, layer by layer: `ClassFiles` reads rounds of rows, `Engine` makes the
chunks of epochs out of them, `BatchStream` cuts those into batches from a place that can be saved.
Every sampling technique is a subclass that says which classes of files there are and which rows of
each make up an epoch.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import tensorflow as tf

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats.csv.parsing import CsvOptions
from sampling.formats.writing import Layout
from sampling.input_fn import cluster, datasets, elements, export, usage
from sampling.input_fn.batch_stream import BatchStream
from sampling.input_fn.class_files import Reading
from sampling.input_fn.description import Description
from sampling.input_fn.engine import CHUNK_ROWS, Part, Streams
from sampling.probabilities.calibration import Prior
from sampling.rows import columns
from sampling.rows.transform import Function
from sampling.schema import Schema

__all__ = ["CHUNK_ROWS", "Description", "InputFn", "Part", "Streams"]


class InputFn(BatchStream):
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
        SamplingError: an argument is out of range, no file matches, a header does not fit the
            schema, or there is no row.
    """

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
        text = CsvOptions(header, delimiter, null_values, newlines_in_values)
        reading = Reading(shuffle, seed, pool_rows, text, transform, file_format)
        super().__init__(files, schema, reading, batch_size, num_epochs)
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
            Batches of (features, labels). Features are by name, each [batch] or, of lists, [batch,
            length]: int64, float32 or string, see `Field`; with "weight", float32 [batch], and each
            forwarded one a second time as "name_". Labels are [batch], of the label's type. From
            files without labels: features alone.

        Raises:
            SamplingError: mode asks for labels and there are none; TF_CONFIG is wrong, or names
                workers and neither config nor input_context is there; there are fewer rows than
                workers; or a state was restored that is another worker's.
        """
        self._check_mode(mode)
        self._enter(cluster.shard(mode, config, input_context))
        names = self._feature_names
        element = elements.for_estimators(names, self._forwarded, self._label_read)
        return self._dataset(names, element)

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
            Batches of (features by name, labels, weights): features and labels as in `__call__`,
            weights float32 [batch]. Stacked features are float32 [batch, features], in the order of
            the names. From files without labels: features alone.

        Raises:
            SamplingError: a name is not a feature's, a feature can't be stacked, or the
                workers are not as they should be, see `__call__`.
        """
        names = self._selected(features, stacked)
        self._enter(cluster.shard(None, None, input_context))
        element = elements.for_keras(names, self._label_read, stacked)
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
        element = elements.for_keras(names, self._label_read, stacked)
        stacks = self._new_batches(names, stacked)()
        return (
            element(dict(zip(stack, batch, strict=True)))
            for stack in map(columns.in_numpy, stacks)
            for batch in zip(*stack.values(), strict=True)
        )

    def describe(self) -> Description:
        """What is read and what comes of it: a dict that prints in lines. Rows are counted for it.

        `print(input_fn.describe())` shows how many files, bytes, rows and batches there are, and
        what the sampling makes of them.
        """
        return Description(
            **self._sequence_costs(),
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
            SamplingError: the files have no label, or fewer than two.
        """
        if self._prior is None:
            labels = self._first_epoch((self._label,)) if self._has_labels else iter(())
            masses = usage.label_masses(labels, self._label)
            if len(masses) < 2:
                raise SamplingError(
                    f"found {len(masses)} different values of the label {self.schema.label!r} in "
                    "the files, expected two or more classes; fix the glob, or the schema's label"
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

        Read again by `InputFn("sample/*.csv", Schema.from_manifest("sample"))`.

        Args:
            folder: to be made, local or of a bucket; it appears whole or not at all.
            shards: files. One after the other, by name, they have the rows in order.
            format: "csv" or "parquet".
            overwrite: whether to replace a folder that was written like this.

        Returns:
            What `_manifest.json` in the folder says: rows and bytes of each file, classes, schema.

        Raises:
            SamplingError: an argument is out of range, the folder is not empty or can't be written,
                a feature has lists, or a row can't be read.
        """
        names, schema = self.written_columns()
        return export.write_epoch(
            self._first_epoch(names),
            self._counted_rows_per_epoch(),
            schema,
            os.fspath(folder),
            shards=checks.whole_number("shards", shards, 1),
            layout=Layout(format, self._reading.text.delimiter).check(),
            overwrite=overwrite,
            made_with=self._made_with(),
        )

    def written_columns(self) -> tuple[tuple[str, ...], Schema]:
        """What `write_epoch` writes: names, but for the weight, and a schema with it.

        Raises:
            SamplingError: a feature has lists.
        """
        dtypes = {name: self._dtypes[name] for name in (*self._feature_names, *self._labels_read)}
        return tuple(dtypes), export.output_schema(self.schema, dtypes)

    def _dataset(
        self,
        names: Sequence[str],
        element: datasets.Structure,
        num_batches: int | None = None,
        stacked: bool = False,
    ) -> tf.data.Dataset:
        dtypes = elements.dtypes(self._dtypes, names, self._label_read, stacked)
        batches = self._new_batches(names, stacked, rounds_ahead=0)
        return datasets.from_batches(batches, dtypes, element, num_batches)

    def _selected(self, features: Collection[str] | None, stacked: bool) -> tuple[str, ...]:
        known = {name: self._dtypes[name] for name in self._feature_names}
        return elements.checked_names(features, known, stacked)

    def _check_mode(self, mode: str | None) -> None:
        """Raises SamplingError if these rows are not for that."""
        if mode in ("train", "eval") and not self._has_labels:
            raise SamplingError(
                f"mode is {mode!r} and the files have no label ({self.schema.label!r}); "
                "add the column and name it in the schema, or only predict"
            )
