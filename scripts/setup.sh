#!/usr/bin/env bash
# Makes .venv with the library (editable) and all that its tests, benchmarks and examples need.
# Does nothing when .venv is up to date. PYTHON names the Python to make it with (remove .venv to
# change it): 3.10 or 3.11, which TensorFlow 2.15 runs on, the last with tf.estimator.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.10 python3; do
    # A candidate may be missing, a stub that fails, or another version.
    if [[ -n "$candidate" ]] && "$candidate" -c '
import sys
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
    if [[ -n "$candidate" && "$candidate" == "${PYTHON:-}" ]]; then
      echo "setup: PYTHON=$PYTHON is not a Python 3.10 or 3.11; TensorFlow 2.15 needs one." >&2
      return 1
    fi
  done
}

make_venv() {
  local python
  python="$(find_python)"
  rm -rf .venv
  if [[ -z "$python" ]]; then
    if ! command -v uv >/dev/null; then
      echo "setup: found no Python 3.10 or 3.11, which TensorFlow 2.15 needs;" \
        "install one and name it: PYTHON=/path/to/python3.11 bash scripts/setup.sh" >&2
      return 1
    fi
    uv venv --quiet --seed --python 3.11 .venv
  elif "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
  else
    # Some distributions ship ensurepip apart from Python.
    "$python" -m venv --without-pip .venv
    "$python" -m pip --python .venv/bin/python install --quiet pip
  fi
}

# Two runs at once: the second waits, then finds the work done.
exec 9<setup.py
if command -v flock >/dev/null; then
  flock 9
fi

# An environment that was moved holds paths that are no longer right.
wanted="$(cksum <setup.py) $PWD"
if [[ -x .venv/bin/python && "$(cat .venv/stamp 2>/dev/null)" == "$wanted" ]]; then
  exit
fi
make_venv
echo "setup: installing into .venv with $(.venv/bin/python --version); minutes the first time" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
  -e ".[estimator,test,benchmark]"
echo "$wanted" >.venv/stamp
echo "setup: done" >&2
