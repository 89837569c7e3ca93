#pragma once

#include <vector>

#include "halcore/engine/fair_order.h"
#include "halcore/model/cluster.h"

namespace hal {

struct QueuedRunning {
    JobId id;
    QueueId queue;
    std::int32_t priority;
    std::vector<QuotaAmount> use;
};

/// Who gives back what, so that a claim has room.
struct Reclaim {
    struct Victim {
        JobId id;
        QueueId branch;  // the borrower among the siblings of the claimant's branch
    };
    bool enough = false;          // with these given back the claim has room
    std::vector<Victim> victims;  // in the order in which they were chosen
    QuotaBlock block;             // when not enough: what is still in the way; queue 0: the free capacity
};

/// The running jobs that should give back borrowed share, so that a leaf gets what it is guaranteed.
///
/// Rule: where the claimant's branch and another part, the claimant's must be within its guarantee with the
/// claim, and the other's beyond its own in something that is short. Among such jobs the one goes whose
/// branch is furthest beyond its fair share, then the one of lowest priority, then of the highest id; whoever
/// is not needed in the end stays. A branch within its guarantee never gives, so that reclaiming never goes
/// in circles. `free` is what is unused, by resource of the tree. Cost: O(victims * running * depth). Source:
/// reclaiming within cohorts as in Kueue and Volcano's capacity plugin.
Reclaim reclaim(const QueueTree& tree, QuotaBooks books, std::vector<std::int64_t> free,
                std::span<const double> capacity, QueueId claimant, const std::vector<QuotaAmount>& claim,
                const std::vector<QueuedRunning>& running);

}  // namespace hal
