#!/usr/bin/env bash
# Makes a vocabulary from any CSV files by `tf-sampling vocab`: the distinct ids of a column, one a
# line, no header, the most frequent first. The ones in vocab/ were made of the songs' data by
#   bash scripts/make-vocab.sh 'output/songs/data/*/*.csv' --column=user_name --output=vocab/users.csv
#   bash scripts/make-vocab.sh 'output/songs/data/*/*.csv' --column=track_id --output=vocab/songs.csv
# --min_count leaves rare ids out; --columns and --delimiter are for files without a header.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
exec .venv/bin/python -m sampling vocab "$@"
