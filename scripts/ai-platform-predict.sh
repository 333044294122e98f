#!/usr/bin/env bash
# Asks a model on AI Platform Prediction: for a few rows at once, or by a batch job for files.
# That service closed in January 2025; scripts/vertex-predict.sh does the same on its successor.
#
#   bash scripts/ai-platform-predict.sh shoppers|songs --instances=FILE [--model=EXAMPLE] \
#     [--version=v1] [--dry-run]
#   bash scripts/ai-platform-predict.sh shoppers|songs --input=GLOB [...]
#
# --instances: a JSON object for each row, one a line. --input: gs:// files of such lines; the
# predictions go to gs://BUCKET/predictions.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
instances=
input=
model=
version=v1
parse_arguments "instances input model version" "$@"
need PROJECT REGION BUCKET
model="${model:-$example}"

if [[ -n "$instances" ]]; then
  run gcloud ai-platform predict \
    --project="$PROJECT" \
    --region=global \
    --model="$model" \
    --version="$version" \
    --json-instances="$instances"
elif [[ -n "$input" ]]; then
  job="predict_$(new_job)"
  run gcloud ai-platform jobs submit prediction "$job" \
    --project="$PROJECT" \
    --region="$REGION" \
    --model="$model" \
    --version="$version" \
    --data-format=text \
    --input-paths="$input" \
    --output-path="$BUCKET/predictions/$job"
else
  fail "what is to be predicted? name --instances=FILE or --input=gs://...; see --help"
fi
