#!/usr/bin/env bash
# The only gate: style, types, shell scripts, all tests on today's TensorFlow, and on TensorFlow 2.15
# those that can come to something else there.
# With arguments only pytest runs, with those arguments, for work on one thing:
#   bash scripts/test.sh tests/test_examples.py -k manifest
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
export PYTHONDONTWRITEBYTECODE="" # many processes import the same modules

if (($#)); then
  exec .venv/bin/python -m pytest "$@"
fi
.venv/bin/python -m ruff check .
.venv/bin/python -m ruff format --check .
.venv/bin/codespell
.venv/bin/lint-imports
.venv/bin/shellcheck scripts/*.sh .ci/run
bash scripts/setup.sh tf215 & # on one core
setup_tf215=$!
.venv/bin/python -m mypy
wait "$setup_tf215" # a test compares the two
# A file's tests stay in one process, for the models that they share.
parallel=(-n 3 --dist loadfile --no-loadscope-reorder)
.venv/bin/python -m pytest "${parallel[@]}"

# What comes to something else there: by TensorFlow, Keras or numpy. A test marked `once` does not.
both=(async_resume cluster columns contract_datasets corrected damaged_job dataframes estimators export
  features golden_rows in_step input_fn keras keras_resume lists packed resume schema serving trainer
  training transform)
both=("${both[@]/#/tests/test_}")
.venv-tf215/bin/python -m pytest "${parallel[@]}" -m "not long and not once" "${both[@]/%/.py}"
