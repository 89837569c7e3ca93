#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "halcore/signals/cluster_sums.h"
#include "halcore/signals/drift.h"

namespace hal::signals {

/// What a task of the shape asks for. A share asked for by memory or profile counts as a whole device: which
/// device it will be is not known while it waits.
Amount request_of(const Shape& shape, std::int32_t tasks);

/// Reads the signals of a live cluster. What runs it sees itself; what waits it is told. O(1) for a change.
/// The cluster outlives it.
class Monitor {
  public:
    Monitor(const Cluster& cluster, const Weights& weights, double half_life);

    /// The job waits from now on. A job that waits already is left as it is.
    void submitted(const std::string& job, const Amount& request, std::int32_t tasks, double now);
    /// The job waits no more: started, withdrawn, or finished. Unknown jobs are ignored: another monitor's,
    /// or told twice.
    void left(const std::string& job, double now);
    Signals read(double now);
    bool waits(const std::string& job) const { return waiting_.contains(job); }

  private:
    struct Waiting {
        Amount request;
        std::uint64_t ticket;
        bool gang;
    };
    void add(const Amount& request, std::int64_t sign, double now);

    ClusterSums sums_;
    Weights weights_;
    Drift drift_;
    Amount pending_{};
    std::unordered_map<std::string, Waiting> waiting_;
    std::unordered_map<std::uint64_t, double> gangs_;  // ticket -> since
    std::deque<std::uint64_t> gang_order_;  // tickets; those that left go when they come to the front
    std::uint64_t tickets_ = 0;
};

}  // namespace hal::signals
