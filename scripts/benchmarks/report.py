"""Results to figures and tables: medians over the repetitions, and whether targets are reached."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Repetitions = list[dict[str, dict[str, float]]]

PEER = "tf.data pipeline"
AT_START, FARTHEST = "the start", "half of epoch 10"  # places to resume from
NUMPY, DATASET, CEILING = "engine, numpy", "engine, Dataset", "constant batch"
LARGE = ", larger net"


class Target(NamedTuple):
    """A figure to reach: at least `aim`, or at most; `least` is what it must not miss."""

    what: str
    figure: float
    aim: float
    least: float | None = None
    at_most: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        sign = -1 if self.at_most else 1
        if sign * self.figure >= sign * self.aim:
            return "reached"
        if self.least is not None and sign * self.figure >= sign * self.least:
            return "the least is reached"
        return "not reached"


def median(repetitions: Repetitions, name: str, key: str) -> float:
    return statistics.median(repetition[name][key] for repetition in repetitions)


def ratio(repetitions: Repetitions, name: str, to: str, key: str) -> float:
    """The median of each repetition's own ratio."""
    return statistics.median(rep[name][key] / rep[to][key] for rep in repetitions)


def share_of_free(repetitions: Repetitions, name: str) -> float:
    """Of the speed that the same net has on a constant batch."""
    free = CEILING + LARGE if name.endswith(LARGE) else CEILING
    return ratio(repetitions, name, free, "steps_per_second")


def text(results: dict[str, Any]) -> str:
    """All tables in markdown."""
    sections: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "input": _input,
        "training": _training,
        "growth": _growth,
        "resuming": _resuming,
        "honesty": _honesty,
        "formats": _formats,
    }
    scale, environment = results["scale"], results["environment"]
    lines = [
        f"{scale['rows']:,} rows in CSV, 1 of 29 positive; {scale['repetitions']} repetitions; "
        + ", ".join(f"{name} {value}" for name, value in environment.items())
    ]
    for part, section in sections.items():
        if part in results:
            lines += ["", f"## {part.capitalize()}", "", *section(results), ""]
            lines.append(
                f"Other processes took {max(0, results['busy'][part]):.0%} of the cores meanwhile."
            )
    rows = [[t.what, _number(t.figure) + t.unit, _aim(t), t.verdict] for t in targets(results)]
    lines += ["", "## Targets", "", *_table(["what", "figure", "to reach", ""], rows)]
    return "\n".join(lines) + "\n"


def targets(results: dict[str, Any]) -> list[Target]:
    found: list[Target] = []
    if "input" in results:
        repetitions, speed = results["input"]["repetitions"], "rows_per_second_256"
        engine = (NUMPY, DATASET)
        found += [
            Target(
                "numpy batches of 256: times the rows/s of the tf.data pipeline",
                ratio(repetitions, NUMPY, PEER, speed),
                10,
                6,
            ),
            Target(
                "Dataset of 256: times the rows/s of the tf.data pipeline",
                ratio(repetitions, DATASET, PEER, speed),
                4,
                2.5,
            ),
            Target(
                "Dataset of 256: share of eager iteration's ceiling",
                ratio(repetitions, DATASET, CEILING, speed),
                0.75,
            ),
            Target(
                "first batch",
                max(median(repetitions, name, "first_batch") for name in engine),
                0.5,
                at_most=True,
                unit=" s",
            ),
            Target(
                "bytes read / bytes of the sampled rows",
                max(bytes_ratio(results["input"], name) or 0 for name in engine),
                1.2,
                at_most=True,
            ),
        ]
    if "training" in results:
        for net, units in (("", "64, 32"), (LARGE, "512, 256")):
            share = share_of_free(results["training"], DATASET + net)
            what = f"training of {units} units: share of free input's speed"
            found.append(Target(what, share, 0.95, 0.9))
    if "growth" in results:
        repetitions = results["growth"]["repetitions"]
        for what, key in (("first batch", "first_batch"), ("an epoch", "epoch")):
            times = ratio(repetitions, "10 x negatives", "base", key)
            found.append(
                Target(f"10 x negatives: times as long for {what}", times, 1.1, None, True)
            )
        memory = max(results["growth"]["memory"].values()) / 1e6
        found.append(Target("memory, at most of all sizes", memory, 250, None, True, " MB"))
    if "resuming" in results:
        repetitions = results["resuming"]
        times = ratio(repetitions, FARTHEST, AT_START, "cpu")
        size = max(place["bytes"] for repetition in repetitions for place in repetition.values())
        found += [
            Target(f"resuming at {FARTHEST}: times the CPU of the start", times, 1.5, None, True),
            Target("state of the input", size, 1024, None, True, " bytes"),
        ]
    if "honesty" in results:
        first, second = list(results["honesty"]["read"].values())[-1]
        worst, (figure, error) = max(first["sorted"][0], second["sorted"][0]), first["shuffled"]
        found += [
            Target("variance, sorted files", worst, 1, at_most=True),
            # 1, within two standard errors
            Target("variance, shuffled files", figure, 1 + 2 * error, at_most=True),
        ]
    if "formats" in results:
        repetitions = results["formats"]["repetitions"]
        for what, name, to, aim in (
            ("Parquet: times the rows/s of CSV, numpy", "parquet, numpy", "csv, numpy", 2),
            (
                "TFRecord: times the rows/s of tf.data's parse_example, Dataset",
                "tfrecord, Dataset",
                "tf.data, parse_example",
                1,
            ),
        ):
            found.append(Target(what, ratio(repetitions, name, to, "rows_per_second"), aim))
    return found


