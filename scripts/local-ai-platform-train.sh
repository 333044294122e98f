#!/usr/bin/env bash
# Trains an example on this machine the way AI Platform starts a job, by `gcloud ai-platform local`.
#
#   bash scripts/local-ai-platform-train.sh shoppers|songs [--dry-run] [--job=NAME] [--distributed] \
#     [-- flags of the trainer]
#
# Data is taken from output/EXAMPLE/data, which scripts/local-train.sh or local-train-songs.sh makes.
# --job: to go on with a job that was stopped. --distributed: two workers and a parameter server.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
job=
distributed=
parse_arguments "job distributed" "$@"

cluster=()
if [[ -n "$distributed" ]]; then
  cluster=(--distributed --parameter-server-count=1 --worker-count=2)
fi
set_command "output/$example/data"
[[ -n "$dry_run" ]] || bash scripts/setup.sh
# The Python that gcloud runs the trainer with; otherwise it takes the first one on the PATH.
export CLOUDSDK_ML_ENGINE_LOCAL_PYTHON="${CLOUDSDK_ML_ENGINE_LOCAL_PYTHON:-$PWD/.venv/bin/python}"
run gcloud ai-platform local train \
  --module-name=trainer.task \
  --package-path=trainer \
  --job-dir="output/jobs/${job:-$(new_job)}" \
  "${cluster[@]}" \
  -- "${command[@]}"
