"""`Reader`: classes of files and a schema -> rounds of each class's rows.

It knows nothing of epochs, batches and TensorFlow.
"""

from __future__ import annotations

import functools
import os
import warnings
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import files
from sampling.errors import SamplingError, sentence_of
from sampling.formats import registry
from sampling.formats.base import CountedBlocks
from sampling.formats.mixed import MixedBlocks
from sampling.formats.registry import Blocks
from sampling.input_fn.options import Reading
from sampling.order.block_size import BlockSize
from sampling.order.rounds import groups
from sampling.rows import columns
from sampling.rows.columns import Round
from sampling.rows.encoding import Encoding, TableRows
from sampling.rows.transform import Transform
from sampling.samplers.plan import ByRate, Plan
from sampling.samplers.sampler import Sampler
from sampling.schema import WEIGHT_FEATURE, Schema

RATE = "\0rate"  # a column that no file has
_LEAST_RATE = 1e-30  # the inverse of a smaller rate is no float32


class ClassFiles:
    """The classes of files of an input function, opened.

    Args:
        schema: the columns.
        reading: how files are read.

    Attributes:
        blocks: by name of the class.
        mixed: the files in which classes are mixed, if they are.
    """

    def __init__(self, schema: Schema | None, reading: Reading):
        if not isinstance(schema, Schema):
            raise SamplingError(f"schema is {schema!r}, expected a sampling.Schema; pass one")
        self.schema, self.reading = schema, reading
        self.blocks: dict[str, Any] = {}
        self.mixed: MixedBlocks | None = None

    def add(self, name: str, globs: Any, label: Any = None) -> Blocks:
        """Opens a class of files.

        Args:
            name: what it is called in errors.
            globs: its files, or tables.
            label: of its rows, where the files have no label column.
        """
        self.blocks[name] = blocks = self.open(name, globs, label)
        return blocks

    def add_mixed(self, globs: Any, name_of: Any) -> tuple[Any, ...]:
        """Opens files in which classes are mixed; returns their labels, in order.

        Args:
            name_of: label -> the name of its class.
        """
        label = self.schema.label
        if label is None:
            raise SamplingError(
                "the schema names no label, expected one to tell classes; make it with label="
            )
        self.mixed = MixedBlocks(self.open("classes", globs), label, self.reading.pool_rows)
        for index, each in enumerate(self.mixed.labels):
            name = name_of(each)
            self.blocks[name] = self.mixed.of_class(index, name)
        return self.mixed.labels

    def open(self, name: str, globs: Any, label: Any = None) -> Blocks:
        """Files that belong to no class."""
        size = BlockSize(self.reading.pool_rows, self.reading.block_rows)
        rest = self.reading.text, size, label, self.reading.file_format
        return registry.open_blocks(globs, name, self.schema, *rest)

    def check_apart(self) -> None:
        """Raises SamplingError for a file that two classes share."""
        owners: dict[str, str] = {}
        for name, blocks in self.blocks.items():
            for path in (file.file.path for file in blocks.files):
                if owners.setdefault(path, name) != name:
                    raise SamplingError(
                        f"{path} is matched by both {owners[path]} and {name}, expected different "
                        "files; fix a glob, or pass the same one for both if the classes are mixed "
                        "and the label column tells them apart"
                    )

    @property
    def read_once(self) -> Collection[Any]:
        """What is read, each file once."""
        return [self.mixed.blocks] if self.mixed else list(self.blocks.values())

    @functools.cached_property
    def fingerprint(self) -> dict[str, str]:
        """Of the files' names and sizes, and of their contents in part, see `File.checksum`.

        In a bucket, where every piece is a request, contents are those of a few files.

        Raises:
            SamplingError: a file is not what was listed.
        """
        files_of = {name: [each.file for each in b.files] for name, b in self.blocks.items()}
        listed = [
            (name, os.path.basename(file.path), file.size)
            for name, of_class in files_of.items()
            for file in of_class
        ]
        by_path = {file.path: file for of_class in files_of.values() for file in of_class}
        checked = files.checked(list(by_path.values()))
        checksums = list(files.ahead(_checksum, checked, all(map(files.is_local, by_path))))
        return {
            "files": f"{len(listed)} with checksum {zlib.crc32(repr(listed).encode())}",
            "contents": f"checksum {zlib.crc32(repr(checksums).encode())}",
        }

    def block_fingerprint(self) -> str:
        """Of where the files are cut: at other places on a disk than in a bucket."""
        numbers = [blocks.num_blocks for blocks in self.blocks.values()]
        rows = self.reading.block_rows
        said = "" if rows is None else f" of {rows} rows"
        return f"{sum(numbers)}{said} with checksum {zlib.crc32(repr(numbers).encode())}"


