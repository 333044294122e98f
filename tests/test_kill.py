"""Processes killed by SIGKILL while they train; scripts/stress.sh kills more of them."""

import pytest
import tensorflow as tf

from tests import stress_resume
from tests.conftest import write_classes

NAMES = ["estimator, epochs and rounds", "keras, epochs and rounds"]


@pytest.mark.parametrize("name", NAMES if hasattr(tf, "estimator") else NAMES[1:])
def test_a_killed_training_is_that_of_one_never_killed(tmp_path, name):
    write_classes(tmp_path, 60, 500, 2, 5)
    different, steps, _, kills, _ = stress_resume.compare(name, tmp_path, kills=1)
    assert (different, kills) == (0, 1)
    assert steps == 45


def test_a_log_counts_from_the_checkpoint_on():
    lines = ["resumed 0", "1 7", "2 8", "3 9", "resumed 1", "2 5", "3 6", "4 7"]
    assert stress_resume.batches_of(lines) == {1: "7", 2: "5", 3: "6", 4: "7"}
