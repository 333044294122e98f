#!/usr/bin/env bash
# The only gate: style, types, shell scripts and tests.
# With arguments only pytest runs, with those arguments, for work on one thing:
#   bash scripts/test.sh tests/test_examples.py -k manifest
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"

if (($# == 0)); then
  .venv/bin/python -m ruff check .
  .venv/bin/python -m ruff format --check .
  .venv/bin/python -m mypy
  .venv/bin/shellcheck scripts/*.sh .ci/run
fi
exec .venv/bin/python -m pytest "$@"
