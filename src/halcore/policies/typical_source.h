#pragma once

#include "halcore/policies/params.h"

namespace hal {

/// Where a policy takes its typical tasks from: counts given by the caller (a trace, a guess), or what the
/// cluster has been asked for so far. Parameters: typical ("seen" or counts), coverage (0.95).
struct TypicalSource {
    explicit TypicalSource(Params& params);
    bool seen = true;
    TaskCounts counts;
    double coverage = 0.95;
};

/// The typical tasks on one cluster. What was seen is looked at again each time it has grown by a quarter.
class BoundTypical {
  public:
    BoundTypical(const TypicalSource& source, const Cluster& cluster)
        : cluster_(cluster),
          seen_(source.seen),
          then_(cluster.seen()),
          models_(cluster.models().size()),
          tasks_(typical_tasks(source.seen && then_ ? task_counts(cluster, *then_) : source.counts,
                               source.coverage, cluster)) {}
    const std::vector<TypicalTask>& tasks() const { return tasks_; }
    bool stale() const {
        if (!seen_) return models_ != cluster_.models().size();
        return then_ != cluster_.seen();
    }

  private:
    const Cluster& cluster_;
    bool seen_;
    Cluster::SeenCounts then_;
    std::uint32_t models_;
    std::vector<TypicalTask> tasks_;
};

}  // namespace hal
