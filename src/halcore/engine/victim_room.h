#pragma once

#include <vector>

#include "halcore/engine/engine.h"
#include "halcore/engine/room_bound.h"
#include "halcore/engine/victim_sets.h"

namespace hal {

/// The bound for the victims of a job: in each domain that its tasks must share, the room for the role of it
/// that takes the most. The jobs of the bound are the candidates. Reads the engine as long as it lives.
RoomBound room_bound(Engine& engine, const JobRequest& job,
                     const std::vector<VictimSets::Candidate>& candidates);

}  // namespace hal
