#!/bin/bash
# sanitize.sh asan|tsan BIN TEST...: builds the package with that sanitizer beside the installed wheel and runs the
# tests on it. The runtime is preloaded because the interpreter itself is not instrumented.
set -eu -o pipefail
lane=$1 bin=$2
shift 2
root=$(pwd) site=build/$lane/site
export CXX=${CXX:-g++}
declare -A flags=([asan]=address,undefined [tsan]=thread) runtime=([asan]=libasan.so [tsan]=libtsan.so)

PATH="$root/$bin:$PATH" "$bin/python" -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation \
    --upgrade --target "$site" -C build-dir="build/$lane/cmake" -C cmake.build-type=RelWithDebInfo \
    -C cmake.define.CMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" -C cmake.define.HAL_SANITIZE="${flags[$lane]}" \
    -C cmake.define.HAL_C_API=ON .

library=$("$CXX" -print-file-name="${runtime[$lane]}")
[ -f "$library" ] || { echo "$CXX has no ${runtime[$lane]}: install the compiler's sanitizer runtime" >&2; exit 1; }
# libstdc++ comes along so that the runtime finds the exception machinery it has to wrap.
preload="$library $("$CXX" -print-file-name=libstdc++.so.6)"
# The thread sanitizer needs its fixed address ranges free, which much address randomisation takes away.
quiet=()
if [ "$lane" = tsan ] && setarch "$(uname -m)" -R true 2>/dev/null; then quiet=(setarch "$(uname -m)" -R); fi

run() {
    "${quiet[@]}" env PYTHONPATH="$site" PYTHONMALLOC=malloc LD_PRELOAD="$preload" \
        ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$root/tools/tsan.supp" \
        HAL_SANITIZER="$lane" "$@"
}
run "$bin/python" -c "import hal._core as core; assert 'build/$lane' in core.__file__, core.__file__"
run "$bin/pytest" -m "not slow and not server" -p no:cacheprovider -n "${PYTEST_WORKERS:-2}" "$@"
