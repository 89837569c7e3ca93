#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "halcore/engine/engine.h"

namespace hal {

/// The smallest change that would let a job, or the next task of a gang, fit.
struct Missing {
    std::int64_t tasks = 0;  // of the job that find room as it is; of a gang's first role, in `domain`
    std::int64_t most = 0;   // that the empty cluster would hold
    /// Where the least is lacking: the fewest different resources, then the smallest sum of amounts relative
    /// to the request, then the lower index. kNoNode when no node may run the job at all.
    NodeId node = kNoNode;
    bool of_capacity = false;  // the amounts are lacking even when the node is empty
    /// Resource → base units; "gpu": devices; "gpu slice": memory slices, in a row, of one device.
    std::vector<std::pair<std::string, std::int64_t>> amounts;
    /// Of a gang that must share a domain: the one with most room where the least is lacking; else empty.
    std::string domain;
    /// A filter that keeps the job away from nodes with room, and from how many: the one with the most.
    std::string filter;
    NodeId filtered = 0;
};

/// For a job that does not fit. The cluster is as before. O(nodes).
Missing find_missing(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy);

}  // namespace hal
