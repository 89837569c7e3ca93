#pragma once

#include "halcore/model/power.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// Added watts under one's own power model; relative scales over the nodes that fit, as make_power does.
ScorerPtr make_energy_of(PowerModel model, bool relative);

}  // namespace hal
