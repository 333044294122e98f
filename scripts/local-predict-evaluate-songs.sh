#!/usr/bin/env bash
# Evaluates the model of scripts/local-train-songs.sh on the held-out plays, then predicts those.
# Arguments are passed to the trainer both times, after its own, so that they win.
# DATA_DIR, JOB_DIR: where data and model are, relative to the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
data="${DATA_DIR:-output/songs/data}"
job="${JOB_DIR:-output/songs/model}"

if [[ " $*" != *" --job-dir"* && ! -e "$job/best/checkpoint" ]]; then
  echo "local-predict-evaluate-songs: no trained model in $job;" \
    "run scripts/local-train-songs.sh, or name its directory with JOB_DIR" >&2
  exit 1
fi

for mode in evaluate predict; do
  .venv/bin/python -m sampling "$mode" recommender \
    --job-dir="$job" \
    --test_dir="$data/test/*.csv" \
    "$@"
done
