#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "halcore/model/task_list.h"

namespace hal::replay {

inline constexpr double kForever = std::numeric_limits<double>::infinity();

/// The node that has something due next: a tournament over nodes, ties to the lower index. O(log n) an
/// update.
class NextDue {
  public:
    explicit NextDue(std::size_t nodes);
    void set(NodeId n, double time);
    double time() const { return times_[winner_[1]]; }
    NodeId node() const { return winner_[1]; }

  private:
    std::size_t width_;
    std::vector<double> times_;
    std::vector<NodeId> winner_;
};

/// When jobs end on nodes whose speed changes. All tasks of a node run at one speed, so each node has a clock
/// of work done that runs at that speed, and a job ends when the clock shows a time that never changes: a
/// change of speed costs O(log nodes), however many jobs run there.
class NodeRuns {
  public:
    explicit NodeRuns(std::size_t nodes) : nodes_(nodes), due_(nodes) {}

    /// The node runs at `speed` from `now` on (0: it stands).
    void set_speed(NodeId n, double now, double speed);
    double speed(NodeId n) const { return nodes_[n].speed; }
    /// Needs `work` seconds at full speed. Followed by set_speed.
    void start(NodeId n, double now, std::uint32_t job, double work);
    double due() const { return due_.time(); }
    NodeId due_node() const { return due_.node(); }
    /// Takes the job that ends next on the node, whose time has come. Followed by set_speed.
    std::uint32_t pop(NodeId n, double now);
    /// Takes all jobs of the node. Followed by set_speed.
    std::vector<std::uint32_t> clear(NodeId n);

  private:
    struct Run {
        double end;  // on the node's clock
        std::uint32_t job;
        friend bool operator<(const Run& a, const Run& b) {  // the heap's top is the earliest
            return a.end > b.end || (a.end == b.end && a.job > b.job);
        }
    };
    struct Node {
        double clock = 0, at = 0, speed = 1;
        std::vector<Run> heap;
    };
    static void advance(Node& node, double now);

    std::vector<Node> nodes_;
    NextDue due_;
};

}  // namespace hal::replay
