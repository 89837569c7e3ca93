#pragma once

#include <cstdint>

namespace hal::signals {

/// What is read at one moment. Shares are of 1; see docs/explanation/signals.md for what moves each.
struct Signals {
    double time = 0;           // s
    double sigma = 1;          // [0, 1], 1: perfectly even
    double entropy = 0;        // [0, 1]
    double drift = 0;          // 1/s
    double potential = 0;      // 0 or more
    double fragmentation = 0;  // [0, 1]
    double stranded = 0;       // [0, 1]
    double blocking = 0;       // [0, 1]
    double oldest_gang = 0;    // s
    double utilisation = 0;    // [0, 1]
    std::int64_t pending = 0;  // jobs
    double pending_work = 0;   // share of the cluster's capacity, 0 or more
};

/// Of the squares in the potential.
struct Weights {
    double unevenness = 1, monotony = 0.25, drift = 1, waste = 1;
};

/// Phi = 1/2 (w_u (U (1 - sigma))^2 + w_m (U (1 - H))^2 + w_d (tau max(delta, 0))^2 + w_w stranded^2), like
/// the energy of four springs: U utilisation, tau the drift's time constant in seconds.
double potential(const Signals& s, const Weights& weights, double tau);

}  // namespace hal::signals
