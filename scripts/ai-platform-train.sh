#!/usr/bin/env bash
# Trains an example as a job of AI Platform Training, in the trainer's own image.
# That service closed in January 2025; scripts/vertex-train.sh does the same on its successor.
#
#   bash scripts/ai-platform-train.sh shoppers|songs [--dry-run] [--job=NAME] [--workers=N] \
#     [--machine=n1-standard-4] [-- flags of the trainer]
#
# --workers: further machines beside the chief, with a parameter server for them.
# --job: the job's name, so that one that was stopped goes on: same folder, a name of its own there.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
job=
workers=0
machine=n1-standard-4
parse_arguments "job workers machine" "$@"
need PROJECT REGION BUCKET IMAGE

cluster=()
if ((workers > 0)); then
  cluster=(
    --worker-count="$workers"
    --worker-machine-type="$machine"
    --worker-image-uri="$IMAGE"
    --parameter-server-count=1
    --parameter-server-machine-type="$machine"
    --parameter-server-image-uri="$IMAGE"
  )
fi
set_command "$BUCKET/data/$example"
job="${job:-$(new_job)}"
# The service puts --job-dir and the folder, two words, behind the trainer's flags.
run gcloud ai-platform jobs submit training "${job}_$(date -u +%H%M%S)" \
  --project="$PROJECT" \
  --region="$REGION" \
  --job-dir="$BUCKET/jobs/$job" \
  --scale-tier=custom \
  --master-machine-type="$machine" \
  --master-image-uri="$IMAGE" \
  "${cluster[@]}" \
  --stream-logs \
  -- "${command[@]}"
