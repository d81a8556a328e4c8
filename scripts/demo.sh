#!/usr/bin/env bash
# Installs tfhash into .venv, trains GPQ on scikit-learn's digits, and tests it: bash scripts/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh requirements.txt
run() { echo; echo "\$ python $*"; .venv/bin/python "$@"; }
if [ -e models/48bits ]; then
  echo "models/48bits is there already: it is tested as it is. Remove it to train again."
else
  run run_train.py --method=gpq --num_codebooks=12 --dataset=digits
fi
run run_test.py --model=models/48bits
