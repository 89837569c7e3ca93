#include "halcore/policies/logistic.h"

#include <cmath>
#include <limits>

namespace hal {

int Logistic::compute(double x) {
    return static_cast<int>(1.0 / (1.0 + std::exp(-x / 1000)) * 100);
}

Logistic::Logistic() {
    step_[0] = -std::numeric_limits<double>::infinity();
    step_[101] = std::numeric_limits<double>::infinity();
    for (int k = 1; k <= 100; ++k) {
        double low = -1e6, high = 1e6;  // compute(low) < k <= compute(high)
        while (std::nextafter(low, high) < high) {
            const double middle = low + (high - low) / 2;
            (compute(middle) >= k ? high : low) = middle;
        }
        step_[k] = high;
    }
    for (std::size_t i = 0; i < guess_.size(); ++i)
        guess_[i] = compute(static_cast<double>(i) / kPerUnit - kRange);
}

}  // namespace hal
