"""The classes of files of an input function: opened, and read a round at a time."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.formats import registry
from sampling.formats.base import CountedBlocks
from sampling.formats.csv.parsing import CsvOptions
from sampling.order import spread
from sampling.rows import columns
from sampling.rows.columns import Round
from sampling.rows.transform import Function, Transform
from sampling.schema import WEIGHT_FEATURE, Schema


@dataclasses.dataclass(frozen=True)
class Reading:
    """How files are read, whatever is sampled from them; see `InputFn`.

    Raises:
        SamplingError: an option is out of range.
    """

    shuffle: bool
    seed: int
    pool_rows: int
    text: CsvOptions
    transform: Function | None
    file_format: str | None

    def __post_init__(self) -> None:
        checks.whole_number("seed", self.seed, 0)
        checks.whole_number("pool_rows", self.pool_rows, 1)
        registry.checked_format(self.file_format)


class ClassFiles:
    """The first layer of an input function: globs and a schema -> rounds of each class's rows.

    Roles name the classes of files.

    Args:
        globs: of all files, or of each class's by role.
        schema: the columns.
        reading: how.
    """

    _takes_codes = True  # of strings, in tables
    _class_labels: Mapping[str, Any] = {}  # what the label is in class files that have none

    def __init__(self, globs: Any, schema: Schema, reading: Reading):
        if not isinstance(schema, Schema):
            raise SamplingError(f"schema is {schema!r}, expected a sampling.Schema; pass one")
        self.schema = schema
        self.shuffle = bool(reading.shuffle)
        self.seed, self.pool_rows = int(reading.seed), int(reading.pool_rows)
        self._reading = reading
        self._transform = Transform(reading.transform, schema)
        self._warned: set[str] = set()
        self._blocks = self._open_all(globs)
        self._dtypes = self._output_dtypes()

    def _open_all(self, globs: Any) -> dict[str, registry.Blocks]:
        by_role = globs if isinstance(globs, Mapping) else {"files": globs}
        return {role: self._open(role, of_class) for role, of_class in by_role.items()}

    @property
    def _opened(self) -> Collection[Any]:
        """What is read, each file once."""
        return self._blocks.values()

    def _name(self, role: str) -> str:
        """What a class of files is called in errors."""
        return role

    def _open(self, role: str, globs: files.Globs) -> registry.Blocks:
        blocks = registry.open_blocks(
            globs,
            self._name(role),
            self.schema,
            self._reading.text,
            spread.block_rows(self.pool_rows),
            self._class_labels.get(role),
            self._reading.file_format,
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
    def _label_read(self) -> str | None:
        """The label's name, if there are labels."""
        return self._label if self._has_labels else None

    @property
    def _labels_read(self) -> tuple[str, ...]:
        return (self._label,) if self._has_labels else ()

    @property
    def _feature_names(self) -> tuple[str, ...]:
        return tuple(name for name in self._dtypes if name != self._label)

    @property
    def _forwarded(self) -> tuple[str, ...]:
        return self.schema.features_to_forward

    def _output_dtypes(self) -> dict[str, np.dtype]:
        """Of features and label. With a transform they are seen on the first block."""
        blocks = next(iter(self._blocks.values()))
        if self._transform:
            after = self._transform(blocks.read(np.array([0])))
            return self._without_weight(columns.dtypes(after))
        fields = [f for f in self.schema.table_fields if f.name != self.schema.label]
        if blocks.has_labels and self.schema.label_field is not None:
            fields.append(self.schema.label_field)
        return self._without_weight({field.name: field.numpy_dtype for field in fields})

    def _without_weight(self, dtypes: dict[str, np.dtype]) -> dict[str, np.dtype]:
        return {name: dtype for name, dtype in dtypes.items() if name != self.schema.weight}

    def _rows_of_blocks(self, role: str) -> np.ndarray:
        """int64 [blocks]: how many rows each block has when it is loaded."""
        return self._blocks[role].rows_of_blocks()

    def _read(self, role: str, blocks: np.ndarray) -> pa.Table:
        return self._blocks[role].read(blocks)

    def _load(self, role: str, blocks: np.ndarray, table: pa.Table) -> tuple[Round, int]:
        """What was read of some blocks, as it is held while the round lasts, and its rows."""
        table = self._transform(table)
        round_ = self._to_round(role, table, blocks)
        weights = columns.pop_weight(round_, self.schema)
        if weights is not None:
            self._check_weights(weights, role, blocks)
            round_[WEIGHT_FEATURE] = weights
        self._check_round(role, round_, blocks)
        return round_, table.num_rows

    def _to_round(self, role: str, table: pa.Table, blocks: np.ndarray) -> Round:
        """The columns that are held in memory while a round lasts."""
        return columns.from_table(table)

    def _check_round(self, role: str, round_: Round, blocks: np.ndarray) -> None:
        """For subclasses: a look at what was read."""

    def _check_weights(self, weights: np.ndarray, role: str, blocks: np.ndarray) -> None:
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(wrong):
            raise SamplingError(
                f"{self._blocks[role].locate(blocks, wrong[0])}, column {self.schema.weight!r}: "
                f"found the weight {weights[wrong[0]]}, expected a finite number, not negative; "
                "fix it"
            )

    def _warn_of_labels(
        self, role: str, blocks: np.ndarray, labels: np.ndarray, is_other: np.ndarray
    ) -> None:
        """Warns, once, of labels that belong to another class; the rows stay as they are."""
        if not is_other.any():
            return
        row = int(np.argmax(is_other))
        [label] = labels[row : row + 1].tolist()
        self._warn_once(
            role,
            f"{self._blocks[role].locate(blocks, row)}, column {self._label!r}: found the label "
            f"{label!r} in a file of {self._name(role)}, in {np.count_nonzero(is_other):,} of the "
            f"first {len(is_other):,} rows read; they are trained on as they are, fix the "
            "file or the glob",
        )

    def _warn_of_shared_files(self, blocks: Mapping[str, Any]) -> None:
        roles: dict[str, str] = {}
        for role, of_class in blocks.items():
            for path in (file.file.path for file in of_class.files):
                if roles.setdefault(path, role) != role:
                    self._warn_once(
                        "shared",
                        f"{path} is matched by both {self._name(roles[path])} and "
                        f"{self._name(role)}, expected different files; fix a glob",
                    )

    def _warn_once(self, key: str, message: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            warnings.warn(message, stacklevel=2)
