#!/usr/bin/env bash
# Puts the newest export of a job behind an endpoint of Vertex AI.
#
#   bash scripts/vertex-deploy.sh shoppers|songs --job=NAME [--dry-run] [--endpoint=EXAMPLE] \
#     [--machine=n1-standard-2]
#
# The model's ID is the job's name with hyphens; a new endpoint gets all its traffic.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
job=
endpoint=
machine=n1-standard-2
parse_arguments "job endpoint machine" "$@"
need PROJECT REGION BUCKET
[[ -n "$job" ]] || fail "which job? name it with --job=, as scripts/vertex-train.sh did"

endpoint="${endpoint:-$example}"
model="${job//_/-}"
export_folder="$(newest_export "$job")"
at=(--project="$PROJECT" --region="$REGION")
run gcloud ai models upload \
  "${at[@]}" \
  --model-id="$model" \
  --display-name="$model" \
  --artifact-uri="${export_folder%/}" \
  --container-image-uri=us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest
if [[ -n "$dry_run" ]] ||
  ! gcloud ai endpoints describe "$endpoint" "${at[@]}" >/dev/null 2>&1; then
  run gcloud ai endpoints create "${at[@]}" --endpoint-id="$endpoint" --display-name="$endpoint"
fi
# "0" is the model that is deployed by this very command.
run gcloud ai endpoints deploy-model "$endpoint" \
  "${at[@]}" \
  --model="$model" \
  --display-name="$model" \
  --machine-type="$machine" \
  --min-replica-count=1 \
  --traffic-split=0=100
