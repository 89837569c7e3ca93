#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/replay/cluster_machine.h"
#include "halcore/replay/job_table.h"

namespace hal::replay {

/// What takes running jobs off their machine in a replay. They enter the queue again at once, under a new
/// row.
class Outages {
  public:
    virtual ~Outages() = default;
    /// When something happens next; kNever: nothing more.
    virtual Seconds next() const = 0;
    /// Lets it happen, and returns the rows of the jobs that it stops, in order.
    virtual std::vector<std::uint32_t> strike() = 0;
    /// Says how long the job had run, which is to run again with what is left, and takes its new row.
    virtual void again(std::uint32_t row, Seconds ran, JobSpec& spec) = 0;
};

/// A node that fails and, unless `back` is kNever, comes back.
struct NodeFailure {
    Seconds at;
    Seconds back;
    std::string node;
};

/// Failures of the nodes of a cluster. A job that had a task on the node is stopped everywhere, and runs
/// again from its last checkpoint.
class NodeOutages final : public Outages {
  public:
    /// `checkpoint`: seconds between two, by row; 0: the job saves nothing. InvalidModel for unknown nodes
    /// and times that make no sense.
    NodeOutages(std::shared_ptr<ClusterMachine> machine, std::vector<NodeFailure> failures,
                std::vector<Seconds> checkpoint);
    Seconds next() const override { return at_ == events_.size() ? kNever : events_[at_].at; }
    std::vector<std::uint32_t> strike() override;
    void again(std::uint32_t row, Seconds ran, JobSpec& spec) override;

  private:
    struct Event {
        Seconds at;
        bool fails;
        std::uint32_t node;  // of names_
    };
    struct Node {
        NodeSpec spec;
        int down = 0;  // failures that last
    };

    std::shared_ptr<ClusterMachine> machine_;
    std::vector<Seconds> checkpoint_;  // by row
    std::vector<Node> nodes_;
    std::vector<Event> events_;
    std::size_t at_ = 0;
    std::unordered_map<std::string, std::uint32_t> rows_;  // by the job's name; looked up, never iterated
};

}  // namespace hal::replay
