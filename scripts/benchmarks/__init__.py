"""What scripts/benchmark.py is made of: sets, inputs, measurements, report."""
