#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "halcore/model/power.h"
#include "halcore/signals/signals.h"

// What a simulation is told and what it answers, as plain values.
namespace hal::replay {

/// How much crowded nodes slow their tasks down. The crowd that a task meets is the load of the others: with
/// k tasks on a node of load u (its fullest resource), u (1 - 1/k) on average. All tasks of a node run at
/// one speed, 1 / (1 + strength c^exponent), c the crowd above `from`, as a share of what lies above it.
struct Contention {
    double strength = 0;  // 0: off
    double from = 0;      // in [0, 1)
    double exponent = 2;

    double speed(double load, std::uint32_t tasks) const {
        if (strength <= 0 || tasks < 2) return 1;
        const double others = load * (1 - 1.0 / tasks);
        if (others <= from) return 1;
        const double crowd = (others - from) / (1 - from);
        return 1 / (1 + strength * (exponent == 2 ? crowd * crowd : std::pow(crowd, exponent)));
    }
};

/// Empty nodes fall asleep; a task that is placed on one waits until it has come back.
struct Sleep {
    double after = -1;  // s of emptiness; below 0: never
    double wake = 0;    // s
    std::int64_t milliwatts = 0;
};

/// Nodes fail, each on its own, at exponentially distributed intervals; what ran there starts anew.
struct Failures {
    double mean_between = 0;  // s of one node; 0: never
    double repair = 0;        // s
    std::uint64_t seed = 0;
};

struct SimulationOptions {
    Contention contention;
    Sleep sleep;
    Failures failures;
    PowerModel power;
    bool first_come = false;  // the head of the queue blocks those behind it; else whoever fits starts
    double half_life = 300;   // s, of the drift
    signals::Weights weights;

    /// InvalidModel, naming the field.
    void check() const;
};

/// One row a control step, as it was at its end; peaks and power are those of the step.
struct TraceRow {
    signals::Signals signals;
    double p = 0;
    double power = 0;  // mean watts
    std::int64_t queue_peak = 0;
    double pending_peak = 0;
    std::int64_t running = 0;           // jobs
    std::int64_t asleep = 0, down = 0;  // nodes
};

/// One entry a job. Times are NaN, and nodes -1, where they never came to be.
struct JobColumns {
    std::vector<double> start, end;
    std::vector<std::int32_t> node;      // of the first task
    std::vector<std::int32_t> restarts;  // because of failures
    std::vector<std::uint8_t> infeasible;
};

}  // namespace hal::replay
