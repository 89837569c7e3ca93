#include "halcore/policies/fragmentation.h"

#include <algorithm>

namespace hal {

Fragmentation::Fragmentation(const Cluster& cluster, std::vector<TypicalTask> tasks)
    : cluster_(cluster), tasks_(std::move(tasks)) {
    for (const TypicalTask& t : tasks_) thresholds_.push_back(t.cpu);
    std::sort(thresholds_.begin(), thresholds_.end());
    thresholds_.erase(std::unique(thresholds_.begin(), thresholds_.end()), thresholds_.end());
}

double Fragmentation::compute(ClassId node_class, std::span<const std::int32_t> free,
                              std::int64_t cpu) const {
    const auto& devices = cluster_.classes()[node_class].devices;
    std::int64_t total = 0;
    for (const std::int32_t g : free) total += g;
    const auto r = static_cast<double>(total);

    // One sum for each way a task can relate to the node, added up in the published order.
    enum { LackBoth, LackGpu, LackCpu, NoGpuFits, NoGpuLacksCpu, WrongModel, Kinds };
    double sums[Kinds] = {};
    for (const TypicalTask& t : tasks_) {
        const bool cpu_fits = cpu >= t.cpu;
        if (t.gpus == 0) {
            sums[cpu_fits ? NoGpuFits : NoGpuLacksCpu] += t.p * r;
            continue;
        }
        int enough = 0, allowed = 0;
        std::int64_t usable = 0;
        for (std::size_t g = 0; g < free.size(); ++g) {
            if (!t.models.empty() && !std::binary_search(t.models.begin(), t.models.end(), devices[g].model))
                continue;
            ++allowed;
            if (free[g] < t.milli) continue;
            ++enough;
            usable += free[g];
        }
        if (allowed == 0 && !free.empty()) {
            sums[WrongModel] += t.p * r;
        } else if (enough >= t.gpus) {
            if (cpu_fits) {
                sums[LackGpu] += t.p * static_cast<double>(total - usable);
            } else {
                sums[LackCpu] += t.p * r;
            }
        } else {
            sums[cpu_fits ? LackGpu : LackBoth] += t.p * r;
        }
    }
    double f = 0;
    for (const double s : sums) f += s;
    return f;
}

}  // namespace hal
