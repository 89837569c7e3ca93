#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "halcore/model/topology.h"

namespace hal {

/// Identical tasks of a gang: a driver, the workers.
struct GangRole {
    std::int32_t tasks = 1;
    std::int32_t slice = 1;  ///< every `slice` consecutive tasks share a domain of `slice_level` or below
    std::int32_t slice_level = 0;  ///< n_levels() means one node
};

/// Where a gang may go, as numbers: the tree and, per node *position* (Topology::node_order), how many tasks
/// of each role it holds. Counts are per role, so that nothing here knows about resources.
struct GangProblem {
    const Topology& topology;
    std::vector<GangRole> roles;
    std::int32_t required_level = 0;   ///< all tasks in one domain of this level or below, or on one node
    std::int32_t preferred_level = 0;  ///< a spread narrower than this level is no better than it
    /// capacity[role][position]: tasks of that role alone.
    std::vector<std::span<const std::int32_t>> capacity;
    /// Whether a node holds these counts together; asked only with more than one role, and of counts that
    /// fit alone. Must be monotone: fewer tasks fit where more do.
    std::function<bool(std::int32_t position, std::span<const std::int32_t> counts)> together;
    /// Tasks of the same gang that already run at a position (growing it); empty when none do.
    std::span<const std::int32_t> running;
};

/// Tasks of each role put at one position.
struct GangShare {
    std::int32_t position;
    std::vector<std::int32_t> tasks;
};

/// The answer: where the gang goes, or how near it came.
struct GangAnswer {
    bool feasible = false;
    bool exact = false;             ///< distance is the least possible at this spread
    std::int32_t spread = -1;       ///< level of the lowest common domain, n_levels() for a single node
    std::int64_t distance = 0;      ///< total pairwise, running tasks included
    std::vector<GangShare> shares;  ///< by position
};

}  // namespace hal
