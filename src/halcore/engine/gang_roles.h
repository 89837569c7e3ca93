#pragma once

#include <vector>

#include "halcore/engine/gang_problem.h"

namespace hal {

/// Places the roles of a gang one after the other under a domain, each as near as it gets to those before it.
/// First the role whose room is tightest goes first; when that leaves one without room, the given order and
/// its reverse are tried. Sound (what it places fits together), not complete. Appends to `shares`.
bool place_roles(const GangProblem& problem, std::int32_t domain, std::vector<GangShare>& shares);

}  // namespace hal
