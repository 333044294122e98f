#!/usr/bin/env bash
# Asks a model on Vertex AI: for a few rows at once, or by a batch prediction for files.
#
#   bash scripts/vertex-predict.sh shoppers|songs --request=FILE [--endpoint=EXAMPLE] [--dry-run]
#   bash scripts/vertex-predict.sh shoppers|songs --job=NAME --input=gs://FOLDER/*.jsonl [--dry-run] \
#     [--machine=n1-standard-2]
#
# --request: JSON, {"instances": [{...}, ...]}. --job: whose model to ask. --input: files with a JSON
# object for each row, one a line; the predictions go to gs://BUCKET/predictions/NAME. gcloud has no
# command for batch predictions, so the second way needs the extra `gcp`.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
request=
endpoint=
job=
input=
machine=n1-standard-2
parse_arguments "request endpoint job input machine" "$@"
need PROJECT REGION BUCKET

if [[ -n "$request" ]]; then
  run gcloud ai endpoints predict "${endpoint:-$example}" \
    --project="$PROJECT" \
    --region="$REGION" \
    --json-request="$request"
elif [[ -n "$input" && -n "$job" ]]; then
  [[ -n "$dry_run" && -x .venv/bin/python ]] || bash scripts/setup.sh
  .venv/bin/python -m trainer.cloud.requests predict \
    ${dry_run:+--dry-run} \
    --project="$PROJECT" \
    --region="$REGION" \
    --model="${endpoint:-$example}@${job//_/-}" \
    --input="$input" \
    --output="$BUCKET/predictions/$job" \
    --machine="$machine"
else
  fail "what is to be predicted? name --request=FILE, or --job=NAME and --input=gs://...; see --help"
fi
