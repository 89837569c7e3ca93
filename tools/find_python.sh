#!/bin/sh
# Prints the first Python >= 3.11 that can make a virtual environment and compile an extension.
# --explain says what was looked for instead.
if [ "${1:-}" = --explain ]; then
    echo "No usable Python: need >= 3.11 with the venv module and the C headers (Debian: python3-venv, python3-dev)." >&2
    echo "Name one with: make PYTHON=/path/to/python3" >&2
    exit 0
fi
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" - >/dev/null 2>&1 <<'PY' && { command -v "$candidate"; exit 0; }
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(sys.version_info < (3, 11) or not os.path.exists(header))
PY
done
