#!/usr/bin/env bash
# Tries Estimators on other versions of TensorFlow, each in an environment of its own that it makes
# and removes, and fills in the table of sampling/estimator/README.md. Minutes for each; not in the
# gate. Needs the Pythons, on the PATH or from pyenv, and scripts/setup.sh's .venv-tf215.
#   bash scripts/try-tensorflows.sh                 from 2.16 to the newest, on each one's newest Python
#   bash scripts/try-tensorflows.sh 2.21:3.10 2.16  TensorFlow 2.21 on Python 3.10, and 2.16
set -euo pipefail
cd "$(dirname "$0")/.."
export TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH="$PWD"
(($#)) || set -- 2.16 2.17 2.18 2.19 2.20 2.21
readonly TABLE=sampling/estimator/README.md

bash scripts/setup.sh tf215
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
own=.venv-tf215/bin/python
"$own" -W ignore -m tests.estimator_run train "$work/own" >"$work/own.json" 2>"$work/log"

# The newest of the given Pythons that there is this TensorFlow for.
find_python() { # TENSORFLOW PYTHON...
  local tensorflow="$1" version candidate
  for version in "${@:2}"; do
    for candidate in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version".*/bin/python "python$version"; do
      if "$candidate" -m pip install --quiet --dry-run --ignore-installed --no-deps \
        "tensorflow==$tensorflow.*" >/dev/null 2>&1; then
        echo "$candidate"
        return
      fi
    done
  done
  echo "try-tensorflows: found no Python of ${*:2} with a TensorFlow $tensorflow" >&2
  return 1
}

# What fails is told by its last line.
attempt() { # WHAT COMMAND...
  if ! "${@:2}" >"$work/log" 2>&1; then
    echo "$1 failed: $(tail -1 "$work/log")"
    return 1
  fi
}

try() { # PYTHON FOLDER
  attempt "looking for names" "$1" -W ignore -m sampling.estimator.private_names &&
    attempt "training" "$1" -W ignore -m tests.estimator_run train "$2" "$work/own.json" &&
    attempt "using 2.15's" "$1" -W ignore -m tests.estimator_run use "$work/own" "$work/own.json" &&
    attempt "using its by 2.15" "$own" -W ignore -m tests.estimator_run use "$2" "$work/own.json" &&
    echo "canned, custom, export, resume; both ways with 2.15"
}

for each in "$@"; do
  tensorflow="${each%:*}"
  pythons=(3.13 3.12 3.11 3.10)
  [[ "$each" != *:* ]] || pythons=("${each#*:}")
  python="$(find_python "$tensorflow" "${pythons[@]}")"
  echo "try-tensorflows: $tensorflow on $("$python" --version)" >&2
  "$python" -m venv "$work/venv"
  PYTHONPATH="" "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-compile "tensorflow==$tensorflow.*" "tf_keras==$tensorflow.*" "tensorflow-estimator==2.15.*"
  found="$(try "$work/venv/bin/python" "$work/$tensorflow")" || true
  echo "try-tensorflows: $found" >&2
  rm -rf "${work:?}/$tensorflow"* "$work"/own-used-by-*
  "$work/venv/bin/python" - "$TABLE" "$found" <<'PYTHON'
import importlib.metadata
import platform
import re
import sys

path, found = sys.argv[1:]
packages = ("tensorflow", "tf_keras", "keras", "numpy")
versions = [platform.python_version(), *map(importlib.metadata.version, packages)]
minor = [".".join(each.split(".")[:2]) for each in versions[:2]]
row = f"| {versions[1]} | {versions[0]} | {' | '.join(versions[2:])} | {found} |"
with open(path) as file:
    start, rows, end = re.split(r"(?<=---\|\n)((?:\|.*\n)+)(?=<!-- tried -->)", file.read())
kept = [
    each
    for each in rows.splitlines()
    if [".".join(cell.strip().split(".")[:2]) for cell in each.split("|")[2:0:-1]] != minor
]
order = lambda each: [tuple(map(int, re.findall(r"\d+", cell))) for cell in each.split("|")[1:3]]
with open(path, "w") as file:
    file.write(start + "\n".join(sorted([*kept, row], key=order)) + "\n" + end)
PYTHON
  rm -rf "$work/venv"
done
