"""The next round is read while this one is handed out: it changes no row, and costs little."""

import functools
import time

import numpy as np
import pytest

from sampling import InputFn, InputFnDownsampleWithWeight, Schema
from sampling.rows.encoding import CHUNK_ROWS

SCHEMA = Schema.from_dict({"id": int, "label": int}, label="label")
ROWS = 2000
ROUND = 200


def write(path, ids):
    path.parent.mkdir(exist_ok=True)
    path.write_text("id\n" + "".join(f"{id_}\n" for id_ in ids))


@pytest.fixture
def classes(tmp_path):
    """100 positives, and 2,000 negatives that are read in ten rounds."""
    write(tmp_path / "positive/a.csv", range(ROWS, ROWS + 100))
    for file in range(5):
        write(tmp_path / f"negative/{file}.csv", range(file * 400, (file + 1) * 400))
    return {role: tmp_path / role.removesuffix("_dir") for role in ("positive_dir", "negative_dir")}


class Watched(InputFnDownsampleWithWeight):
    """Notes what is read; takes its time to read, or to hand out."""

    reading = handing_out = 0.0

    def __init__(self, **options):
        super().__init__(**options)
        for name, blocks in self.blocks_of_classes().items():
            blocks.read = functools.partial(self._watch, name, blocks.read)

    def _watch(self, name, read, ids, columns):
        self.reads.append((name, len(ids)))
        time.sleep(self.reading)
        return read(ids, columns)

    def rows(self):
        """All ids, and how many blocks of the negatives were read at a time."""
        self.reads, ids = [], []
        for features, _, _ in self.batches():
            ids.append(features["id"])
            time.sleep(self.handing_out)
        read = [number for role, number in self.reads if role == "negative_dir"]
        return np.concatenate(ids).tolist(), read


def watched(classes, **options):
    return Watched(
        **classes, schema=SCHEMA, is_train=True, pool_rows=ROUND, batch_size=50, **options
    )


def test_the_same_rows_whoever_is_the_faster(classes):
    expected, _ = watched(classes, multiplier=20, num_epochs=2).rows()
    negatives = sorted(id_ for id_ in expected[: len(expected) // 2] if id_ < ROWS)
    assert negatives == list(range(ROWS))
    for reading, handing_out in ((0.02, 0), (0, 0.005)):
        slow = watched(classes, multiplier=20, num_epochs=2)
        slow.reading, slow.handing_out = reading, handing_out
        assert slow.rows()[0] == expected


@pytest.mark.parametrize(("multiplier", "used"), [(1, 1), (3, 2), (5, 3)])
def test_at_most_one_round_too_many_is_read_and_none_in_the_first(classes, multiplier, used):
    ids, read = watched(classes, multiplier=multiplier).rows()
    assert len(ids) == 100 * (1 + multiplier)
    assert used <= len(read) <= used + (used > 1)


def test_each_round_is_read_once(classes):
    _, read = watched(classes, multiplier=20, num_epochs=1).rows()
    assert len(read) == 10
    blocks = sum(read)
    _, read = watched(classes, multiplier=20, num_epochs=3).rows()
    assert (len(read), sum(read)) == (30, 3 * blocks)


def test_a_row_that_is_bad_is_told_when_its_round_comes(tmp_path):
    """It is in the eleventh round, which begins in the fourth chunk; the third one has the tenth,
    in which it is read ahead."""
    good = "".join(f"{id_},0\n" for id_ in range(110_000))
    (tmp_path / "a.csv").write_text("id,label\n" + good.replace("103000,0", "103000,x"))
    input_fn = InputFn(tmp_path / "a.csv", SCHEMA, shuffle=False, pool_rows=10_000, batch_size=1024)
    ids = []
    with pytest.raises(ValueError, match="a.csv, line 103002, column 'label'"):
        for features, _, _ in input_fn.batches():
            ids.extend(features["id"].tolist())
    assert ids == list(range(3 * CHUNK_ROWS))
