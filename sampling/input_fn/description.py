"""What an input function says of itself: plain values that print in lines, and priors."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sampling.errors import SamplingError
from sampling.input_fn.stream.chunks import ChunkStream
from sampling.order import rounds
from sampling.probabilities.calibration import Prior
from sampling.rows import columns
from sampling.rows.columns import Columns
from sampling.schema import WEIGHT_FEATURE


class Description(dict[str, Any]):
    """What an input function reads and makes of it; `print` it, or take its values."""

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{key:<{width}}  {_shown(value)}" for key, value in self.items())

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key.replace('_', ' '))}</th>"
            f"<td style='text-align:left'>{html.escape(_shown(value))}</td></tr>"
            for key, value in self.items()
        )
        return f"<table>{rows}</table>"


def describe(
    stream: ChunkStream, pool_rows: int, batch_size: int, num_epochs: int | None
) -> Description:
    """What is read, and what the sampler's plan makes of it; rows are counted for it."""
    reader, rows = stream.reader, stream.rows_of_classes()
    read_once = reader.opened.read_once
    found = Description(
        _sequence_costs(stream, pool_rows),
        files=sum(len(blocks.files) for blocks in read_once),
        columns_left_out=len({name for blocks in read_once for name in blocks.left_out}),
        bytes=sum(blocks.total_bytes for blocks in read_once),
        rows_per_epoch=sum(rows.values()),
        batch_size=batch_size,
        steps_per_epoch=math.ceil(sum(rows.values()) / batch_size),
    )
    sizes = {name: stream.sizes[name] for name in reader.blocks}
    if stream.rates is not None:
        rates = stream.rates.of()
        found["mean_rate"] = rates.rows / int(rates.sizes.sum())
        found["rates_are_scaled_by"] = rates.scale
    elif len(rows) > 1 or stream.plan.rows is not None:
        found |= _of_classes(stream, sizes, rows, num_epochs, pool_rows)
    return Description(found | stream.sampler.describe())


def prior(stream: ChunkStream, first_epoch: Callable[[Sequence[str]], Iterator[Columns]]) -> Prior:
    """The share of each class, in the order of labels; see `InputFn.prior`.

    Args:
        first_epoch: names of columns -> the chunks of an epoch.
    """
    labels, plan = stream.sampler.labels, stream.plan
    rows = stream.rows_of_classes()
    if stream.rates is None and len(rows) > 1 and set(rows) <= set(labels):
        return _planned_prior(stream, rows)
    label = stream.reader.label or ""
    in_files = stream.reader.masses(_ROWS_AT_A_TIME) if label else {}
    if len(in_files) < 2:
        raise SamplingError(
            f"found {len(in_files)} different values of the label {stream.reader.schema.label!r} "
            "in the files, expected two or more classes; fix the glob, or the schema's label"
        )
    sampled = in_files
    if stream.rates is not None or plan.rows is not None or plan.per_leading:
        sampled = {}
        for chunk in first_epoch([label]):
            columns.add_masses(sampled, chunk[label], chunk[WEIGHT_FEATURE])
    classes = sorted(in_files)
    return Prior(
        tuple(in_files[each] for each in classes), tuple(sampled.get(each, 0) for each in classes)
    )


_ROWS_AT_A_TIME = 131_072  # rows that are looked at together


def _planned_prior(stream: ChunkStream, rows: Mapping[str, int]) -> Prior:
    plan, labels = stream.plan, stream.sampler.labels
    sizes = {name: stream.sizes[name] for name in stream.reader.blocks}
    if (made := plan.made_up) is not None:
        sizes[made.name] = made.population
        if made.no_prior:
            raise SamplingError(made.no_prior)
    present = sorted((name for name in rows if rows[name]), key=lambda name: labels[name])
    if len(present) < 2:
        missing = ", ".join(name for name in rows if not rows[name])
        raise SamplingError(
            f"an epoch has no row of {missing}, expected rows of two or more classes; ask for more "
            "of it"
        )
    masses = tuple(rows[name] * plan.weight(name) for name in present)
    return Prior(tuple(sizes[name] for name in present), masses)


