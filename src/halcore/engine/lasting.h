#pragma once

#include <cstdint>
#include <vector>

#include "halcore/engine/engine.h"

namespace hal {

/// By node of a survey: rejected, and not able to hold a task of the shape even if nothing ran there.
std::vector<std::uint8_t> lasting(const Cluster& cluster, ShapeId shape, const Survey& survey);

}  // namespace hal
