#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "halcore/replay/cluster_machine.h"
#include "halcore/replay/job_table.h"
#include "halcore/reserve/profile.h"

namespace hal::replay {

/// Tasks on their nodes from `begin` until `end`.
struct Stay {
    Seconds begin;
    Seconds end;
    TaskList tasks;
    bool booked = false;    // it has begun: the tasks are in the cluster's books
    std::uint32_t row = 0;  // of the machine; for what is booked
};

/// Part of a cluster that the jobs of a queue may not use for a while: maintenance, a reservation.
using NodeHold = Stay;

/// Which jobs of a queue stand on which nodes from now on, and where there is room for one more.
///
/// There is room for a job throughout a window when a policy places it beside what stands there in the
/// window: on each node the tasks of the moment at which most is held, or, when no moment has most of every
/// resource, those of all moments that another does not outdo. Tasks that count for quotas, or for rules
/// between jobs, are held as if all of the window were at once: later than could be, never too early.
/// Cost of a look at a window: the tasks of all jobs, and a placement. Windows in which the cluster as a
/// whole has too few CPUs or GPUs are passed over without a look.
class NodePlan {
  public:
    NodePlan(std::shared_ptr<ClusterMachine> machine, std::vector<NodeHold> holds)
        : machine_(std::move(machine)), holds_(std::move(holds)) {}

    /// A job that runs until `end`, by what the machine has booked for it.
    void run(JobId job, std::uint32_t row, Seconds begin, Seconds end);
    void plan(JobId job, Seconds begin, Seconds end, TaskList tasks);
    void erase(JobId job) { stays_.erase(job); }
    /// Looks again at what runs: others may have changed the cluster.
    void refresh();
    void clear() { stays_.clear(); }
    bool has(JobId job) const { return stays_.contains(job); }
    Stay& stay(JobId job) { return stays_.at(job); }
    std::map<JobId, Stay>& stays() { return stays_; }
    const std::vector<NodeHold>& holds() const { return holds_; }

    struct Found {
        Seconds start;
        PlaceResult places;
    };
    /// The first start from `now` on, before `cap`, at which there is room for `duration`; everything counts
    /// as free from `horizon` on.
    std::optional<Found> earliest(std::uint32_t row, Seconds now, Seconds duration, Seconds cap = kNever,
                                  Seconds horizon = kNever);
    /// Whether everything planned fits where it is planned, by the resources of the nodes.
    bool holds_together(Seconds now);

  private:
    struct Entry {
        Seconds begin, end;
        const TaskPlace* task;
        bool booked;
    };
    using Profiles = std::pair<reserve::AvailabilityProfile, reserve::AvailabilityProfile>;

    template <class Visit>
    void each_stay(Visit visit) const;
    Profiles totals(Seconds now) const;
    std::vector<Seconds> moments(Seconds now, Seconds cap) const;
    void hold(Seconds begin, Seconds end);
    void hold_node(std::vector<Entry>& entries, Seconds begin);
    std::vector<char> worst_of(const std::vector<Entry>& entries, Seconds begin) const;
    std::vector<std::int64_t> use_at(const std::vector<Entry>& entries, Seconds moment) const;
    void take(const TaskPlace& task);

    std::shared_ptr<ClusterMachine> machine_;
    std::vector<NodeHold> holds_;
    std::map<JobId, Stay> stays_;  // by job: in order, so that the same plan is looked at in the same way
};

/// Everything of these nodes, in a window. InvalidModel for unknown nodes and windows that make no sense.
NodeHold hold_nodes(ClusterMachine& machine, Seconds begin, Seconds end,
                    const std::vector<std::string>& nodes);
/// Room for what a row of the machine needs, where a policy places it beside other holds and what runs now.
/// InvalidModel when there is none.
NodeHold hold_room(const std::shared_ptr<ClusterMachine>& machine, const std::vector<NodeHold>& others,
                   Seconds begin, Seconds end, std::uint32_t row);

}  // namespace hal::replay
