#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// What a set of victims costs, the first difference decides: jobs disturbed, the highest priority among
/// them, the sum of their priorities, work lost, tasks stopped.
struct VictimCost {
    std::int64_t jobs = 0;
    std::int64_t worst = std::numeric_limits<std::int64_t>::min();
    std::int64_t priorities = 0;
    std::int64_t lost = 0;
    std::int64_t tasks = 0;
    friend auto operator<=>(const VictimCost&, const VictimCost&) = default;

    static VictimCost most() {
        constexpr auto k = std::numeric_limits<std::int64_t>::max();
        return {k, k, k, k, k};
    }
};

/// One way to disturb a job: the tasks it would lose, wherever they run.
struct VictimOption {
    std::vector<std::uint32_t> tasks;  // indices into the job's tasks, ascending
    std::vector<TaskPlace> places;     // the same tasks
    bool whole = false;                // the job ends
};

/// A job that may be disturbed; its options exclude each other, the one that frees most comes last.
struct VictimCandidate {
    JobId job = kNoJob;
    std::int32_t priority = 0;
    std::int64_t lost_each = 0;  // work lost with each task stopped
    std::vector<VictimOption> options;
};

/// (candidate, option) of each victim, ascending.
using VictimPicks = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
struct VictimSet {
    VictimPicks picks;
    VictimCost cost;
    bool exact = true;  // no cheaper set exists; false when the effort ran out first
};

VictimCost add_victim(VictimCost cost, const VictimCandidate& candidate, const VictimOption& option);

/// The cheapest victims whose leaving makes room for one task of a shape on one node.
///
/// First a set by sparing, costliest first, whoever need not go; then, by depth-first search in order of the
/// number of victims, whatever is cheaper. A branch ends when the resources still lacking exceed what its
/// remaining victims could free. Exact unless the effort ran out. The cluster is as before.
class VictimSearch {
  public:
    using Fits = std::function<bool()>;
    using Allowed = std::function<bool(const VictimPicks&)>;

    /// `effort`: sets tried in all runs together; one run tries an eighth at most.
    VictimSearch(Cluster& cluster, std::int64_t effort)
        : cluster_(cluster), share_(effort / 8), left_(effort) {}

    /// The cheapest allowed set below a cost. `fits` asks whether the task fits on the node now; `eligible`
    /// are the devices it may use. Candidates must be sorted by priority, then work lost.
    std::optional<VictimSet> run(ShapeId shape, NodeId node, std::uint64_t eligible,
                                 const std::vector<VictimCandidate>& candidates, const Fits& fits,
                                 const Allowed& allowed, const VictimCost& below);
    /// The last run ended for want of effort: a cheaper set may exist.
    bool exhausted() const { return tries_ >= effort_; }
    /// Whether in the last run there was room once every candidate had left.
    bool clears() const { return clears_; }

  private:
    using Amounts = std::vector<std::int64_t>;  // by resource, then the number of devices
    Amounts lacking() const;
    Amounts freed(const VictimOption& option) const;
    std::optional<VictimSet> spare(const Fits& fits, const Allowed& allowed) const;
    void descend(std::size_t from, std::int64_t left, const VictimCost& cost);
    bool try_picks(const VictimPicks& picks) const;
    std::int64_t least_victims() const;

    Cluster& cluster_;
    std::int64_t share_, left_;
    // of the search under way
    ShapeId shape_ = 0;
    NodeId node_ = kNoNode;
    std::uint64_t eligible_ = 0;
    const std::vector<VictimCandidate>* candidates_ = nullptr;
    const Fits* fits_ = nullptr;
    const Allowed* allowed_ = nullptr;
    Amounts lacking_;
    std::vector<std::vector<Amounts>> freed_;  // [candidate][option]
    std::vector<Amounts> most_;                // [candidate]: most that one of it and those after frees
    std::int64_t tries_ = 0, effort_ = 0;
    bool clears_ = false;
    VictimPicks picks_;
    std::optional<VictimSet> best_;
    VictimCost limit_;
};

}  // namespace hal
