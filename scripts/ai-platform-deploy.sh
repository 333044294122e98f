#!/usr/bin/env bash
# Puts the newest export of a job behind AI Platform Prediction, as a version of a model.
# That service closed in January 2025; scripts/vertex-deploy.sh does the same on its successor.
#
#   bash scripts/ai-platform-deploy.sh shoppers|songs --job=NAME [--dry-run] [--model=EXAMPLE] \
#     [--version=v1]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
job=
model=
version=v1
parse_arguments "job model version" "$@"
need PROJECT REGION BUCKET
[[ -n "$job" ]] || fail "which job? name it with --job=, as scripts/ai-platform-train.sh did"

model="${model:-$example}"
origin="$(newest_export "$job")"
if [[ -n "$dry_run" ]] || ! gcloud ai-platform models describe "$model" \
  --project="$PROJECT" --region=global >/dev/null 2>&1; then
  run gcloud ai-platform models create "$model" --project="$PROJECT" --regions="$REGION"
fi
# Models are created with the region they are served from, and live in "global" all the same.
run gcloud ai-platform versions create "$version" \
  --project="$PROJECT" \
  --region=global \
  --model="$model" \
  --origin="$origin" \
  --framework=tensorflow \
  --runtime-version=2.11 \
  --python-version=3.7
