#include "halcore/signals/signals.h"

#include <algorithm>

namespace hal::signals {

double potential(const Signals& s, const Weights& weights, double tau) {
    const double uneven = s.utilisation * (1 - s.sigma);
    const double monotone = s.utilisation * (1 - s.entropy);
    const double growing = tau * std::max(s.drift, 0.0);
    return 0.5 * (weights.unevenness * uneven * uneven + weights.monotony * monotone * monotone +
                  weights.drift * growing * growing + weights.waste * s.stranded * s.stranded);
}

}  // namespace hal::signals
