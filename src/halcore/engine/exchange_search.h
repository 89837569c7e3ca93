#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "halcore/engine/rebalance.h"

namespace hal {

/// Two running tasks on different nodes that could change places: `out` leaves the node that was asked about,
/// `in` comes to it.
struct Exchange {
    JobId out = kNoJob, in = kNoJob;
};

/// Exchanges that make room where a move alone cannot, because every other node is too full for the task that
/// is in the way: a smaller one takes its place.
///
/// Rule: for each task of a node after whose leaving a wanted task fits: tasks that ask for no more CPU and
/// no more GPU share, the least CPU first, beside which the wanted task still fits; of the tasks of such a
/// shape the one on whose node the larger task fits in its stead, with the least CPU left over. Up to two
/// shapes each. Tasks that rules bind stay. Cost: O(tasks of the node · shapes, and for those that help the
/// tasks of two shapes).
class ExchangeSearch {
  public:
    ExchangeSearch(Engine& engine, const std::shared_ptr<const Policy>& policy)
        : engine_(engine), cluster_(engine.cluster()), policy_(policy) {}

    /// A job of one task that may move.
    void add(JobId job);
    /// For a node, these jobs of its own, and what is wanted. The cluster is as before.
    std::vector<Exchange> find(NodeId node, std::span<const JobId> here, const std::vector<Want>& wants);

  private:
    const TaskPlace& place(JobId job) const { return cluster_.job(job).tasks[0]; }
    bool fits(const Want& want, NodeId node);
    JobId partner(JobId out, ShapeId shape, NodeId node);

    static constexpr int kShapesATask = 2;
    Engine& engine_;
    Cluster& cluster_;
    const std::shared_ptr<const Policy>& policy_;
    std::map<ShapeId, std::vector<JobId>> jobs_;
    std::vector<ShapeId> shapes_;  // the least CPU first; made when first needed
};

}  // namespace hal
