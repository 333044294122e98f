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

# Without TensorFlow, or what another program does.
others=(bad_input beam benchmark benchmark_pairs bigquery blocks calibration cloud_scripts
  cloud_storage command gcloud imbalanced_learn infer_property listing lookup pairs platt predictions
  prepare sampler_checks scripts sequence shards split statistics unobserved writers)
# What the contract suite and the formats' tests cover there, of every technique.
others+=(class_weights csv every_format downsample fake_pairs infer mixed parse_csv read_ahead resample
  stratified stream)
# Jobs, examples and studies; test_trainer and what they are made of are tested on both.
others+=(classes data_dir equivalent_environments events examples from_files full_ranking habits kill
  launch names networks prose readme real_files recommender rejection report report_classes shoppers songs
  temperature trainer_report two_tower what_sampling_buys wheel wide_deep)
# About today's, or about both.
others+=(estimator_install estimator_keras3 two_tensorflows without_estimator)
others=("${others[@]/#/--ignore=tests/test_}")
.venv-tf215/bin/python -m pytest "${parallel[@]}" "${others[@]/%/.py}"
