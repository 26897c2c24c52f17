#!/usr/bin/env bash
# Trains the classifier of symbols, and writes its files: drawing_engine/classifier/symbols.onnx, symbols.json and CARD.md.
# It takes less than ten minutes of processor time, and an environment of its own (var/training), without a GPU.
#
#   scripts/train_classifier.sh                     the committed files
#   scripts/train_classifier.sh --folder DIR        the same, elsewhere
#   scripts/train_classifier.sh --help              all options
#
# PYTHON names the Python to make the environment with (python3.11 or newer).
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
python=${PYTHON:-python3}
if ! cmp -s requirements-training.txt var/training/requirements-training.txt; then
    "$python" -m venv --clear var/training
    var/training/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-training.txt
    cp requirements-training.txt var/training/
fi
# One thread: the sums of several threads have no fixed order, so the weights would differ from run to run.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 JAX_PLATFORMS=cpu
export XLA_FLAGS=--xla_cpu_multi_thread_eigen=false
exec var/training/bin/python -m scripts.classifier.train "$@"
