#!/usr/bin/env bash
# Makes .venv from a requirements file: bash scripts/setup.sh [requirements.txt]
# Does nothing where .venv already holds what the file asks for.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=${1:-requirements.txt}

supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.10 python; do
  if command -v "$candidate" >/dev/null 2>&1 && supported "$candidate"; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  found=$(python3 --version 2>&1 || true)
  echo "error: tfhash needs Python 3.10 to 3.13; found: ${found:-none}. Install one, or name it: PYTHON=/path/to/python3.12 bash scripts/demo.sh" >&2
  exit 2
fi

if [ ! -x .venv/bin/python ] || ! supported .venv/bin/python; then
  rm -rf .venv
  if ! "$python" -m venv .venv; then
    echo "error: $python could not make .venv. On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 2
  fi
fi
wanted=$(cat requirements*.txt | cksum)
stamp=.venv/installed-$(basename "$requirements")
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  echo "Installing $requirements into .venv (some minutes the first time)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
  echo "$wanted" > "$stamp"
fi
