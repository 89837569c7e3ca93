#include "halcore/signals/drift.h"

#include <cmath>

#include "halcore/model/error.h"

namespace hal::signals {

Drift::Drift(double half_life) : tau_(half_life / std::log(2.0)) {
    if (!(half_life > 0 && half_life <= 1e9))
        throw InvalidModel("half_life: " + std::to_string(half_life) + " s; must be above 0 and at most 1e9");
}

double Drift::mean_at(double now) const {
    return now > time_ ? w_ + (mean_ - w_) * std::exp(-(now - time_) / tau_) : mean_;
}

void Drift::set(double now, double w) {
    mean_ = mean_at(now);
    if (now > time_) time_ = now;
    w_ = w;
}

double Drift::at(double now) const {
    return (w_ - mean_at(now)) / tau_;
}

}  // namespace hal::signals
