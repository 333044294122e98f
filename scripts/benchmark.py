"""Measures the engine beside its peers, and what its sample is worth; results under output/.

    python scripts/benchmark.py            # everything, a quarter of an hour
    python scripts/benchmark.py --only growth
    python scripts/benchmark.py --quick    # does it run? a small set, once; figures mean little

Everything is repeated in turn, so that a busy minute of the machine meets all inputs; figures are
medians, ratios are medians of the repetitions' ratios. Needs Linux (/proc).
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import data, formats, fresh, inputs, meter, picture, report  # noqa: E402

PARTS = ("input", "training", "growth", "resuming", "honesty", "formats")
BATCH_SIZES = [256, 1024]
NUM_FILES, MULTIPLIERS, TIMES = (1, 10, 1000), (2, 5, 10), 10  # beside the 100 files and 1


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much is done; `seconds` is the limit for one input, `pool_rows` the honesty's.

    Attributes:
        are_fresh: whether each measurement has a process of its own, in which nothing else has been
            before; in one for all it takes a third of the time.
    """

    rows: int
    repetitions: int = 5
    epochs: int = 10
    seconds: float = 3.0
    pool_rows: int = 131_072
    seeds: int = 150
    resampled_rows: int = 10_000
    are_fresh: bool = True

    def run(self, module: str, function: str, **arguments: Any) -> Any:
        return (fresh.run if self.are_fresh else fresh.here)(module, function, **arguments)


FULL = Scale(rows=2_900_000)
QUICK = Scale(
    29_000,
    repetitions=1,
    epochs=3,
    seconds=0.3,
    pool_rows=4_096,
    seeds=5,
    resampled_rows=1_000,
    are_fresh=False,
)


def main() -> None:
    arguments = _arguments()
    scale = QUICK if arguments.quick else FULL
    scale = dataclasses.replace(scale, rows=arguments.rows or scale.rows)
    output: Path = arguments.output
    files = data.make(output / "data", scale.rows)
    results: dict[str, Any] = {
        "environment": _environment(),
        "scale": dataclasses.asdict(scale),
        "busy": {},
    }
    measures = {
        "input": _input,
        "training": _training,
        "growth": _growth,
        "resuming": _resuming,
        "honesty": _honesty,
        "formats": _formats,
    }
    for part in [arguments.only] if arguments.only else PARTS:
        others, all_ = meter.machine()
        results[part] = measures[part](scale, files, output / "data")
        others, all_ = meter.machine()[0] - others, meter.machine()[1] - all_
        results["busy"][part] = others / all_
        _write(results, output)  # what has been measured stays if a later part fails
    print(report.text(results))


def _write(results: dict[str, Any], output: Path) -> None:
    (output / "results.json").write_text(json.dumps(results, indent=1))
    (output / "results.md").write_text(report.text(results))
    picture.draw(results, output / "results.png")


def _input(scale: Scale, files: data.Set, folder: Path) -> dict[str, Any]:
    repetitions, names = [], list(inputs.INPUTS)
    for repetition in range(scale.repetitions):
        # The first time long enough for all epochs of most: bytes are counted over these.
        first = 5 * scale.seconds if repetition == 0 else scale.seconds
        result = {}
        for name in fresh.in_turn(names, repetition):
            result[name] = scale.run(
                "benchmarks.inputs",
                "measure",
                name=name,
                files=dataclasses.asdict(files),
                batch_sizes=BATCH_SIZES,
                epochs=scale.epochs,
                seconds=[first, 2 / 3 * scale.seconds],
            )
            fresh.progress(
                f"input {repetition + 1}/{scale.repetitions}  {name:<17}"
                f"{result[name]['rows_per_second_256'] / 1e6:7.3f} M rows/s"
            )
        repetitions.append(result)
    return {"row_bytes": sum(files.row_bytes) / 2, "repetitions": repetitions}


