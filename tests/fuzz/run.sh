#!/bin/bash
# run.sh PYTHON SECONDS: fuzzes every door in turn, SECONDS in all. Without atheris for this Python the doors are
# tried by Hypothesis instead, longer than in the fast tests.
set -euo pipefail
python=$1 seconds=$2
if ! "$python" -c 'import atheris' 2>/dev/null; then
    echo "atheris does not run on this Python: falling back to Hypothesis"
    HYPOTHESIS_PROFILE=fuzz exec "$python" -m pytest -q tests/fuzz
fi
mapfile -t names < <("$python" -c 'from tests.fuzz.targets import TARGETS; print(*TARGETS, sep="\n")')
each=$(((seconds + ${#names[@]} - 1) / ${#names[@]}))
for name in "${names[@]}"; do
    echo "== $name, $each s"
    "$python" -m tests.fuzz.fuzz "$name" "build/fuzz/$name" -max_total_time="$each" -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -artifact_prefix="build/fuzz/$name-" -print_final_stats=0 -verbosity=1 2>&1 |
        grep -vE '^(INFO|#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD))|^$' || exit 1
done
