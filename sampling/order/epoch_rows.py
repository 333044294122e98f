"""What an epoch is: how many rows of each class, by pure arithmetic on counts.

With classes of unequal size an epoch can't be "each row once" and have the shares that were asked
for. It ends with the scarcest class (a *minority epoch*), when every row was there (a *majority
epoch*), or after as many rows as the files have (a *natural* one).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from sampling import checks
from sampling.errors import SamplingError
from sampling.order import apportionment

MINORITY, MAJORITY, NATURAL = "minority", "majority", "natural"
EPOCHS = (MINORITY, MAJORITY, NATURAL)


def checked(epoch: str | int) -> str | int:
    """One of `EPOCHS`, or a number of rows.

    Raises:
        SamplingError: it is neither.
    """
    if isinstance(epoch, str):
        return checks.one_of("epoch", epoch, EPOCHS)
    return checks.whole_number("epoch", epoch, 1)


def rows_of_classes(
    epoch: str | int, sizes: Sequence[int], shares: Sequence[Fraction]
) -> tuple[int, ...]:
    """Rows of each class in an epoch, in the proportions of `shares` to the nearest row.

        rows_of_classes("minority", [10, 1000], [Fraction(1, 4), Fraction(3, 4)]) -> (10, 30)
        rows_of_classes("majority", [10, 1000], [Fraction(1, 4), Fraction(3, 4)]) -> (333, 1000)
        rows_of_classes("natural", [10, 1000], [Fraction(1, 4), Fraction(3, 4)]) -> (252, 758)

    Args:
        epoch: "minority": every row of the class that is scarcest for its share, none twice.
            "majority": every row of the class that is most plentiful for its share, so that every
            row of every class is there, most of them again and again. "natural": as many rows as
            the files have. A number: as many rows.
        sizes: rows of the classes.
        shares: of the classes, some may be 0.
    """
    if epoch not in (MINORITY, MAJORITY):
        taken = [size for size, share in zip(sizes, shares, strict=True) if share]
        total = sum(taken) if epoch == NATURAL else int(epoch)
        return tuple(apportionment.apportion(np.array([total]), shares)[0].tolist())
    lengths = [size / share if share else None for size, share in zip(sizes, shares, strict=True)]
    end = (min if epoch == MINORITY else max)(length for length in lengths if length is not None)
    bound = min if epoch == MINORITY else max  # rounding makes or leaves out no row
    return tuple(
        bound(size, int(apportionment.portion(np.array(1), end * share))) if share else 0
        for size, share in zip(sizes, shares, strict=True)
    )


def rows_of_batch(batch_size: int, shares: Sequence[Fraction]) -> tuple[int, ...]:
    """Rows of each class in every batch.

    Args:
        shares: of the classes; they add up to 1.

    Raises:
        SamplingError: that would be no whole number of some class.
    """
    for share in shares:
        if (part := batch_size * share).denominator > 1:
            raise SamplingError(
                f"exact_batches is True and a share of {float(share):.4g} of a batch of "
                f"{batch_size:,} rows is {float(part):.4g}, expected a whole number; pass a "
                f"batch_size that is a multiple of {share.denominator:,}"
            )
    return tuple(int(batch_size * share) for share in shares)
