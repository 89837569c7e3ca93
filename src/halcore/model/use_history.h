#pragma once

#include <vector>

#include "halcore/model/queue_tree.h"

namespace hal {

/// Past use of the queues of a tree, forgotten by half every half_life seconds.
///
/// average(q, r) at time t is the mean of the use u(s) of the past, weighted by 2^-((t - s) / half_life): a
/// queue that has always used 8 GPUs has 8, and one half-life after it stopped 4. Cost: O(depth) a record,
/// O(queues) to read. Source: the half-life decay of Slurm's multifactor priority (PriorityDecayHalfLife).
class UseHistory {
  public:
    /// InvalidModel unless half_life is positive and finite.
    UseHistory(const QueueTree& tree, double half_life);

    /// An amount was in use in the leaf from start to end. InvalidModel when end < start, or either is not
    /// finite.
    void record(QueueId leaf, std::uint32_t resource, std::int64_t amount, double start, double end);
    /// Averages by queue and resource at a moment; InvalidModel before the latest end recorded.
    std::vector<double> at(double now) const;
    double half_life() const { return half_life_; }

  private:
    const QueueTree& tree_;
    double half_life_;
    double origin_ = 0;         // sums_ are weighted for this moment, so that a record touches its path alone
    double latest_;             // end recorded
    std::vector<double> sums_;  // by queue and resource
};

}  // namespace hal
