#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "halcore/engine/engine.h"
#include "halcore/engine/lack.h"

namespace hal {

/// The smallest change that would let a job, or the next task of a gang, fit.
struct Missing {
    /// By role (a job that is no gang has one), how many of its least number of tasks find room as it is, in
    /// `domain` and once those of the other roles have theirs.
    std::vector<std::int64_t> tasks;
    std::size_t role = 0;   // of the next task: the first role that is short, else the first
    std::int64_t most = 0;  // tasks of that role that the domain, or the cluster, would hold if nothing ran
    /// Where it lacks the least; of equals the lower index. kNoNode when no node may run it at all.
    NodeId node = kNoNode;
    Lack lack = Lack::most();
    bool of_capacity = false;  // that is lacking even when the node is empty
    /// What all tasks without room lack together as things are, node by node, each task where the least is
    /// lacking after those before it. Empty when some may run nowhere.
    std::vector<std::pair<NodeId, Amounts>> of_all;
    /// Of a gang that must share a domain: the one with most room where the least is lacking; else empty.
    std::string domain;
    /// A filter that keeps the job away from nodes with room, and from how many: the one with the most.
    std::string filter;
    NodeId filtered = 0;
};

/// For a job that does not fit. The cluster is as before. O(nodes · roles + tasks · log nodes) a domain that
/// a gang may share.
Missing find_missing(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy);

}  // namespace hal
