#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "halcore/replay/backfill.h"
#include "halcore/replay/node_plan.h"

namespace hal::replay {

/// Slot-based backfilling (see SlotBackfill) on nodes: in every pass the first `depth` jobs of the queue are
/// planned one after the other, each at the earliest slots of the window throughout which a policy finds room
/// for it; those whose first slot is the present start where they were placed.
class NodeSlots final : public Backfill {
  public:
    NodeSlots(std::shared_ptr<ClusterMachine> machine, const BackfillOptions& options,
              std::vector<NodeHold> holds);
    void finished(const QueueState& state, JobId job, Seconds planned_end) override;
    void expired(const QueueState& state, JobId job) override;
    void schedule(QueueState& state) override;
    Seconds next_wake() const override { return wake_; }

  private:
    void release(const QueueState& state, JobId job);
    Seconds whole_slots(Seconds span) const;
    NodePlan plan_of_this_moment(const QueueState& state) const;
    bool reaches_unseen_hold(Seconds window_end, Seconds end) const;

    std::shared_ptr<ClusterMachine> machine_;
    BackfillOptions options_;
    std::vector<NodeHold> holds_;
    std::vector<JobId> held_;  // jobs that hold something
    Seconds wake_ = kNever;
};

}  // namespace hal::replay
