// Carrying out a plan of preemption.
#include <algorithm>

#include "halcore/engine/preempt.h"
#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"

namespace hal {

void apply_preemption(Engine& engine, PreemptPlan& plan) {
    Cluster& cluster = engine.cluster();
    Transaction all(cluster);
    for (const Victim& victim : plan.victims) {
        const bool same = [&] {
            if (!cluster.has_job(victim.job)) return false;
            const RunningJob& job = cluster.job(victim.job);
            if (job.name() != victim.name || job.tasks.size() != victim.left + victim.tasks.size())
                return false;
            for (std::size_t i = 0; i < victim.tasks.size(); ++i) {
                if (!(job.tasks[victim.tasks[i]] == victim.places[i])) return false;
            }
            return true;
        }();
        if (!same) {
            throw InvalidModel(
                "plan: victim " +
                (victim.name.empty() ? "#" + std::to_string(victim.job) : "'" + victim.name + "'") +
                " no longer runs as it did; the cluster has changed, plan again");
        }
        if (victim.left == 0) {
            cluster.remove_job(victim.job);
            continue;
        }
        std::vector<TaskPlace> rest;
        const auto& tasks = cluster.job(victim.job).tasks;
        for (std::uint32_t t = 0; t < tasks.size(); ++t) {
            if (!std::binary_search(victim.tasks.begin(), victim.tasks.end(), t)) rest.push_back(tasks[t]);
        }
        for (const TaskPlace& place : victim.places) cluster.give(place);
        cluster.set_tasks(victim.job, std::move(rest));
    }
    engine.apply(plan.placement);
    all.keep();
}

}  // namespace hal
