"""`AllRows`: every row once in an epoch, at the ratio of the files."""

from __future__ import annotations

from sampling.samplers.plan import Plan
from sampling.samplers.sampler import Sampler, Sizes


class AllRows(Sampler):
    """What evaluates, predicts, and trains on everything.

    Args:
        not_for_training: see `Sampler`.
    """

    def __init__(self, not_for_training: str = ""):
        self.not_for_training = not_for_training

    def plan(self, sizes: Sizes) -> Plan:
        names = list(sizes)
        if len(names) == 1:  # nothing need be counted
            return Plan.per(names[0])
        return Plan({name: sizes[name] for name in names})
