#!/bin/sh
# build.sh [FOLDER]: compiles best_fit.c against the installed hal into FOLDER/libbest_fit.so (default: build).
set -eu
cd "$(dirname "$0")"
out=${1:-build}
mkdir -p "$out"
include=$("${PYTHON:-python3}" -c "import hal; print(hal.get_include())")
"${CC:-cc}" -std=c11 -Wall -Wextra -Werror -O3 -ffp-contract=off -fPIC -shared -I"$include" best_fit.c \
    -o "$out/libbest_fit.so"
