#!/bin/bash
# package_tree.sh DIR: copies the Python sources to DIR/hal the way the wheel lays them out (adapters/ as hal.adapters),
# so that linters see them under their import names.
set -eu
rm -rf "$1" && mkdir -p "$1"
cp -r python/hal "$1/hal"
cp -r adapters "$1/hal/adapters"
find "$1" \( -name __pycache__ -o -name '*.so' \) -prune -exec rm -rf {} +
# The import graph knows only modules with a source; mypy prefers the stub beside it.
touch "$1/hal/_core.py"
