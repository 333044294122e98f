"""How files are read, whatever is sampled from them: options that all input functions have."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sampling import checks
from sampling.formats import registry
from sampling.formats.csv.options import CsvOptions
from sampling.rows.transform import Function


@dataclasses.dataclass(frozen=True)
class Reading:
    """See `InputFn` for what each means.

    Raises:
        SamplingError: an option is out of range.
    """

    header: bool = True
    seed: int = 0
    pool_rows: int = 131_072
    block_rows: int | None = None
    delimiter: str = ","
    null_values: Sequence[str] = ("",)
    newlines_in_values: bool = False
    transform: Function | None = None
    file_format: str | None = None
    decimal: str = "."
    escape: str = ""
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", checks.whole_number("seed", self.seed, 0))
        object.__setattr__(self, "pool_rows", checks.whole_number("pool_rows", self.pool_rows, 1))
        if self.block_rows is not None:
            rows = checks.whole_number("block_rows", self.block_rows, 1)
            object.__setattr__(self, "block_rows", rows)
        registry.checked_format(self.file_format)

    @property
    def text(self) -> CsvOptions:
        names = [field.name for field in dataclasses.fields(CsvOptions)]
        return CsvOptions(**{name: getattr(self, name) for name in names})


def takes_reading(without: Collection[str] = ()) -> Callable[[Any], Any]:
    """Decorates a constructor that wants a `Reading`: it takes the options one by one instead.

    They are declared in `Reading` alone, and `help()` shows them all. An option that the
    constructor names itself, for the sake of its place, is left to it.

    Args:
        without: options that make no sense there.
    """

    def decorate(constructor: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(constructor)
        own = [p for p in signature.parameters.values() if p.name != "reading"]
        options = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in dataclasses.fields(Reading)
            if field.name not in without and field.name not in signature.parameters
        ]
        names = {option.name for option in options}

        @functools.wraps(constructor)
        def with_reading(self: Any, *args: Any, **kwargs: Any) -> None:
            given = {name: kwargs.pop(name) for name in names & set(kwargs)}
            constructor(self, *args, reading=Reading(**given), **kwargs)

        with_reading.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*own, *options]
        )
        return with_reading

    return decorate
