#pragma once

#include "halcore/policies/scorer.h"

namespace hal {

/// Whether a scorer is the built-in topology distance, which engines may work out along the tree.
bool is_topology_distance(const Scorer& scorer);

}  // namespace hal
