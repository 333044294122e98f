"""`InputFnDownsampleWithWeight`: fewer rows of the majority, each worth more."""

from __future__ import annotations

import dataclasses
import os

from sampling import checks, files
from sampling.errors import SamplingError
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.options import Reading, takes_reading
from sampling.input_fn.stream.reader import ClassFiles
from sampling.order import epoch_rows
from sampling.samplers.all_rows import AllRows
from sampling.samplers.downsample import NEGATIVE, POSITIVE, Downsample
from sampling.schema import Schema

_TEST = "test_dir"


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
        negative_dir: the same for the majority. If it is the same glob as positive_dir, the label
            column tells the rows apart; the files are then read once, for an index, at the start.
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

    @takes_reading()
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
        normalize_weights: bool = False,
        positive_weight: float | str = 1.0,
        epoch: str = epoch_rows.MINORITY,
        reading: Reading,
    ):
        # What is not used where is_train is False is checked all the same.
        downsample = Downsample(multiplier, weight, positive_weight, normalize_weights, epoch)
        if num_epochs is not None:
            checks.whole_number("num_epochs", num_epochs, 1)
        for name, size in {"positive_size": positive_size, "negative_size": negative_size}.items():
            if size is not None:
                checks.whole_number(name, size, 1)
        self.is_train = bool(is_train)
        given = {POSITIVE: positive_dir, NEGATIVE: negative_dir}
        if not self.is_train:
            given = {_TEST: test_dir}
        for name, globs in given.items():
            if globs is None:
                raise SamplingError(
                    f"{name} is missing, expected a glob, since is_train is {self.is_train}; "
                    "pass it"
                )
        opened = ClassFiles(schema, dataclasses.replace(reading, header=header))
        if not self.is_train:
            opened.add(_TEST, test_dir)
            sampler = AllRows("is_train is False, which reads test_dir; pass is_train=True")
            self._set_up(opened, sampler, False, batch_size, 1)
            return
        if opened.schema.label is None:
            raise SamplingError(
                "the schema names no label, expected one to train on; make it with label="
            )
        if _same(positive_dir, negative_dir):
            _open_mixed(opened, positive_dir)
        else:
            for name, globs in given.items():
                opened.add(name, globs, downsample.labels[name])
            opened.check_apart()
        sizes = {POSITIVE: positive_size, NEGATIVE: negative_size}
        self._set_up(opened, downsample, shuffle, batch_size, num_epochs, sizes)

    @property
    def positive_size(self) -> int | None:
        """Rows of the positive files, given or counted; None with is_train=False."""
        return self._stream.sizes[POSITIVE] if self.is_train else None

    @property
    def negative_size(self) -> int | None:
        """Rows of the negative files, given or counted; None with is_train=False."""
        return self._stream.sizes[NEGATIVE] if self.is_train else None


def _same(one: files.Globs, other: files.Globs) -> bool:
    """Whether both name the same files, in the same words."""
    if isinstance(one, (str, os.PathLike)) and isinstance(other, (str, os.PathLike)):
        return os.fspath(one) == os.fspath(other)
    is_list = isinstance(one, (list, tuple)) and isinstance(other, (list, tuple))
    if is_list and len(one) == len(other) > 0:
        return all(_same(*pair) for pair in zip(one, other, strict=True))
    return one is other


def _open_mixed(opened: ClassFiles, globs: files.Globs) -> None:
    """Files in which both classes are mixed: the label tells them apart.

    Raises:
        SamplingError: there are other labels than 0 and 1, or only one of them.
    """
    labels = opened.add_mixed(globs, lambda label: POSITIVE if label else NEGATIVE)
    if set(labels) != {0, 1}:
        raise SamplingError(
            f"positive_dir and negative_dir are the same files, column {opened.schema.label!r}: "
            f"found the labels {', '.join(map(repr, labels[:5]))}, expected 0 and 1; name the "
            "classes in the schema, or pass the files of each class"
        )
    opened.blocks = {name: opened.blocks[name] for name in (POSITIVE, NEGATIVE)}
