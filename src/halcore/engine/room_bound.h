#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace hal {

/// Sums over victims that compare in this order: jobs, priorities, work lost, tasks. In kParts of a job.
using VictimSums = std::array<std::int64_t, 4>;

/// The least that victims cost which leave room for a number of tasks, when room is counted node by node: a
/// lower bound for what a plan must cost, whatever else binds it.
///
/// A job that has tasks on several nodes costs each of them its share. On a node the subsets of its jobs are
/// tried; over the nodes of a domain the cheapest choices for so many tasks are added up, as in a knapsack.
class RoomBound {
  public:
    static constexpr std::int64_t kParts = 2520;  // divisible by 1 … 10
    struct Job {
        VictimSums cost{};                 // whole, of one job
        std::vector<std::uint32_t> nodes;  // where it runs, by index into the rooms; other nodes have no part
    };
    /// Tasks that a node holds at most when these of its jobs (indices, ascending) are gone.
    using Room = std::function<std::int64_t(std::uint32_t node, std::span<const std::uint32_t> gone)>;
    enum class State : std::uint8_t { Open, Gone, Stays };
    struct Answer {
        bool possible = false;
        VictimSums least{};               // in kParts, those that are gone already included
        std::vector<std::uint32_t> jobs;  // that it takes, ascending, those that are gone already included
    };

    /// `domains`: the nodes among which all tasks must be.
    RoomBound(std::vector<Job> jobs, std::vector<std::vector<std::uint32_t>> domains, std::uint32_t nodes,
              std::int64_t tasks, Room room);

    Answer least(const std::vector<State>& states);
    /// Subsets tried and sums made so far: what it has cost.
    std::int64_t work() const { return work_; }

  private:
    // Subsets of so many jobs on a node are tried, until all have cost so much; else one job, the cheapest,
    // is charged for what room there may be.
    static constexpr std::size_t kSubsets = 10;
    static constexpr std::int64_t kMostWork = 1 << 20;
    struct Choice {
        std::int64_t tasks = 0;
        VictimSums cost{};
        std::vector<std::uint32_t> jobs;
    };
    using Choices = std::vector<Choice>;  // more tasks, and dearer, each
    using Key = std::vector<State>;       // of the node's jobs

    const Choices& choices(std::uint32_t node, const std::vector<State>& states);
    Choices find_choices(std::uint32_t node, const Key& key);
    VictimSums share(std::uint32_t job) const;

    std::vector<Job> jobs_;
    std::vector<std::vector<std::uint32_t>> domains_;
    std::vector<std::vector<std::uint32_t>> on_node_;  // jobs, ascending
    std::int64_t tasks_;
    Room room_;
    std::vector<std::map<Key, Choices>> known_;  // by node
    std::int64_t work_ = 0;
};

VictimSums operator+(const VictimSums& a, const VictimSums& b);

}  // namespace hal
