#include "halcore/engine/singles.h"

#include <numeric>

#include "halcore/engine/prefetch.h"

namespace hal {
TaskPlace take_single(Cluster& cluster, BoundPolicy& bound, ShapeId shape, TraitsId traits, double& score) {
    bound.tell({});
    const Choice choice = bound.choose(shape);
    score = choice.score;
    TaskPlace task{choice.node, shape, 0, traits};
    if (choice.node == kNoNode) return task;
    prefetch(cluster, choice.node);
    task.devices = bound.pick(shape, choice.node);
    task = cluster.settle(task);
    cluster.take(task);
    return task;
}

void place_singles(Engine& engine, const std::shared_ptr<const Policy>& policy, bool apply,
                   PlaceResult& out) {
    Cluster& cluster = engine.cluster();
    const std::size_t jobs = out.shape.size();
    out.status.resize(jobs);
    out.node.resize(jobs, -1);
    out.devices.resize(jobs);
    out.score.resize(jobs);
    out.task_begin.resize(jobs + 1);
    std::iota(out.task_begin.begin(), out.task_begin.end(), std::int64_t{0});
    if (apply) out.ids.resize(jobs, kNoJob);
    for (std::size_t j = 0; j < jobs; ++j) {
        const ShapeId shape = out.shape[j];
        cluster.count_seen(shape);
        double score = 0;
        const TraitsId traits = out.traits.empty() ? 0 : out.traits[j];
        const TaskPlace task = take_single(cluster, engine.bound(policy), shape, traits, score);
        if (task.node == kNoNode) {
            const bool never = engine.matcher().capacity(shape) < 1;
            out.status[j] = static_cast<std::uint8_t>(never ? Status::Infeasible : Status::Unschedulable);
            continue;
        }
        out.node[j] = static_cast<std::int32_t>(task.node);
        out.devices[j] = task.devices;
        out.score[j] = score;
        if (task.start != kAnyStart) out.starts.emplace_back(static_cast<std::int64_t>(j), task.start);
        if (apply) out.ids[j] = cluster.add_job({}, 0, {{&task, 1}});
    }
}

}  // namespace hal
