#!/usr/bin/env bash
# Installs tfhash and pytest into .venv and runs the tests: bash scripts/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh requirements-dev.txt
exec .venv/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile "$@"
