"""`InputFnStratified`: any number of classes, each with the share of an epoch asked for."""

from __future__ import annotations

from collections.abc import Mapping

from sampling import files
from sampling.errors import SamplingError
from sampling.input_fn.input_fn import InputFn
from sampling.input_fn.options import Reading, takes_reading
from sampling.input_fn.stream.reader import ClassFiles
from sampling.order import epoch_rows
from sampling.samplers.stratified import Label, Stratified, checked_label, name_of
from sampling.schema import Schema


class InputFnStratified(InputFn):
    """Rows of any number of classes in the shares that are asked for, weighted or not.

        input_fn = InputFnStratified(
            {0: "train/water/*.csv", 1: "train/snow/*.csv", 2: "train/land/*.csv"}, schema,
            shares={0: 0.5, 1: 0.25, 2: 0.25}, weight="auto", num_epochs=5)
        estimator.train(input_fn)
        model.fit(input_fn.dataset(), epochs=3)

    The number of rows of each class in an epoch is exact. A class that is not taken as a whole goes
    on where the last epoch stopped, and one that is taken more than once starts over. Each of its
    rows is seen once before any is seen again. Rows are counted for it, once, at memory speed. A
    state takes some 350 bytes, and where a class has more than `pool_rows` rows, 11 for each class.

    Args:
        classes: a dict of label: glob (or path, folder, or list of them). Class files may lack the
            label column: the key is their label then. Or a glob of files in which the classes are
            mixed: the label column says which (as it is in the files, before any transform), and
            all of it is read once, for an index, before the first row; see `mixed.py`.
        schema: the columns, and which is the label: whole numbers, numbers or text.
        shares: a dict of label: share, adding up to 1, with 0 to leave a class out; "natural": as
            in the files; None: all alike.
        epoch: how long one is. "minority": every row of the class that is scarcest for its share,
            once. "majority": every row of the one that is most plentiful, once, the others as often
            as it takes. "natural": as many rows as the files have. A number: so many rows.
        rows: in place of shares and epoch: rows of each class in an epoch, a dict of label: number,
            with 0 to leave a class out, or a number for all.
        oversample: whether a class may come more than once in an epoch whose rows were given as a
            number. False: each row once, with a warning. The other kinds of epoch need no leave.
        weight: of a row (times its own, if the schema has a weight column): a dict of label:
            number, a number, "auto": rows in the files / rows in an epoch, so that every class has
            the weight that it has in the files, or "balanced": so that all classes have the same.
        normalize_weights: scale the weights of an epoch to mean 1 (apart from the rows' own).
        exact_batches: whether every batch has the exact shares, but for an epoch's last rows.
        shuffle: whether an epoch's rows are mixed at random. False: the classes evenly interleaved;
            a class that comes as a whole is in file order, others are as random a sample as ever.
        batch_size, num_epochs, header, seed, pool_rows, delimiter, null_values, newlines_in_values,
        transform, file_format: see `InputFn`.

    Raises:
        SamplingError: an argument is out of range, no file matches, a class is unknown or has no
            row, shares do not add up to 1, or a header does not fit the schema.
    """

    @takes_reading()
    def __init__(
        self,
        classes: Mapping[Label, files.Globs] | files.Globs,
        schema: Schema,
        *,
        shares: Mapping[Label, float] | str | None = None,
        epoch: str | int = epoch_rows.MINORITY,
        rows: Mapping[Label, int] | int | None = None,
        oversample: bool = False,
        weight: Mapping[Label, float] | str | float = 1.0,
        normalize_weights: bool = False,
        exact_batches: bool = False,
        shuffle: bool = True,
        batch_size: int = 128,
        num_epochs: int | None = 1,
        reading: Reading,
    ):
        opened = ClassFiles(schema, reading)
        if isinstance(classes, Mapping):
            if not classes:
                raise SamplingError(
                    "classes is {}, expected a dict of label: glob; name the classes"
                )
            self.labels = tuple(checked_label(label, schema) for label in classes)
            for label, globs in zip(self.labels, classes.values(), strict=True):
                opened.add(name_of(label), globs, label)
            opened.check_apart()
        else:
            self.labels = opened.add_mixed(classes, name_of)
        sampler = Stratified(
            self.labels,
            shares,
            epoch,
            rows,
            oversample,
            weight,
            normalize_weights,
            batch_size if exact_batches else None,
        )
        self._set_up(opened, sampler, shuffle, batch_size, num_epochs)
