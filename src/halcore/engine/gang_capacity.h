#pragma once

#include <cstdint>
#include <vector>

#include "halcore/engine/gang_problem.h"

namespace hal {

/// Per domain and role the tasks its subtree holds, whole slices only: the counts that prune whole racks.
/// Capacities are cut at what the gang asks for. O(domains + nodes) to build.
class GangCapacity {
  public:
    explicit GangCapacity(const GangProblem& problem);

    /// Tasks of the role at a position.
    std::int64_t node(std::size_t role, std::int32_t position) const { return node_[role][position]; }
    /// Tasks of the role that may go under the domain when everything of the gang does.
    std::int64_t inside(std::size_t role, std::int32_t domain) const { return inside_[role][domain]; }
    /// Tasks of the role that the domain contributes to its parent: whole slices only, where slices end here.
    std::int64_t lifted(std::size_t role, std::int32_t domain) const {
        return ends_slice(role, domain) ? whole(role, inside_[role][domain]) : inside_[role][domain];
    }
    /// The domain is the highest one that slices of the role must not cross.
    bool ends_slice(std::size_t role, std::int32_t domain) const {
        const auto& r = problem_.roles[role];
        return r.slice > 1 && problem_.topology.level(domain) >= r.slice_level &&
               (domain == 0 || problem_.topology.level(problem_.topology.parent(domain)) < r.slice_level);
    }
    /// Nodes that hang from the domain itself are too high for its slices: each holds whole slices.
    bool node_ends_slice(std::size_t role, std::int32_t domain) const {
        const auto& r = problem_.roles[role];
        return r.slice > 1 && problem_.topology.level(domain) < r.slice_level;
    }
    /// Every role has the room; necessary, and with one role sufficient.
    bool may_hold(std::int32_t domain) const;
    /// Running tasks at a position, and under a domain.
    std::int32_t running_at(std::int32_t position) const {
        return problem_.running.empty() ? 0 : problem_.running[position];
    }
    std::int64_t running_under(std::int32_t domain) const {
        const auto& t = problem_.topology;
        return running_.empty() ? 0 : running_[t.node_end(domain)] - running_[t.node_begin(domain)];
    }
    std::int64_t running() const { return running_.empty() ? 0 : running_.back(); }

  private:
    std::int64_t whole(std::size_t role, std::int64_t tasks) const {
        return tasks - tasks % problem_.roles[role].slice;
    }
    const GangProblem& problem_;
    std::vector<std::vector<std::int32_t>> node_;
    std::vector<std::vector<std::int64_t>> inside_;
    std::vector<std::int64_t> running_;  // prefix sums over positions
};

/// Pairs among n things.
inline std::int64_t pairs(std::int64_t n) {
    return n * (n - 1) / 2;
}

}  // namespace hal
