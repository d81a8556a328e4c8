#!/usr/bin/env bash
# Installs tfhash and pytest into .venv and runs the tests: bash scripts/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh requirements-dev.txt
# A worker that dies ends the run: one in its place would wait for ever.
exec .venv/bin/python -m pytest -n auto --maxprocesses 4 --max-worker-restart 0 --dist loadfile "$@"