def _training(scale: Scale, files: data.Set, folder: Path) -> list[Any]:
    least_epochs = 200 * BATCH_SIZES[0] // (2 * files.positives) + 1  # for step 50 and some after
    return scale.run(
        "benchmarks.training",
        "measure",
        files=dataclasses.asdict(files),
        batch_size=BATCH_SIZES[0],
        epochs=max(3, least_epochs),
        repetitions=scale.repetitions,
        seconds=scale.seconds,
    )


def _growth(scale: Scale, files: data.Set, folder: Path) -> dict[str, Any]:
    fresh.progress("growth: making sets")
    larger = data.repeated(folder, files, TIMES)
    in_files = {number: data.in_files(folder, files, number) for number in NUM_FILES}
    cases = {
        "base": (files, 1),
        f"{TIMES} x negatives": (larger, 1),
        **{f"multiplier {multiplier}": (files, multiplier) for multiplier in MULTIPLIERS},
        **{_files(number): (set_, 1) for number, set_ in in_files.items()},
    }
    repetitions = scale.run(
        "benchmarks.growth",
        "measure",
        cases={name: (dataclasses.asdict(set_), number) for name, (set_, number) in cases.items()},
        batch_size=BATCH_SIZES[0],
        repetitions=scale.repetitions,
    )
    fresh.progress("growth: counting, memory")
    seconds = scale.run(
        "benchmarks.growth",
        "count",
        files=dataclasses.asdict(larger),
        repetitions=scale.repetitions,
    )
    memory = {
        name: scale.run(
            "benchmarks.inputs",
            "measure",
            name="engine, Dataset",
            files=dataclasses.asdict(cases[name][0]),
            batch_sizes=BATCH_SIZES[:1],
            epochs=scale.epochs,
            seconds=[5 * scale.seconds],
        )["memory"]
        for name in ("base", f"{TIMES} x negatives", _files(NUM_FILES[-1]))
    }
    counting = {"seconds": seconds, "rows": larger.negatives}
    counting["bytes"] = larger.negatives * larger.row_bytes[1]
    return {"repetitions": repetitions, "counting": counting, "memory": memory}


def _files(number: int) -> str:
    return f"{number:,} file{'s' * (number > 1)}"


def _resuming(scale: Scale, files: data.Set, folder: Path) -> list[Any]:
    return scale.run(
        "benchmarks.resuming",
        "measure",
        files=dataclasses.asdict(files),
        batch_size=BATCH_SIZES[0],
        repetitions=scale.repetitions,
    )


def _honesty(scale: Scale, files: data.Set, folder: Path) -> dict[str, Any]:
    return scale.run(
        "benchmarks.honesty",
        "measure",
        folder=str(folder),
        pool_rows=scale.pool_rows,
        rounds=[1, 10, 22],
        seeds=scale.seeds,
    )


def _formats(scale: Scale, files: data.Set, folder: Path) -> dict[str, Any]:
    fresh.progress("formats: making sets")
    sets = formats.make(folder, files)
    repetitions = [
        scale.run(
            "benchmarks.formats",
            "measure",
            sets=sets,
            names=fresh.in_turn(list(formats.INPUTS), repetition),
            batch_size=BATCH_SIZES[0],
            epochs=10 * scale.epochs,
            seconds=scale.seconds,
        )
        for repetition in range(scale.repetitions)
    ]
    shares = scale.run(
        "benchmarks.formats", "resample", sets=sets, batch_size=100, rows=scale.resampled_rows
    )
    return {"repetitions": repetitions, "shares": shares}


def _environment() -> dict[str, Any]:
    packages = ("tensorflow", "numpy", "pyarrow", "pandas")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"cores": os.cpu_count(), "python": platform.python_version(), **versions}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    output = Path(__file__).parent.parent / "output" / "benchmark"
    parser.add_argument("--output", type=Path, default=output, help="folder for data and results")
    parser.add_argument("--rows", type=int, help="of the set, 1 of 29 positive (2,900,000)")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--quick", action="store_true", help="a small set, once")
    return parser.parse_args()


if __name__ == "__main__":
    main()
