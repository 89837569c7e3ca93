#pragma once

#include <nanobind/nanobind.h>

#include <tuple>

#include "halcore/signals/signals.h"

namespace hal::bindings {

/// In the order of the fields of hal.signals.Signals.
using SignalTuple = std::tuple<double, double, double, double, double, double, double, double, double, double,
                               std::int64_t, double>;
using WeightTuple = std::tuple<double, double, double, double>;

inline SignalTuple signal_tuple(const signals::Signals& s) {
    return {s.time,     s.sigma,    s.entropy,     s.drift,       s.potential, s.fragmentation,
            s.stranded, s.blocking, s.oldest_gang, s.utilisation, s.pending,   s.pending_work};
}
inline signals::Weights weights_of(const WeightTuple& w) {
    return {std::get<0>(w), std::get<1>(w), std::get<2>(w), std::get<3>(w)};
}

}  // namespace hal::bindings