def bytes_ratio(part: dict[str, Any], name: str) -> float | None:
    """Bytes read over those of the rows delivered, where all epochs were; headers count."""
    whole = [repetition[name] for repetition in part["repetitions"] if repetition[name]["ended"]]
    if not whole or name in (CEILING, "pyarrow parse"):
        return None
    return whole[0]["bytes_read"] / (whole[0]["rows"] * part["row_bytes"])


def _input(results: dict[str, Any]) -> list[str]:
    repetitions = results["input"]["repetitions"]
    rows = []
    for name in repetitions[0]:
        bytes_ = bytes_ratio(results["input"], name)
        rows.append(
            [
                name,
                *(
                    f"{median(repetitions, name, f'rows_per_second_{n}') / 1e3:,.0f} k"
                    for n in (256, 1024)
                ),
                _number(ratio(repetitions, name, PEER, "rows_per_second_256")),
                _number(median(repetitions, name, "cpu_seconds_per_million_rows")),
                f"{median(repetitions, name, 'first_batch'):.3f}",
                "" if bytes_ is None else f"{bytes_:.2f}",
                f"{median(repetitions, name, 'memory') / 1e6:.0f}",
            ]
        )
    header = [
        "input",
        "rows/s at 256",
        "at 1,024",
        f"x {PEER}",
        "CPU s / M rows",
        "first batch, s",
        "bytes read / sampled",
        "memory, MB",
    ]
    return _table(header, rows)


def _training(results: dict[str, Any]) -> list[str]:
    repetitions = results["training"]
    rows = [
        [
            name,
            f"{median(repetitions, name, 'steps_per_second'):,.0f}",
            f"{share_of_free(repetitions, name):.2f}",
            f"{median(repetitions, name, 'seconds_to_step_1'):.1f}",
        ]
        for name in repetitions[0]
    ]
    return _table(["DNNClassifier on", "steps/s", "of free input", "s to step 1"], rows)


def _growth(results: dict[str, Any]) -> list[str]:
    part = results["growth"]
    repetitions, memory = part["repetitions"], part["memory"]
    rows = [
        [
            name,
            f"{median(repetitions, name, 'first_batch'):.3f}",
            f"{median(repetitions, name, 'epoch'):.3f}",
            f"{ratio(repetitions, name, 'base', 'epoch'):.2f}",
            f"{rows_per_second(repetitions, name) / 1e3:,.0f} k",
            f"{memory[name] / 1e6:.0f}" if name in memory else "",
        ]
        for name in sorted(repetitions[0], key=list(repetitions[0]).index)
    ]
    seconds = statistics.median(part["counting"]["seconds"])
    return [
        *_table(["", "first batch, s", "epoch, s", "x base", "rows/s", "memory, MB"], rows),
        "",
        f"Base: multiplier 1, negatives in 100 files. Counting: {part['counting']['rows']:,} rows "
        f"at {part['counting']['rows'] / seconds / 1e6:.1f} M rows/s, "
        f"{part['counting']['bytes'] / seconds / 1e9:.2f} GB/s.",
    ]


