#!/usr/bin/env bash
# Makes the embedded shoppers data if there is none, and trains a propensity model on it.
# Arguments are passed to the trainer, after its own, so that they win:
#   ROWS=1000000 DATA_DIR=output/million bash scripts/local-train.sh --num_epochs=5
# ROWS: customers to make. DATA_DIR, JOB_DIR: where data and model go. Paths are relative to the
# repository. Each run in the default JOB_DIR trains a new model and keeps the last one beside it
# as model.previous; a directory that you name is left as it is, so training in it goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
example=examples/acquire_valued_shoppers
data="${DATA_DIR:-output/shoppers/data}"

if [[ ! -d "$data" ]]; then
  .venv/bin/python -m examples.acquire_valued_shoppers.make_data \
    --output "$data" --rows "${ROWS:-400000}"
elif [[ -n "${ROWS:-}" ]] && ! grep -qs "^  \"rows\": $ROWS,$" "$data/manifest.json"; then
  echo "local-train: $data does not hold ROWS=$ROWS customers; remove it," \
    "or name another directory with DATA_DIR" >&2
  exit 1
fi

job="${JOB_DIR:-output/shoppers/model}"
if [[ -z "${JOB_DIR:-}" && " $*" != *" --job-dir"* && -d "$job" ]]; then
  rm -rf "$job.previous"
  mv "$job" "$job.previous"
fi
# The trainer expands the globs: a command line would be too short for many files.
.venv/bin/python -m sampling train propensity \
  --job-dir="$job" \
  --schema="$example/schema.json" \
  --label=label \
  --forward=customer_id \
  --positive_dir="$data/train/positive/*.csv" \
  --negative_dir="$data/train/negative/*.csv" \
  --test_dir="$data/dev/*.csv" \
  --multiplier=1 \
  --weight=auto \
  --num_epochs=10 \
  "$@"
