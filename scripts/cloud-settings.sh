# shellcheck shell=bash
# Where the cloud scripts work: fill in the defaults here, or set the variables in the environment,
# which go before them.
: "${PROJECT:=}"             # the Google Cloud project's ID
: "${REGION:=europe-west1}"  # of training, models and endpoints
: "${BUCKET:=}"              # gs://name, in that region: data, jobs and exports
: "${IMAGE:=}"               # of the trainer: REGION-docker.pkg.dev/PROJECT/REPOSITORY/tf-sampling
