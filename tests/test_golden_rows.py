"""Changes inside leave rows, weights and their order as they were: see `golden_rows`."""

from __future__ import annotations

import json

import pytest

from tests import golden_rows

EXPECTED = json.loads(golden_rows.PATH.read_text())


@pytest.fixture(scope="module")
def large_set(tmp_path_factory):
    return golden_rows.LargeSet(tmp_path_factory.mktemp("large"))


@pytest.mark.parametrize("name", golden_rows.MAKERS)
def test_every_input_function_gives_the_rows_it_gave(classes, name):
    assert golden_rows.small(name, classes) == EXPECTED["small"].get(name)


@pytest.mark.once
@pytest.mark.parametrize("name", golden_rows.LARGE)
def test_epochs_of_several_chunks_have_the_rows_they_had(large_set, name):
    assert golden_rows.large(name, large_set) == EXPECTED["large"].get(name)


def test_no_checksum_is_left_of_what_is_no_longer_made():
    assert EXPECTED["small"].keys() == golden_rows.MAKERS.keys()
    assert EXPECTED["large"].keys() == golden_rows.LARGE.keys()
