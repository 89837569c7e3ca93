// The core as a C++ program uses it, without Python. Built and run by `make library`.
#include <cstdio>
#include <cstring>

#include "halcore/model/error.h"

int main() {
    try {
        throw hal::InvalidModel("cpus = -1");
    } catch (const hal::HalError& error) {
        return std::strcmp(error.what(), "cpus = -1") == 0 && std::puts("the core stands alone") >= 0 ? 0 : 1;
    }
}
