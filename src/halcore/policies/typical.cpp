#include "halcore/policies/typical.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace hal {

std::vector<TypicalTask> typical_tasks(TaskCounts counts, double coverage, const Cluster& cluster) {
    std::map<std::tuple<std::int64_t, std::int32_t, std::int32_t, std::vector<std::string>>, std::int64_t>
        groups;
    std::int64_t all = 0;
    for (auto& t : counts) {
        if (t.count <= 0) continue;
        std::sort(t.models.begin(), t.models.end());
        groups[{t.cpu, t.milli, t.gpus, t.models}] += t.count;
        all += t.count;
    }
    TaskCounts sorted;
    for (const auto& [key, count] : groups) {
        sorted.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), count});
    }
    std::sort(sorted.begin(), sorted.end(), [](const TaskCount& a, const TaskCount& b) {
        const auto key = [](const TaskCount& t) {
            return std::tie(t.count, t.cpu, t.milli, t.gpus, t.models);
        };
        return key(a) > key(b);
    });
    std::size_t used = 0;
    std::int64_t covered = 0;
    while (used < sorted.size() && static_cast<double>(covered) < coverage * static_cast<double>(all)) {
        covered += sorted[used++].count;
    }
    std::vector<TypicalTask> result;
    for (std::size_t i = 0; i < used; ++i) {
        const TaskCount& t = sorted[i];
        TypicalTask task{t.cpu, t.milli, t.gpus, {}, 0};
        // Two divisions, as published: the popularity's last bit decides ties between nodes.
        task.p = (static_cast<double>(t.count) / static_cast<double>(all)) /
                 (static_cast<double>(covered) / static_cast<double>(all));
        for (const auto& model : t.models) task.models.push_back(cluster.models().find(model));
        std::sort(task.models.begin(), task.models.end());
        result.push_back(std::move(task));
    }
    return result;
}

TaskCounts task_counts(const Cluster& cluster, std::span<const std::uint64_t> by_shape) {
    TaskCounts counts;
    for (ShapeId s = 0; s < by_shape.size(); ++s) {
        const std::uint64_t count = by_shape[s];
        if (!count) continue;
        const Shape& shape = cluster.shape(s);
        TaskCount t{shape.cpu, shape.milli, shape.gpus, {}, static_cast<std::int64_t>(count)};
        for (const auto m : shape.models) t.models.push_back(cluster.models().name(m));
        counts.push_back(std::move(t));
    }
    return counts;
}

}  // namespace hal
