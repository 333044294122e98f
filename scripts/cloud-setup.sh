#!/usr/bin/env bash
# Once before the other cloud scripts: makes an example's data, copies it to gs://BUCKET/data/EXAMPLE,
# and has the trainer's image built from the Dockerfile and pushed to IMAGE.
#
#   bash scripts/cloud-setup.sh shoppers|songs [--dry-run] [--data=FOLDER] [--no-image]
#
# --data: a folder that has the data already. --no-image: the image is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cloud-common.sh
source scripts/cloud-common.sh
data=
no_image=
parse_arguments "data no-image" "$@"
need PROJECT REGION BUCKET IMAGE

if [[ -z "$data" ]]; then
  data="output/$example/data"
  if [[ ! -d "$data" ]]; then
    maker=acquire_valued_shoppers
    [[ "$example" == shoppers ]] || maker=million_songs
    [[ -n "$dry_run" ]] || bash scripts/setup.sh
    run .venv/bin/python -m "examples.$maker.make_data" --output "$data"
  fi
fi
run gcloud storage rsync --project="$PROJECT" --recursive "$data" "$BUCKET/data/$example"
if [[ -z "$no_image" ]]; then
  run gcloud builds submit --project="$PROJECT" --region="$REGION" --tag="$IMAGE" .
fi
