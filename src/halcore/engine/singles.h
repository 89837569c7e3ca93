#pragma once

#include "halcore/engine/engine.h"

namespace hal {

/// Books one task where the policy wants it; on kNoNode when it fits nowhere, and nothing is booked. For jobs
/// of one task that neither queues nor rules bind: nothing is taken before it is certain, so there is nothing
/// to take back.
TaskPlace take_single(Cluster& cluster, BoundPolicy& bound, ShapeId shape, TraitsId traits, double& score);

/// A batch of such jobs. `out` has their shapes and traits; its other columns get their size at once.
void place_singles(Engine& engine, const std::shared_ptr<const Policy>& policy, bool apply, PlaceResult& out);

}  // namespace hal
