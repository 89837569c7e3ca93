#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "halcore/replay/backfill.h"
#include "halcore/replay/node_plan.h"

namespace hal::replay {

/// Conservative backfilling (see ConservativeBackfill) on nodes: a reservation is a time and the places where
/// the policy puts the job then, and a job starts in the places that it has reserved.
///
/// So no job starts later than its promise, as long as predictions are upper bounds and nodes stay, whatever
/// the policy does. Where plans no longer hold (a job outlives its prediction, somebody else takes or removes
/// nodes, a start was missed), all reservations are made anew in queue order.
class NodeConservative final : public Backfill {
  public:
    NodeConservative(std::shared_ptr<ClusterMachine> machine, std::vector<NodeHold> holds)
        : machine_(machine), plan_(std::move(machine), std::move(holds)) {}
    void submitted(const QueueState& state, JobId job) override;
    void finished(const QueueState& state, JobId job, Seconds planned_end) override;
    void extended(const QueueState& state, JobId job, Seconds old_end) override;
    void expired(const QueueState& state, JobId job) override;
    void withdrawn(const QueueState& state, JobId job) override;
    void schedule(QueueState& state) override;
    Seconds next_wake() const override { return wake_; }
    Seconds promise(JobId job) const override { return promise_[job]; }

  private:
    struct Reservation {
        Seconds start = kNever;  // as long as there is no room at any time
        PlaceResult places;
    };
    void release(const QueueState& state, JobId job);
    void look_outside();
    void prolong(const QueueState& state);
    void reserve(const QueueState& state, JobId job);
    void compress(const QueueState& state);
    void plan_anew(const QueueState& state);
    bool start_due(QueueState& state);

    std::shared_ptr<ClusterMachine> machine_;
    NodePlan plan_;
    std::vector<Reservation> planned_;  // by job
    std::vector<Seconds> promise_;      // by job
    Seconds wake_ = kNever;             // earliest planned start of a waiting job
    bool freed_ = false;                // something has been freed ahead of its time
    bool doubtful_ = false;             // something may have been taken twice
    std::uint64_t version_ = 0;         // of the cluster, when the queue last looked
};

}  // namespace hal::replay
