#!/usr/bin/env bash
# Makes an environment with the library (editable) and all that its tests, benchmarks and examples
# need there. Does nothing when it is up to date. PYTHON names the Python to make it with (remove the
# environment to change it).
#   bash scripts/setup.sh        .venv: today's TensorFlow, with Estimators, Keras 3 and numpy 2, on
#                                the newest Python that there is, up to 3.13
#   bash scripts/setup.sh tf215  .venv-tf215: TensorFlow 2.15, the last with its own tf.estimator, with
#                                Keras 2 and numpy 1, for the tests; Python 3.10 or 3.11
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "") venv=.venv newest=13 extras=estimator,test,lint,benchmark,serving,gcp,beam,dask,s3 ;;
  tf215) venv=.venv-tf215 newest=11 extras=estimator,tf215,test,serving ;;
  *)
    echo "setup: found $1, expected tf215 or nothing" >&2
    exit 1
    ;;
esac
wanted_python="Python 3.10 to 3.$newest"

# Newest first: on the PATH, or as pyenv keeps them, whose stubs on the PATH fail for all but those
# that were chosen.
candidates() {
  local minor
  for minor in {13..10}; do
    printf '%s\n' "python3.$minor" "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/3.$minor".*/bin/python
  done
  echo python3
}

find_python() {
  local candidate
  while IFS= read -r candidate; do
    # A candidate may be missing, a stub that fails, or another version.
    if [[ -n "$candidate" ]] && "$candidate" -c '
import sys
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, int(sys.argv[1])))' "$newest" 2>/dev/null </dev/null; then
      echo "$candidate"
      return
    fi
    if [[ -n "$candidate" && "$candidate" == "${PYTHON:-}" ]]; then
      echo "setup: PYTHON=$PYTHON is not a $wanted_python, which TensorFlow needs in $venv." >&2
      return 1
    fi
  done < <(
    echo "${PYTHON:-}"
    candidates
  )
}

make_venv() {
  local python
  python="$(find_python)"
  rm -rf "$venv"
  if [[ -z "$python" ]]; then
    if ! command -v uv >/dev/null; then
      echo "setup: found no $wanted_python, which TensorFlow needs in $venv;" \
        "install one and name it: PYTHON=/path/to/python3.$newest bash scripts/setup.sh" >&2
      return 1
    fi
    uv venv --quiet --seed --python "3.$newest" "$venv"
  elif "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
  else
    # Some distributions ship ensurepip apart from Python.
    "$python" -m venv --without-pip "$venv"
    "$python" -m pip --python "$venv/bin/python" install --quiet pip
  fi
}

# Two runs at once: the second waits, then finds the work done.
exec 9<setup.py
if command -v flock >/dev/null; then
  flock 9
fi

# An environment that was moved holds paths that are no longer right.
wanted="$(cksum <setup.py) $PWD"
if [[ -x "$venv/bin/python" && "$(cat "$venv/stamp" 2>/dev/null)" == "$wanted" ]]; then
  exit
fi
make_venv
echo "setup: installing into $venv with $("$venv/bin/python" --version);" \
  "minutes the first time" >&2
# uv installs in a fifth of pip's time. pip knows indexes that uv does not: those of pip.conf.
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile)
"${pip[@]}" uv
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" -e ".[$extras]" ||
  "${pip[@]}" -e ".[$extras]"
# Compiles the modules that every process imports, and no others.
PYTHONDONTWRITEBYTECODE="" "$venv/bin/python" -c "import tests.conftest as c; c.tf.keras.Model; c.tf.estimator"
echo "$wanted" >"$venv/stamp"
echo "setup: done" >&2
