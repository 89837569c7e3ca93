#include "halcore/policies/fragmentation.h"

#include <algorithm>
#include <functional>

namespace hal {
namespace {

// One sum for each way a task can relate to the node, added up in the published order.
enum { LackBoth, LackGpu, LackCpu, NoGpuFits, NoGpuLacksCpu, WrongModel, Kinds };

}  // namespace

Fragmentation::Fragmentation(const Cluster& cluster, std::vector<TypicalTask> tasks)
    : cluster_(cluster), tasks_(std::move(tasks)) {
    for (const TypicalTask& t : tasks_) thresholds_.push_back(t.cpu);
    std::sort(thresholds_.begin(), thresholds_.end());
    thresholds_.erase(std::unique(thresholds_.begin(), thresholds_.end()), thresholds_.end());
    for (const TypicalTask& t : tasks_) millis_.push_back(t.milli);
    std::sort(millis_.begin(), millis_.end(), std::greater<>{});
    millis_.erase(std::unique(millis_.begin(), millis_.end()), millis_.end());
    room_.resize(millis_.size());
}

double Fragmentation::compute(ClassId node_class, std::span<const std::int32_t> free,
                              std::int64_t cpu) const {
    const auto& devices = cluster_.classes()[node_class].devices;
    std::int64_t total = 0;
    for (const std::int32_t g : free) total += g;
    const auto r = static_cast<double>(total);

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

const std::vector<Fragmentation::Need>& Fragmentation::needs(ClassId node_class) {
    while (needs_.size() <= node_class) {
        const auto& devices = cluster_.classes()[static_cast<ClassId>(needs_.size())].devices;
        std::vector<Need>& needs = needs_.emplace_back();
        for (const TypicalTask& t : tasks_) {
            const auto milli = std::lower_bound(millis_.begin(), millis_.end(), t.milli, std::greater<>{});
            const bool allowed =
                t.models.empty() ||
                (!devices.empty() && std::binary_search(t.models.begin(), t.models.end(), devices[0].model));
            needs.push_back({t.p, static_cast<std::uint32_t>(rank(t.cpu)),
                             static_cast<std::uint32_t>(milli - millis_.begin()), t.gpus, allowed});
        }
    }
    return needs_[node_class];
}

// compute() where all devices are alike: the same terms in the same order, but what a share finds on the
// devices is looked up, and there is one CPU to a rank.
double Fragmentation::compute_uniform(ClassId node_class, std::span<const std::int32_t> sorted_free,
                                      std::size_t rank) {
    if (sorted_free.empty()) return 0;
    std::int64_t total = 0;
    for (const std::int32_t g : sorted_free) total += g;
    const auto r = static_cast<double>(total);
    std::int32_t enough = 0;
    std::int64_t usable = 0;
    for (std::size_t m = 0, g = sorted_free.size(); m < millis_.size(); ++m) {
        for (; g > 0 && sorted_free[g - 1] >= millis_[m]; --g) ++enough, usable += sorted_free[g - 1];
        room_[m] = {enough, usable};
    }
    double sums[Kinds] = {};
    for (const Need& t : needs(node_class)) {
        const bool cpu_fits = rank >= t.rank;
        if (t.gpus == 0) {
            sums[cpu_fits ? NoGpuFits : NoGpuLacksCpu] += t.p * r;
        } else if (!t.allowed) {
            sums[WrongModel] += t.p * r;
        } else if (room_[t.milli].enough < t.gpus) {
            sums[cpu_fits ? LackGpu : LackBoth] += t.p * r;
        } else if (cpu_fits) {
            sums[LackGpu] += t.p * static_cast<double>(total - room_[t.milli].usable);
        } else {
            sums[LackCpu] += t.p * r;
        }
    }
    double f = 0;
    for (const double s : sums) f += s;
    return f;
}

}  // namespace hal
