#pragma once

#include <cstdint>

#include "halcore/model/power.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// How added watts become a score.
struct EnergyTerms {
    bool relative = false;                    // scaled over the nodes that fit, as make_power does
    std::int64_t run_micros = 3'600'000'000;  // a typical task's; what waking takes is spread over it
    std::int64_t delay_milli = 1000;  // waiting counts as this many thousandths of the most that a task adds
};

/// Added watts under one's own power model. InvalidModel for terms out of range.
ScorerPtr make_energy_of(PowerModel model, const EnergyTerms& terms);

}  // namespace hal
