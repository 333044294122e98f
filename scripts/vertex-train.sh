#!/usr/bin/env bash
# Trains an example as a custom job of Vertex AI, in the trainer's own image.
#
#   bash scripts/vertex-train.sh shoppers|songs [--dry-run] [--job=NAME] [--workers=N] \
#     [--machine=n1-standard-4] [-- flags of the trainer]
#
# --workers: further machines beside the chief, with a parameter server and an evaluator for them.
# --job: to go on with a job that was stopped. --dry-run prints the job's configuration, too.
# All that the job is goes into a file: on the command line, gcloud cuts arguments at commas and has
# no flag for the folder that AIP_MODEL_DIR, AIP_CHECKPOINT_DIR and AIP_TENSORBOARD_LOG_DIR are in.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
job=
workers=0
machine=n1-standard-4
parse_arguments "job workers machine" "$@"
need PROJECT REGION BUCKET IMAGE

set_command "$BUCKET/data/$example"
job="${job:-$(new_job)}"
config="$(mktemp)"
trap 'rm -f "$config"' EXIT
[[ -n "$dry_run" && -x .venv/bin/python ]] || bash scripts/setup.sh
.venv/bin/python -m trainer.cloud.requests job \
  --image="$IMAGE" \
  --output="$BUCKET/jobs/$job" \
  --machine="$machine" \
  --workers="$workers" \
  -- "${command[@]}" --job-dir="$BUCKET/jobs/$job" >"$config"
[[ -z "$dry_run" ]] || cat "$config"
run gcloud ai custom-jobs create \
  --project="$PROJECT" \
  --region="$REGION" \
  --display-name="$job" \
  --config="$config"
