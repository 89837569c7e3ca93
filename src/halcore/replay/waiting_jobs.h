#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "halcore/signals/monitor.h"

namespace hal::replay {

/// Jobs that wait, in order of arrival, which is the order of their numbers. Jobs that ask for the same (a
/// shape and a number of tasks) form a group: when one of a group does not fit, none does, so a look at the
/// queue is a look at each group's head.
class WaitingJobs {
  public:
    struct Group {
        ShapeId shape;
        std::int32_t tasks;
        signals::Amount request;  // of one job
        bool feasible;
        std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> jobs;
    };

    /// `shape` and `tasks` by job.
    WaitingJobs(const Cluster& cluster, std::vector<ShapeId> shape, const std::vector<std::int32_t>& tasks);

    std::vector<Group>& groups() { return groups_; }
    const Group& group_of(std::uint32_t job) const { return groups_[group_[job]]; }
    bool waits_alike(std::uint32_t job) const { return !group_of(job).jobs.empty(); }
    std::int64_t size() const { return size_; }
    const signals::Amount& pending() const { return pending_; }

    void push(std::uint32_t job);
    /// In order of arrival: calls start(job) for the head of each group, and again for the next of the group
    /// after a true. Stops at the first false if `first_come`.
    template <class Start>
    void pass(bool first_come, Start&& start) {
        std::size_t i = 0;
        while (i < heads_.size()) {
            if (start(heads_[i].first)) {
                pop(i);
            } else if (first_come) {
                return;
            } else {
                ++i;
            }
        }
    }
    /// Arrival order of the earliest job with several tasks; UINT32_MAX: none waits.
    std::uint32_t oldest_gang() const;
    /// All of them, in order.
    std::vector<std::uint32_t> jobs() const;

  private:
    void pop(std::size_t head);
    void count(const Group& group, std::int64_t sign);

    std::vector<std::uint32_t> group_;  // by job
    std::vector<Group> groups_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> heads_;  // (job, group), sorted; groups that wait
    std::int64_t size_ = 0;
    signals::Amount pending_{};
};

}  // namespace hal::replay
