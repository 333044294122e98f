#!/usr/bin/env bash
# A startup script for a virtual machine that trains and then switches itself off:
#
#   gcloud compute instances create trainer --provisioning-model=SPOT \
#     --image-family=cos-stable --image-project=cos-cloud --scopes=cloud-platform \
#     --metadata-from-file=startup-script=scripts/vm-startup.sh,arguments=arguments.txt \
#     --metadata=image=REGION-docker.pkg.dev/PROJECT/REPOSITORY/tf-sampling
#
# arguments.txt has the trainer's arguments, one a line, --job-dir=gs://... among them. A machine that
# is preempted and started again runs this again, and the training goes on from its checkpoint.
set -euo pipefail

metadata() {
  curl --silent --show-error --fail --retry 5 --header 'Metadata-Flavor: Google' \
    "${METADATA_URL:-http://metadata.google.internal}/computeMetadata/v1/instance/attributes/$1"
}

image="$(metadata image)"
text="$(metadata arguments)"
mapfile -t arguments <<<"$text"

# Docker's settings cannot go to the home of root on Container-Optimized OS.
export HOME="${STARTUP_HOME:-/var/lib/trainer}"
mkdir -p "$HOME"
docker-credential-gcr configure-docker --registries="${image%%/*}"
status=0
docker run --rm --network=host "$image" "${arguments[@]}" || status=$?
if ((status == 0)); then
  echo "vm-startup: trained; switching off"
  shutdown -h now
else
  echo "vm-startup: the training ended with status $status; the machine stays for a look" >&2
fi
exit "$status"
