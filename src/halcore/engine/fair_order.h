#pragma once

#include <span>
#include <vector>

#include "halcore/model/quota_books.h"

namespace hal {

/// Pending jobs as columns, all of one length but needs.
struct PendingJobs {
    std::span<const QueueId> queue;          // leaves
    std::span<const std::int32_t> priority;  // higher first within a queue; then the given order
    std::span<const std::int32_t> tasks;
    std::span<const std::uint32_t> need;                 // index into needs
    const std::vector<std::vector<QuotaAmount>>& needs;  // of one task
};

struct FairOrder {
    std::vector<std::int64_t> order;    // rows that may start within quotas, in this order
    std::vector<std::uint8_t> borrows;  // by entry of order: its queue is beyond its guarantee with it
    std::vector<std::int64_t> waiting;  // rows that may not
    std::vector<QuotaBlock> blocks;     // by entry of waiting: why
};

/// Weighted dominant-resource fairness down a tree, by progressive filling: again and again the queue that is
/// worst off is given its next job, until every job is ordered or held back by a maximum.
///
/// Assumes: starting a job takes what it needs and nothing ends meanwhile.
/// Rule, among siblings: first those within their guarantees, by max_r used_r / guarantee_r; then the others,
/// by max_r (used_r + average_r) / capacity_r / weight, least first, ties to the queue given first. average
/// is past use (UseHistory) and may be empty. A job that a quota holds back does not hold back those behind
/// it. Cost: O(jobs (log jobs + depth (resources + log siblings)) + queues). Source: Ghodsi et al., Dominant
/// Resource Fairness, NSDI 2011; weights and tree as in Bhattacharya et al., Hierarchical scheduling for
/// diverse datacenter workloads, SoCC 2013.
FairOrder fair_order(const QueueTree& tree, QuotaBooks books, const std::vector<double>& average,
                     std::span<const double> capacity, const PendingJobs& jobs);

/// A queue's place among its siblings: lower is worse off.
struct FairKey {
    bool beyond;  // its guarantee
    double share;
    QueueId queue;
    friend auto operator<=>(const FairKey&, const FairKey&) = default;
};
FairKey fair_key(const QueueTree& tree, const QuotaBooks& books, const std::vector<double>& average,
                 std::span<const double> capacity, QueueId queue);

}  // namespace hal
