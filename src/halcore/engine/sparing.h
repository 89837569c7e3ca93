#pragma once

#include <map>
#include <span>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// Tasks of running jobs that a plan stops: indices, ascending.
using StoppedTasks = std::map<JobId, std::vector<std::uint32_t>>;

/// All tasks of some jobs.
inline StoppedTasks whole_jobs(const Cluster& cluster, const std::vector<JobId>& jobs) {
    StoppedTasks stopped;
    for (const JobId id : jobs) {
        auto& tasks = stopped[id];
        for (std::uint32_t t = 0; t < cluster.job(id).tasks.size(); ++t) tasks.push_back(t);
    }
    return stopped;
}

/// Leaves those jobs running that need not stop for `works`, in this order: what one after another could be
/// spared can be spared together, so halves are tried before their halves.
template <class Works>
void spare_jobs(StoppedTasks& stopped, std::span<const JobId> order, const Works& works) {
    if (order.empty()) return;
    StoppedTasks fewer = stopped;
    for (const JobId id : order) fewer.erase(id);
    if (works(fewer)) {
        stopped = std::move(fewer);
    } else if (order.size() > 1) {
        spare_jobs(stopped, order.first(order.size() / 2), works);
        spare_jobs(stopped, order.subspan(order.size() / 2), works);
    }
}

/// The same for the tasks of jobs that shrink, the lowest rank first.
template <class Works>
void spare_tasks(StoppedTasks& stopped, const Cluster& cluster, const Works& works) {
    for (const auto& [id, tasks] : StoppedTasks(stopped)) {
        if (tasks.size() == cluster.job(id).tasks.size()) continue;
        for (const std::uint32_t t : tasks) {
            StoppedTasks fewer = stopped;
            std::erase(fewer[id], t);
            if (fewer[id].empty()) fewer.erase(id);
            if (works(fewer)) stopped = std::move(fewer);
        }
    }
}

}  // namespace hal