def _of_classes(
    stream: ChunkStream,
    sizes: Mapping[str, int],
    rows: Mapping[str, int],
    num_epochs: int | None,
    pool_rows: int,
) -> dict[str, Any]:
    read = rows  # of the files, and made up
    made, leading = stream.plan.made_up, stream.plan.leading
    if leading is not None and made is not None and made.replaces_leading:
        read = {**rows, leading: sizes[leading]}
        rows = {made.name: rows[made.name]}  # each has a row of the files in it
    masses = {name: each * stream.plan.weight(name) for name, each in rows.items()}
    total = sum(masses.values())
    times = {name: read[name] / max(1, size) for name, size in sizes.items()}
    in_all = {
        name: (min(1.0, each * num_epochs) if num_epochs else float(each > 0))
        for name, each in times.items()
    }
    found = {
        "rows_in_files": dict(sizes),
        "rows_in_an_epoch": dict(rows),
        "weights": {name: stream.plan.weight(name) for name in rows},
        "weighted_shares": {name: mass / total if total else 0.0 for name, mass in masses.items()},
        "times_a_row_is_seen": times,
        "coverage_in_an_epoch": {name: min(1.0, each) for name, each in times.items()},
        "coverage_in_all_epochs": in_all,
        "epochs_to_see_every_row": {
            name: math.ceil(sizes[name] / read[name]) if read[name] else None for name in sizes
        },
    }
    if len(sizes) == len(rows) == 2:
        ratios = {"files": sizes, "an_epoch": rows, "weights": masses}
        found |= {f"ratio_in_{key}": _ratio(*of.values()) for key, of in ratios.items()}
    return {
        **found,
        **_sources(stream, sizes, read),
        **_bytes_read(stream, sizes, times, pool_rows),
    }


def _ratio(one: float, other: float) -> str:
    return f"1 : {other / one:,.4g}" if one else f"0 : {other:,.4g}"


def _sources(
    stream: ChunkStream, sizes: Mapping[str, int], rows: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Of how many files and blocks the rows of the first epoch are, at most."""
    files, places = {}, {}
    for name, blocks in stream.reader.blocks.items():
        used = min(rows[name], sizes[name])
        ids = stream.first_blocks(name, used)
        files[name] = min(used, len(np.unique(blocks.file_of[ids])))
        places[name] = min(used, len(ids))
    return {"files_in_an_epoch": files, "blocks_in_an_epoch": places}


def _bytes_read(
    stream: ChunkStream, sizes: Mapping[str, int], times: Mapping[str, float], pool_rows: int
) -> dict[str, Any]:
    """Classes of one round are read at the start, and kept; of others, what an epoch takes."""
    blocks, mixed = stream.reader.blocks, stream.reader.opened.mixed
    is_large = [rounds.rounds_of(of_class, pool_rows) > 1 for of_class in blocks.values()]
    seen = [times[name] for name in blocks]

    def read(bytes_: Sequence[float]) -> dict[str, int]:
        of_small = sum(itertools.compress(bytes_, [not large for large in is_large]))
        of_large = np.dot(np.multiply(bytes_, is_large), seen)
        return {"bytes_at_the_start": round(of_small), "bytes_per_epoch": round(of_large)}

    found: dict[str, Any] = read([of_class.total_bytes for of_class in blocks.values()])
    if mixed is None:
        return found
    row_bytes = mixed.blocks.total_bytes / sum(sizes.values())
    found["bytes_at_the_start"] = mixed.blocks.total_bytes
    return {**found, "if_split_by_class": read([row_bytes * sizes[name] for name in blocks])}


def _sequence_costs(stream: ChunkStream, pool_rows: int) -> dict[str, str]:
    """What it costs the sample that some files can be read in sequence only."""
    costs = []
    for name, blocks in stream.reader.blocks.items():
        number = rounds.rounds_of(blocks, pool_rows)
        pieces = blocks.num_blocks // number
        places = blocks.order.places(pieces)
        if number > 1 and places < pieces and not stream.in_file_order(name):
            costs.append(
                f"{name}: a round of {pieces:,} pieces comes from {places:,} "
                f"place{'s' * (places > 1)} of the files instead of {pieces:,}"
            )
    return {"read_in_sequence": "; ".join(costs)} if costs else {}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
