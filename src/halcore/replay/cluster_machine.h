#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "halcore/engine/engine.h"

namespace hal::replay {

/// The nodes on which the jobs of a queue run, placed by a policy. Jobs are known by their rows; what else
/// runs on the cluster stays.
class ClusterMachine {
  public:
    /// Works on the engine's cluster. `queues` may be null: no quotas.
    ClusterMachine(Engine& engine, std::shared_ptr<const Policy> policy,
                   std::shared_ptr<const QueueTree> queues)
        : engine_(engine), policy_(std::move(policy)), queues_(std::move(queues)) {}

    /// InvalidModel when the job could never run here, or has no name of its own.
    void check(const JobRequest& request);
    /// Takes note of what a job needs and returns its row.
    std::uint32_t add(JobRequest request);
    /// The same needs under the same name once more.
    std::uint32_t again(std::uint32_t row) { return add(requests_[row]); }
    const std::string& name(std::uint32_t row) const { return requests_[row].name; }

    /// Places and books the job; false, and nothing changed, when there is no room.
    bool take(std::uint32_t row);
    /// Whether there is room now.
    bool fits(std::uint32_t row);
    /// Gives back what the job holds, if it runs.
    void give(std::uint32_t row);

    /// Where the job would go now; nothing is booked.
    PlaceResult place(std::uint32_t row) { return place(row, false); }
    /// Books the job where it was found to fit; false, and nothing changed, when it no longer does.
    bool take(std::uint32_t row, PlaceResult places);
    /// Lets quotas and rules between jobs take note of all that runs: to be called before tasks are booked or
    /// given back without their jobs.
    void settle();
    /// What the job holds now.
    TaskList standing(std::uint32_t row);
    /// CPUs and GPUs, in thousandths, that it needs at least.
    std::pair<std::int64_t, std::int64_t> need(std::uint32_t row);
    /// CPUs and GPUs, in thousandths, of tasks in their places.
    std::pair<std::int64_t, std::int64_t> total(const TaskList& tasks);
    /// All that there is of nodes and a little more, whatever runs there. InvalidModel when there is no node
    /// of that name.
    TaskList whole(const std::vector<std::string>& nodes);

    /// Whether two jobs ask for the same, so that there is no room for one if there is none for the other.
    bool alike(std::uint32_t a, std::uint32_t b) const;
    /// Where the job was placed last; empty: never.
    const TaskList& places(std::uint32_t row) const { return places_[row]; }
    std::size_t size() const { return requests_.size(); }
    Cluster& cluster() { return engine_.cluster(); }

  private:
    /// By a job that somebody else started meanwhile.
    bool name_is_taken(std::uint32_t row) { return cluster().find_job(requests_[row].name) != kNoJob; }
    PlaceResult place(std::uint32_t row, bool apply);

    Engine& engine_;
    std::shared_ptr<const Policy> policy_;
    std::shared_ptr<const QueueTree> queues_;
    std::vector<JobRequest> requests_;  // by row
    std::vector<TaskList> places_;      // by row
};

/// The tasks of an answer to a single job.
TaskList tasks_of(const PlaceResult& places);

}  // namespace hal::replay
