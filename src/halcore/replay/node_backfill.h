#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "halcore/replay/backfill.h"
#include "halcore/replay/cluster_machine.h"
#include "halcore/replay/node_plan.h"

namespace hal::replay {

/// No backfilling, EASY or EASY-SJBF (see EasyBackfill) on nodes: jobs start where a policy places them, so
/// that what counts is not how much is free but whether it fits.
///
/// The head's shadow time is found by giving back, on trial, what running jobs hold in the order of their
/// predicted ends until the head fits. A job that would run beyond it starts only if the head still fits then
/// beside it, where the policy puts both. So the head is never delayed beyond its promise, the first shadow
/// time it was given, as long as predictions are upper bounds, the order stays, and more room never makes a
/// job fit less (which holds but for rules between jobs and gangs with a topology). Cost: a placement for
/// each distinct end up to the shadow time, and two for each job that runs beyond it.
class NodeBackfill final : public Backfill {
  public:
    enum class Rule { None, Easy, EasySjbf };

    NodeBackfill(std::shared_ptr<ClusterMachine> machine, Rule rule)
        : machine_(std::move(machine)), rule_(rule) {}
    void submitted(const QueueState& state, JobId job) override;
    void finished(const QueueState& state, JobId job, Seconds planned_end) override;
    void expired(const QueueState& state, JobId job) override;
    void withdrawn(const QueueState& state, JobId job) override;
    void schedule(QueueState& state) override;
    bool fills_apart() const override { return rule_ != Rule::None; }
    Seconds promise(JobId job) const override { return promise_[job]; }

  private:
    bool try_start(QueueState& state, JobId job);
    void start(QueueState& state, JobId job);
    void release(const QueueState& state, JobId job);
    /// Running jobs by when they are expected to end, those that are overdue in a moment.
    std::vector<std::pair<Seconds, JobId>> ends(const QueueState& state) const;
    Seconds shadow_time(const QueueState& state, JobId head);
    bool starts_beside(QueueState& state, JobId job, JobId head, Seconds shadow);
    void fill(QueueState& state, const OrderedQueue& candidates, JobId head, Seconds shadow);

    std::shared_ptr<ClusterMachine> machine_;
    Rule rule_;
    OrderedQueue by_length_;        // used by EasySjbf
    std::vector<JobId> held_;       // jobs that hold something
    std::vector<Seconds> promise_;  // by job
};

/// Names: as for make_backfill. Only "conservative" and "slots" respect holds.
std::unique_ptr<Backfill> make_node_backfill(const std::string& name, std::shared_ptr<ClusterMachine> machine,
                                             const BackfillOptions& options = {},
                                             std::vector<NodeHold> holds = {});

}  // namespace hal::replay
