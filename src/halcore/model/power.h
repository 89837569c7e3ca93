#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// Milliwatts of a device or a socket by its load, piecewise linear between points.
class PowerCurve {
  public:
    /// Draws `full` as soon as anything of it is taken.
    static PowerCurve step(std::int64_t idle, std::int64_t full) {
        return PowerCurve({{0, idle}, {1, full}, {1000, full}});
    }
    static PowerCurve linear(std::int64_t idle, std::int64_t full) {
        return PowerCurve({{0, idle}, {1000, full}});
    }
    /// Points of (load in 1/1000, milliwatts): loads rise from 0 to 1000, milliwatts do not fall.
    /// InvalidModel otherwise.
    explicit PowerCurve(std::vector<std::pair<std::int32_t, std::int64_t>> points);

    std::int64_t at(std::int64_t load) const;
    std::int64_t idle() const { return points_.front().second; }
    std::int64_t full() const { return points_.back().second; }

  private:
    std::vector<std::pair<std::int32_t, std::int64_t>> points_;
};

/// CPUs that fill socket after socket, a core at a time.
struct CpuPower {
    PowerCurve socket;
    std::int32_t cores = 16;             // of a socket
    std::int32_t milli_per_core = 2000;  // milli-CPU: two hardware threads

    std::int64_t watts(std::int64_t capacity, std::int64_t free) const;  // milliwatts, of milli-CPU
};

/// What an empty node may fall into, and how long it takes to come back.
struct SleepState {
    std::int64_t milliwatts;
    std::int64_t wake_micros;
    std::int64_t waking = kAsIdle;  // milliwatts drawn until it is back

    static constexpr std::int64_t kAsIdle = -1;
};

/// Power of nodes by what they are made of. A model of GPU without a curve counts as the hungriest one known.
struct PowerModel {
    CpuPower cpu;
    std::map<std::string, PowerCurve> gpus;
    std::vector<SleepState> sleep;      // none: empty nodes idle
    std::int64_t most_wake_micros = 0;  // states that wake slower are not entered

    /// InvalidModel, naming the field, for figures below 0 or above 1 MW.
    void check() const;
};

/// The figures and rules of Lettich et al., arXiv 2412.17484: Xeon E5-2682 v4 sockets of 16 cores at 15/120
/// W; GPUs idle/full in W: T4 10/70, A10 and G2 30/150, P100 25/250, V100 30/300, A100 and G3 50/400;
/// whatever is touched draws its full power.
PowerModel published_power();

/// A power model on one cluster. Amounts in milliwatts.
class NodePower {
  public:
    NodePower(const PowerModel& model, const Cluster& cluster);
    NodePower(const NodePower&) = delete;  // points into its own model

    /// As the node is now.
    std::int64_t of(NodeId node) const;
    /// With this much CPU free and these shares of its devices.
    std::int64_t at(NodeId node, std::int64_t cpu_free, std::span<const std::int32_t> gpu_free) const;
    const PowerCurve& curve(NodeId node, int device) const {
        return *curves_[cluster_.node_class(node).devices[device].model];
    }
    const CpuPower& cpu() const { return model_.cpu; }
    /// The state that an empty node is in; nullptr when it is awake.
    const SleepState* asleep(NodeId node) const;
    /// What a sleeping node draws while it wakes, beyond what it draws asleep.
    std::int64_t waking(NodeId node) const;
    /// The state that empty nodes fall into; nullptr when none wakes in time.
    const SleepState* state() const { return state_; }
    /// The most that waking() is of any node.
    std::int64_t most_waking() const;
    /// The most that placing a task of the shape can add on any node.
    std::int64_t most_added(const Shape& shape) const;
    bool stale() const { return curves_.size() != cluster_.models().size(); }

  private:
    std::int64_t idle(const NodeKind& kind) const;

    const Cluster& cluster_;
    PowerModel model_;
    std::vector<const PowerCurve*> curves_;  // by interned GPU model
    const SleepState* state_ = nullptr;      // the deepest that wakes in time
};

}  // namespace hal
