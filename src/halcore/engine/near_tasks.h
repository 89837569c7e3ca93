#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "halcore/model/cluster.h"
#include "halcore/policies/policy.h"

namespace hal {

/// A policy taken apart: topology distance with its weight, and everything else, whose scores can be kept.
struct NearPolicy {
    std::shared_ptr<const Policy> rest;
    double weight = 0;  // of topology distance, of 1
};
/// Null when the policy has no topology distance, or more that looks beyond the node.
std::unique_ptr<NearPolicy> split_near(const Policy& policy);

/// The score of topology distance as a sum along the tree: what each domain that holds tasks of the job adds
/// for the nodes below it. Whole numbers, so that nodes equally far are equal.
///
/// 1 - mean distance / distance of the root is, with n tasks of the job in the tree, the sum over the domains
/// around a node, but the root, of (distance of its parent's level - of its own) * tasks below it, and of
/// its own level's distance * tasks on it, over n * distance of the root.
class NearTasks {
  public:
    explicit NearTasks(const Cluster& cluster) : cluster_(cluster) {}

    /// Takes in where the job's tasks are; domains and nodes whose part may have changed are listed.
    void follow(std::span<const TaskPlace> own, std::vector<std::int32_t>& domains,
                std::vector<NodeId>& nodes);
    void reset() { below_.clear(), on_node_.clear(), whole_ = 1; }
    /// Parts of whole().
    std::int64_t domain_part(std::int32_t domain) const;
    std::int64_t node_part(NodeId node) const;
    /// What the parts of a node add up to at most.
    std::int64_t whole() const { return whole_; }

  private:
    const Cluster& cluster_;
    std::map<std::int32_t, std::int64_t> below_;  // by domain that holds some, but the root
    std::map<NodeId, std::int64_t> on_node_;
    std::int64_t whole_ = 1;
};

}  // namespace hal
