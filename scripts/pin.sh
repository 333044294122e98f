#!/usr/bin/env bash
# Writes scripts/pinned.txt: the version of each package in the trainer's image, which is that of
# .venv, where the tests run. Remove .venv before, for the newest ones that go together.
#
#   bash scripts/pin.sh
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
.venv/bin/python -m pip freeze --exclude-editable >"$work/installed"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --dry-run --ignore-installed \
  --report "$work/report" --constraint "$work/installed" ".[estimator,report]"
.venv/bin/python - "$work/report" >scripts/pinned.txt <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as file:
    found = [each["metadata"] for each in json.load(file)["install"]]
print("# Of the trainer's image; scripts/pin.sh writes this file.")
for each in sorted(found, key=lambda each: each["name"].lower()):
    if each["name"] != "tf-sampling":
        print(f"{each['name']}=={each['version']}")
PYTHON
