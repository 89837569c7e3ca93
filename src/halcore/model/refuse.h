#pragma once

#include <string>

#include "halcore/model/error.h"

namespace hal {

[[noreturn]] inline void refuse_node(const std::string& node, const std::string& what) {
    throw InvalidModel("node '" + node + "': " + what);
}

}  // namespace hal
