#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "halcore/model/cluster.h"
#include "halcore/signals/signals.h"

namespace hal::signals {

inline constexpr int kResources = 3;  // CPU, memory, GPU share
using Amount = std::array<std::int64_t, kResources>;

/// One node's part of the sums. Shares are integers in steps of 2^-20, so that adding and taking away again
/// leaves nothing behind, and the sums are those of a recomputation, to the bit.
struct NodeTerms {
    static constexpr int kBits = 20;
    static constexpr std::int64_t kOne = std::int64_t{1} << kBits;

    std::int64_t nodes = 0;         // 1 for a node that takes tasks
    std::int64_t load = 0;          // u, the largest used / capacity over the resources
    std::int64_t load_squared = 0;  // u^2, in steps of 2^-40
    std::int64_t mixed = 0;         // u times the entropy of its task classes, in steps of 2^-40
    std::int64_t stranded = 0;      // mean over resources of free share minus the least free share
    Amount capacity{}, free{};
    std::int64_t idle_devices = 0;  // milli-GPU that lies on devices of which nothing is taken

    /// In a sum: one node's part becomes another, and `old` with it.
    void replace(NodeTerms& old, const NodeTerms& now);
};

NodeTerms terms_of(const Cluster& cluster, NodeId node);

/// The sums over the nodes of a cluster, which it follows by the cluster's own list of changes: reading costs
/// O(nodes changed since the last reading), however they changed: tasks, nodes, undo. Nodes that are gone or
/// take no tasks (cordoned, failed) do not count.
class ClusterSums {
  public:
    explicit ClusterSums(const Cluster& cluster) : cluster_(cluster) {}
    const NodeTerms& read();
    std::size_t bytes() const { return terms_.capacity() * sizeof(NodeTerms); }

  private:
    const Cluster& cluster_;
    std::uint64_t seen_ = 0;
    std::vector<NodeTerms> terms_;  // by node
    NodeTerms sum_;
};

/// The signals of load: sigma, entropy, fragmentation, stranded, utilisation.
void read_load(const NodeTerms& sums, Signals& out);
/// The signals of the queue that sums alone decide: pending_work and blocking.
void read_queue(const NodeTerms& sums, const Amount& pending, Signals& out);
/// The largest share over the resources that `amount` is of the capacity; 0 without capacity.
double share_of(const NodeTerms& sums, const Amount& amount);

}  // namespace hal::signals
