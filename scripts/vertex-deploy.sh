#!/usr/bin/env bash
# Puts the newest export of a job behind an endpoint of Vertex AI.
#
#   bash scripts/vertex-deploy.sh shoppers|songs --job=NAME [--dry-run] [--endpoint=EXAMPLE] \
#     [--machine=n1-standard-2]
#
# The model is called as its endpoint. What another job has trained is a new version of it, with the
# job's name, in hyphens, as alias. Once it answers at the endpoint, older ones are taken away from
# there; in the registry they stay.
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
at=(--project="$PROJECT" --region="$REGION")
exists() { # models|endpoints
  [[ -z "$dry_run" ]] && gcloud ai "$1" describe "$endpoint" "${at[@]}" >/dev/null 2>&1
}

export_folder="$(newest_export "$job")"
of_model=(--model-id="$endpoint")
if exists models; then
  of_model=(--parent-model="projects/$PROJECT/locations/$REGION/models/$endpoint")
fi
# 2.15 is the newest TensorFlow among the service's own images. It answers with the exports of newer
# ones, too, which a test tries (tests/test_two_tensorflows.py).
run gcloud ai models upload \
  "${at[@]}" \
  "${of_model[@]}" \
  --version-aliases="default,${job//_/-}" \
  --display-name="$endpoint" \
  --artifact-uri="${export_folder%/}" \
  --container-image-uri=us-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest
deployed=
if exists endpoints; then
  deployed="$(gcloud ai endpoints describe "$endpoint" "${at[@]}" --format='value[delimiter=" "](deployedModels.id)')"
else
  run gcloud ai endpoints create "${at[@]}" --endpoint-id="$endpoint" --display-name="$endpoint"
fi
# "0" is the model that is deployed by this very command, which waits until it answers.
run gcloud ai endpoints deploy-model "$endpoint" \
  "${at[@]}" \
  --model="$endpoint" \
  --display-name="$job" \
  --machine-type="$machine" \
  --min-replica-count=1 \
  --traffic-split=0=100
for id in ${deployed//[;,]/ }; do
  run gcloud ai endpoints undeploy-model "$endpoint" "${at[@]}" --deployed-model-id="$id"
done
