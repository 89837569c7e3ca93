#!/bin/bash
# capi.sh BIN: the C interface as a stranger meets it: libhal installed to a prefix and found by CMake, its symbols and
# structs held against past releases, the C test and the scheduler in C, first plain, then under the address sanitizer;
# the scheduler in Go plain.
set -eu -o pipefail
bin=$1 out=build/capi jobs=${CAPI_JOBS:-1000000}
export PATH="$PWD/$bin:$PATH"
strict="-std=c11 -Wall -Wextra -Werror -pedantic"

# try FOLDER NAME FLAGS: installs the libhal built in FOLDER, builds the programs with FLAGS, runs them.
try() {
    local built=$1 prefix=$out/$2/prefix flags=$3
    rm -rf "$out/$2" && mkdir -p "$out/$2"
    cmake --install "$built" --component libhal --prefix "$prefix" >/dev/null
    local libraries
    libraries=$(dirname "$(find "$PWD/$prefix" -name libhal.so)")
    "${CC:-cc}" $strict $flags -I"$prefix/include" tests/c_api/test_hal.c tests/c_api/test_misuse.c -L"$libraries" -lhal -lm \
        -Wl,-rpath,"$libraries" -o "$out/$2/test_hal"
    "$out/$2/test_hal"
    cmake -S examples/native/c_scheduler -B "$out/$2/scheduler" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_PREFIX_PATH="$PWD/$prefix" -DCMAKE_C_FLAGS="$flags" >/dev/null
    cmake --build "$out/$2/scheduler" >/dev/null
    "$out/$2/scheduler/scheduler" "$jobs"
}

"${CXX:-c++}" -std=c++17 -Wall -Wextra -Werror -pedantic -fsyntax-only -Isrc/halcore/c_api -x c++ - \
    <<<'#include <hal.h>'
"$bin/python" tools/abi.py build/library/libhal.so
try build/library plain ""

export PATH="$PATH:/usr/lib/go-1.19/bin"
command -v go >/dev/null || bash tools/apt_install.sh golang-1.19-go
prefix=$PWD/$out/plain/prefix
libraries=$(dirname "$(find "$prefix" -name libhal.so)")
(cd examples/native/go_scheduler && test -z "$(gofmt -l .)" \
    && CGO_CFLAGS="-I$prefix/include" CGO_LDFLAGS="-L$libraries -Wl,-rpath,$libraries" \
        go build -o "$prefix/../go_scheduler" .)
"$out/plain/go_scheduler"

# The address sanitizer's lane has built the core so; without it, build it here.
asan=build/asan/cmake
if [ ! -f $asan/CMakeCache.txt ]; then
    asan=build/capi-asan
    cmake --preset capi-asan >/dev/null
fi
cmake -DHAL_C_API=ON $asan >/dev/null
cmake --build $asan --target hal >/dev/null
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
try $asan asan "-fsanitize=address,undefined -fno-sanitize-recover=all -g"
