"""`python -m sampling.report`."""

from sampling.report.command import main

main()
