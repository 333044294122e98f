#!/usr/bin/env bash
# The only gate: style, types, shell scripts, all tests, and those that need no tf.estimator once
# more on today's TensorFlow with Keras 3.
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
.venv/bin/shellcheck scripts/*.sh .ci/run
bash scripts/setup.sh keras3 & # on one core
setup_keras3=$!
.venv/bin/python -m mypy
# A file's tests stay in one process, for the models that they share.
parallel=(-n 3 --dist loadfile --no-loadscope-reorder)
.venv/bin/python -m pytest "${parallel[@]}"
wait "$setup_keras3"
# The library's own: examples, reports and benchmarks say nothing new there.
others=()
for name in equivalent_environments what_sampling_buys report benchmark_pairs rejection; do
  others+=("--ignore=tests/test_$name.py")
done
.venv-keras3/bin/python -m pytest "${parallel[@]}" "${others[@]}"
