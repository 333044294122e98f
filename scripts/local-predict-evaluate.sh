#!/usr/bin/env bash
# Evaluates the model of scripts/local-train.sh on the test data, then predicts that data.
# Arguments are passed to the trainer both times, after its own, so that they win.
# DATA_DIR, JOB_DIR: where data and model are, relative to the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
example=examples/acquire_valued_shoppers
data="${DATA_DIR:-output/shoppers/data}"
job="${JOB_DIR:-output/shoppers/model}"

if [[ " $*" != *" --job-dir"* && ! -e "$job/checkpoint" ]]; then
  echo "local-predict-evaluate: no trained model in $job;" \
    "run scripts/local-train.sh, or name its directory with JOB_DIR" >&2
  exit 1
fi

for mode in evaluate predict; do
  .venv/bin/python -m sampling "$mode" propensity \
    --job-dir="$job" \
    --schema="$example/schema.json" \
    --label=label \
    --forward=customer_id \
    --test_dir="$data/test/*.csv" \
    "$@"
done
