#!/usr/bin/env bash
# Makes the songs data unless it is there, then trains a recommender on it: half a minute for the
# data's default size. Arguments are passed to the trainer, after its own, so that they win:
#   bash scripts/local-train-songs.sh --model=gmf
# A model made before is moved to DIRECTORY.previous.
# DATA_DIR, JOB_DIR: where data and model are, relative to the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
example=examples/million_songs
data="${DATA_DIR:-output/songs/data}"
job="${JOB_DIR:-output/songs/model}"

if [[ ! -d "$data" ]]; then
  .venv/bin/python -m "${example//\//.}.make_data" --output "$data"
fi
if [[ " $*" != *" --job-dir"* && -d "$job" ]]; then
  rm -rf "$job.previous"
  mv "$job" "$job.previous"
fi
# The trainer expands the globs: a command line would be too short for many files.
.venv/bin/python -m sampling train recommender \
  --job-dir="$job" \
  --schema="$example/schema.json" \
  --label=n_listens \
  --user_key=user_name \
  --item_key=track_id \
  --train_dir="$data/train/*.csv" \
  --test_dir="$data/test/*.csv" \
  --model=two_tower \
  --batch_size=512 \
  --num_epochs=8 \
  "$@"
