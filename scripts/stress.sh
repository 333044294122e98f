#!/usr/bin/env bash
# The long trials, of which scripts/test.sh runs short forms: five million rows split in bounded
# memory; commands that write killed at random moments, and two of them at once with one output;
# a thousand flipped bits in a file of each format; the memory of three hundred Datasets;
# trainings killed at twenty random moments each and started again; thousands of faults of a
# bucket's service, and one that lasts; clusters of one, two and three workers, whole and with
# processes killed at random moments, and the same of those that train in step; tests that are marked
# as long; property tests with new random examples; the study of the default commands on real files,
# three splits of each: of the embedded one, and of the public ones if REAL_FILES names their folder;
# ten million draws of unobserved pairs of each kind, none of them an observed pair, against the
# exact distribution.
# Arguments are passed on to the draws, after its own, so that they win:
#   bash scripts/stress.sh --draws=100000000
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
.venv/bin/python -m tests.stress_prepare --rows=5000000
.venv/bin/python -m tests.stress_writers --kills=24 --pairs=100
.venv/bin/python -m tests.stress_flips --flips=1000
.venv/bin/python -m tests.stress_memory --calls=300
.venv/bin/python -m tests.stress_resume --kills=20
.venv/bin/python -m tests.stress_cloud --epochs=400
.venv/bin/python -m tests.stress_clusters --kills=20
.venv/bin/python -m tests.stress_in_step --kills=6
.venv/bin/python -m pytest -m long
.venv/bin/python -m pytest -m hypothesis --hypothesis-profile=others
.venv/bin/python -m examples.real_files.study --output=output/real-files --overwrite --seeds=3 \
  ${REAL_FILES:+--data="$REAL_FILES"}
.venv/bin/python -m tests.stress_pairs --draws=10000000 "$@"
