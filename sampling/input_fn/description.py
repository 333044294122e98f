"""What an input function says of itself: plain values that print in lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.formats.registry import Blocks
from sampling.order import rounds


class Description(dict[str, Any]):
    """What an input function reads and makes of it; `print` it, or take its values."""

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{key:<{width}}  {_shown(value)}" for key, value in self.items())


def sequence_cost(name: str, blocks: Blocks, pool_rows: int) -> str | None:
    """In how few places of the files a round of a class lies, if in fewer than it has blocks."""
    number = rounds.rounds_of(blocks, pool_rows)
    pieces = blocks.num_blocks // number
    places = blocks.order.places(pieces)
    if number == 1 or places == pieces:
        return None
    return (
        f"{name}: a round of {pieces:,} pieces comes from {places:,} "
        f"place{'s' * (places > 1)} of the files instead of {pieces:,}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