def _resuming(results: dict[str, Any]) -> list[str]:
    repetitions = results["resuming"]
    rows = [
        [
            name,
            f"{place['rows']:,}",
            f"{place['bytes']:,}",
            f"{median(repetitions, name, 'save') * 1e3:.1f}",
            f"{median(repetitions, name, 'resume'):.3f}",
            f"{median(repetitions, name, 'cpu'):.3f}",
            f"{ratio(repetitions, name, AT_START, 'cpu'):.2f}",
            f"{median(repetitions, name, 'read'):.3f}",
        ]
        for name, place in repetitions[0].items()
    ]
    header = ["saved at", "rows before", "bytes", "saved in, ms"]
    header += ["resumed: first batch, s", "CPU s", "x the start", "reading up to there, s"]
    return _table(header, rows)


def rows_per_second(repetitions: Repetitions, name: str) -> float:
    return statistics.median(rep[name]["rows"] / rep[name]["epoch"] for rep in repetitions)


def _honesty(results: dict[str, Any]) -> list[str]:
    part = results["honesty"]
    block_rows = part["block_rows"]
    columns = {
        f"{rounds} round{'s' * (int(rounds) > 1)}, epoch {epoch + 1}": ratios
        for rounds, epochs in part["read"].items()
        for epoch, ratios in enumerate(epochs)
    }
    columns |= {f"{name}, computed": part[name][block_rows] for name in ("spread", "random blocks")}
    features = list(part["spread"][block_rows])
    table = [
        [name, *(_with_error(ratios[name]) for ratios in columns.values())] for name in features
    ]
    sizes = [
        [name, order, *(_with_error(ratios[name]) for ratios in part[order].values())]
        for name in features
        for order in ("spread", "random blocks")
    ]
    return [
        f"Variance of an epoch's mean, times that of as many random rows (standard error); "
        f"{part['seeds']} seeds, rounds of {part['pool_rows']:,} rows in blocks of {block_rows}.",
        "",
        *_table(["files", *columns], table),
        "",
        "First epoch of the largest class, by rows per block, computed:",
        "",
        *_table(["files", "order", *part["spread"]], sizes),
    ]


def _formats(results: dict[str, Any]) -> list[str]:
    repetitions, shares = results["formats"]["repetitions"], results["formats"]["shares"]
    rows = [
        [
            name,
            f"{median(repetitions, name, 'rows_per_second') / 1e3:,.0f} k",
            _number(ratio(repetitions, name, "csv, numpy", "rows_per_second")),
            _number(ratio(repetitions, name, "tf.data, parse_example", "rows_per_second")),
            _number(median(repetitions, name, "cpu_seconds_per_million_rows")),
            f"{median(repetitions, name, 'first_batch'):.3f}",
        ]
        for name in sorted(repetitions[0], key=list(repetitions[0]).index)
    ]
    header = ["", "rows/s at 256", "x csv, numpy", "x parse_example", "CPU s / M rows", "first, s"]
    resampled = [
        [
            name,
            *(f"{statistics.mean(of[:batches]):.3f}" for batches in (1, 10)),
            f"{statistics.mean(of):.3f}",
        ]
        for name, of in shares.items()
    ]
    return [
        *_table(header, rows),
        "",
        "The share of positives, where 0.5 is asked for, in the first",
        "",
        *_table(["", "100 rows", "1,000 rows", "10,000 rows"], resampled),
    ]


def _with_error(pair: Sequence[float]) -> str:
    return f"{_number(pair[0])} ({_number(pair[1])})"


def _aim(target: Target) -> str:
    least = "" if target.least is None else f" (least {_number(target.least)})"
    return (
        f"{'at most' if target.at_most else 'at least'} {_number(target.aim)}{target.unit}{least}"
    )


def _number(value: float) -> str:
    return (
        f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * width if index == 0 else "-" * (width - 1) + ":" for index, width in enumerate(widths)
    ]
    return [line(header), line(rule), *map(line, rows)]