def _checksum(file: files.File) -> str:
    file.check_unchanged()
    return file.checksum()


class Reader:
    """Rounds of each class's rows, as a sampler wants them.

    Args:
        opened: the files.
        sampler: what is sampled.
        rows: how rows are held, unless the sampler says so.

    Attributes:
        blocks: by class.
        dtypes: of features and label.
    """

    def __init__(
        self,
        opened: ClassFiles,
        sampler: Sampler,
        rows: Callable[[Schema, Transform, Collection[str]], Encoding] = TableRows,
    ):
        self.schema, self.blocks, self.opened = opened.schema, opened.blocks, opened
        self._sampler = sampler
        self._transform = Transform(opened.reading.transform, self.schema)
        self.encoding: Encoding = sampler.encoding(self.blocks) or rows(
            self.schema, self._transform, sampler.not_features
        )
        for blocks in opened.read_once:
            if isinstance(blocks, CountedBlocks):
                blocks.coded = self.encoding.takes_codes
        self.dtypes = self.encoding.dtypes(next(iter(self.blocks.values())))
        self._mislabeled: set[str] = set()

    @property
    def label(self) -> str | None:
        """The label's name, if there are labels."""
        return self.schema.label if self.schema.label in self.dtypes else None

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(name for name in self.dtypes if name != self.schema.label)

    def rows_of_blocks(self, name: str) -> np.ndarray:
        """int64 [blocks]: how many rows each block has when it is loaded."""
        return self.encoding.rows_of_blocks(self.blocks[name])

    def count(self, name: str) -> int:
        """Rows of a class that take part."""
        return self.encoding.count(self.blocks[name])

    def columns(self, names: Sequence[str], plan: Plan) -> tuple[str, ...] | None:
        """Of the files, those that must be read for some features; None: all."""
        looks_at_any = plan.by_rate is not None and self._sampler.rate_columns is None
        if looks_at_any or (plan.made_up is not None and isinstance(self.encoding, TableRows)):
            return None
        found = self.encoding.columns((*names, *(self._sampler.rate_columns or ())))
        return found or self.schema.names[:1] if found is not None else None

    def read(self, name: str, ids: np.ndarray, columns: Collection[str] | None = None) -> pa.Table:
        """The rows of some blocks, sorted; some columns of them, or all.

        Raises:
            SamplingError: they can't be read. TensorFlow leaves a mere text of an error.
        """
        try:
            return self.blocks[name].read(ids, columns)
        except OSError as error:
            raise SamplingError(sentence_of(error)) from error

    def load(
        self, name: str, ids: np.ndarray, table: pa.Table, by_rate: ByRate | None
    ) -> tuple[Round, int]:
        """What was read of some blocks, as it is held while a round lasts, and its rows."""
        blocks, schema = self.blocks[name], self.schema
        table = self._transform(table)
        round_ = self.encoding.encode(table, blocks, ids)
        rows = table.num_rows
        if (weights := columns.pop_weight(round_, schema)) is not None:
            self._check_weights(weights, name, ids)
            round_[WEIGHT_FEATURE] = weights
        if by_rate is not None:
            round_[RATE] = rates = self._checked_rates(table, name, ids)
            if by_rate.inverse_weights:
                inverse = np.divide(1.0, rates, out=np.zeros(rows), where=rates > 0)
                own = round_.get(WEIGHT_FEATURE, 1.0)
                round_[WEIGHT_FEATURE] = (inverse * own).astype(np.float32)
        self._look_at_labels(name, round_, ids)
        if (kept := self.encoding.kept(round_)) is not None:
            return Round((key, column.take(kept)) for key, column in round_.items()), len(kept)
        return round_, rows

    def rates(self, name: str, ids: np.ndarray) -> np.ndarray:
        """float64 [rows]: how often each row of some blocks comes, checked."""
        looked_at = self._sampler.rate_columns
        columns = None if looked_at is None else self.encoding.columns(looked_at)
        return self._checked_rates(self._transform(self.read(name, ids, columns)), name, ids)

    def masses(self, pool_rows: int) -> dict[Any, float]:
        """The rows' own weights by label, over all files; every row is read for it."""
        assert self.label is not None
        found: dict[Any, float] = {}
        wanted = self.encoding.columns([self.label])
        for name in self.blocks:
            sizes = self.rows_of_blocks(name)
            for ids in groups(np.arange(len(sizes)), sizes, pool_rows):
                round_, rows = self.load(name, ids, self.read(name, ids, wanted), None)
                weights = round_.get(WEIGHT_FEATURE, np.ones(rows, np.float32))
                columns.add_masses(found, round_[self.label], weights)
        return found

    def fingerprint(self) -> dict[str, Any]:
        """What decides on the rows and their order: the same, or no restoring."""
        return {
            "schema": self.schema.fingerprint(),
            **self.opened.fingerprint,
            "blocks": self.opened.block_fingerprint(),
        }

    def _check_weights(self, weights: np.ndarray, name: str, ids: np.ndarray) -> None:
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(wrong):
            raise SamplingError(
                f"{self.blocks[name].locate(ids, wrong[0])}, column {self.schema.weight!r}: "
                f"found the weight {weights[wrong[0]]}, expected a finite number, not negative; "
                "fix it"
            )

    def _look_at_labels(self, name: str, round_: Round, ids: np.ndarray) -> None:
        """Warns, once a class, of labels that belong to another one; the rows stay as they are."""
        label = self.schema.label or ""
        if label not in round_ or name in self._mislabeled or self.opened.mixed:
            return
        labels = columns.as_numpy(round_[label])
        is_other = self._sampler.is_of_other_class(name, labels)
        if is_other is None or not is_other.any():
            return
        self._mislabeled.add(name)
        row = int(np.argmax(is_other))
        [found] = labels[row : row + 1].tolist()
        warnings.warn(
            f"{self.blocks[name].locate(ids, row)}, column {label!r}: found the label {found!r} "
            f"in a file of {name}, in {np.count_nonzero(is_other):,} of the first "
            f"{len(is_other):,} rows read; they are trained on as they are, fix the file or the "
            "glob",
            stacklevel=2,
        )

    def _checked_rates(self, table: pa.Table, name: str, ids: np.ndarray) -> np.ndarray:
        rates = np.asarray(self._sampler.rates(table))  # of pyarrow's arrays too
        if rates.shape != (table.num_rows,) or rates.dtype.kind not in "iufb":
            raise SamplingError(
                f"rate returned an array of shape {list(rates.shape)} and type {rates.dtype} for "
                f"a table of {table.num_rows} rows, expected a number for each row; fix it"
            )
        rates = rates.astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(rates) & ((rates == 0) | (rates >= _LEAST_RATE))))
        if len(wrong):
            column = "".join(f", column {each!r}" for each in self._sampler.not_features)
            raise SamplingError(
                f"{self.blocks[name].locate(ids, wrong[0])}{column}: found the rate "
                f"{rates[wrong[0]]:g}, expected a finite number, not negative, nor between 0 and "
                f"{_LEAST_RATE:g}; fix it"
            )
        return rates


class CountingReader(Reader):
    """Says where rows would come from and reads none: rows are known by their number alone.

    Args:
        rows_of_blocks: by class, int64 [blocks].
    """

    def __init__(
        self, opened: ClassFiles, sampler: Sampler, rows_of_blocks: Mapping[str, np.ndarray]
    ):
        super().__init__(opened, sampler)
        self._known = rows_of_blocks

    def rows_of_blocks(self, name: str) -> np.ndarray:
        return self._known[name]

    def count(self, name: str) -> int:
        return int(self._known[name].sum())

    def read(self, name: str, ids: np.ndarray, columns: Collection[str] | None = None) -> pa.Table:
        return pa.table({})

    def load(
        self, name: str, ids: np.ndarray, table: pa.Table, by_rate: ByRate | None
    ) -> tuple[Round, int]:
        return Round(), int(self._known[name][ids].sum())
