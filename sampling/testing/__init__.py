"""Tests that a sampler of your own must pass: `check_sampler`."""

from sampling.testing.sampler_checks import check_sampler

__all__ = ["check_sampler"]
