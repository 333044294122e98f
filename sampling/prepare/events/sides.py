"""Which split each event belongs to: arithmetic on the codes of users and items, and on times."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from sampling.prepare.splitting.cuts import nearest_bounds

LEFT_OUT, KNOWN = -1, -2  # in place of a split's number


@dataclasses.dataclass(frozen=True)
class Events:
    """All events of a log, in the order of the files.

    Attributes:
        users, items: int [events]: codes from 0 on.
        times: int64 [events]; None: the order of the files is that of time.
        holds: bool [events]: whether an event counts as one.
        drawn: int [events]: the split by a draw, where neither time nor users decide.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray | None
    holds: np.ndarray
    drawn: np.ndarray


@dataclasses.dataclass(frozen=True)
class Sides:
    """What became of the events.

    Attributes:
        of_events: int8 [events]: the number of the split, or `LEFT_OUT`, or `KNOWN`.
        repeated: events of a pair that has an earlier one.
        failing: events that do not count.
        few_users, few_items: users and items left out, with fewer events than asked for.
        first_times: the first time of each split but the first, where time alone decides.
    """

    of_events: np.ndarray
    repeated: int
    failing: int
    few_users: int
    few_items: int
    first_times: np.ndarray | None


def assign(
    events: Events,
    splits: int,
    *,
    leave_one_out: bool,
    shares: Sequence[Fraction],
    min_events: int,
    keeps_known: bool,
) -> Sides:
    """A pair is one event, its first: what is held out is not in training too.

    Args:
        splits: how many there are.
        leave_one_out: whether each user's last event goes to the last split, the one before to the
            split before, and so on, as long as one is left for the first.
        shares: of the first split, of the first two, ... without the last, where time decides.
        min_events: of a user and of an item, of those that are kept.
        keeps_known: whether events that do not count are known pairs, or left out.
    """
    first = _firsts(events)
    kept, few_users, few_items = _with_enough(events, first, min_events)
    sides = np.full(len(events.users), LEFT_OUT, np.int8)
    bounds = None
    if leave_one_out:
        sides[kept] = _last_of_users(events, kept, splits)
    elif events.times is not None:
        times = events.times[kept]
        bounds = nearest_bounds(*np.unique(times, return_counts=True), shares)
        sides[kept] = np.searchsorted(bounds, times, side="right")
    else:
        sides[kept] = events.drawn[kept]
    if keeps_known:
        others = np.flatnonzero(~events.holds)
        pairs = _pairs(events)
        sides[others[~np.isin(pairs[others], pairs[first])]] = KNOWN
    holding = int(events.holds.sum())
    failing = len(events.users) - holding
    return Sides(sides, holding - len(first), failing, few_users, few_items, bounds)


def unseen(events: Events, sides: np.ndarray, split: int) -> tuple[int, int, int]:
    """Rows of a split, those of users, and those of items that the first split does not have."""
    own, trained = np.flatnonzero(sides == split), sides == 0
    new_users, new_items = (
        ~np.isin(codes[own], codes[trained]) for codes in (events.users, events.items)
    )
    return len(own), int(new_users.sum()), int(new_items.sum())


def _pairs(events: Events) -> np.ndarray:
    return events.users.astype(np.int64) * (int(events.items.max(initial=0)) + 1) + events.items


def _firsts(events: Events) -> np.ndarray:
    """Which events are the first of their pair, of those that count, in file order."""
    which = np.flatnonzero(events.holds)
    if events.times is not None:
        which = which[np.argsort(events.times[which], kind="stable")]
    _, firsts = np.unique(_pairs(events)[which], return_index=True)
    return np.sort(which[firsts])


def _with_enough(events: Events, which: np.ndarray, least: int) -> tuple[np.ndarray, int, int]:
    """The events of which each user and each item has enough, and how many of either have not.

    To leave out an item takes events away from users: it is done until all have enough.
    """
    users, items = len(np.unique(events.users[which])), len(np.unique(events.items[which]))
    while True:
        enough = np.ones(len(which), bool)
        for codes in (events.users[which], events.items[which]):
            enough &= np.bincount(codes)[codes] >= least if len(codes) else True
        if enough.all():
            break
        which = which[enough]
    left = len(np.unique(events.users[which])), len(np.unique(events.items[which]))
    return which, users - left[0], items - left[1]


def _last_of_users(events: Events, which: np.ndarray, splits: int) -> np.ndarray:
    """The split of each of these events."""
    users = events.users[which]
    times = which if events.times is None else events.times[which]
    order = np.lexsort((which, times, users))
    grouped = users[order]
    begins = np.flatnonzero(np.diff(grouped, prepend=-1))
    sizes = np.diff(np.append(begins, len(grouped)))
    place = np.arange(len(grouped)) - begins.repeat(sizes)
    from_last = sizes.repeat(sizes) - 1 - place
    held_out = np.minimum(splits - 1, sizes - 1).repeat(sizes)  # one is left to train on
    found = np.empty(len(which), np.int64)
    found[order] = np.where(from_last < held_out, splits - 1 - from_last, 0)
    return found
