#include "halcore/policies/rehearsal.h"

#include <algorithm>

#include "halcore/policies/split_mix.h"

namespace hal {
namespace {

constexpr std::size_t kNodes = 1500, kArrivals = 50000;
constexpr std::uint64_t kSeed = 4242;

// The best key first found; a plain loop that compilers turn into SIMD.
std::size_t arg_max(const std::vector<std::int32_t>& keys, std::int32_t& best) {
    best = -1;
    for (const std::int32_t k : keys) best = std::max(best, k);
    return static_cast<std::size_t>(std::find(keys.begin(), keys.end(), best) - keys.begin());
}

}  // namespace

Rehearsal::Rehearsal(const Cluster& cluster, const std::vector<TypicalTask>& tasks)
    : tasks_(tasks), cluster_(cluster) {
    const std::size_t stride = (cluster.node_count() + kNodes - 1) / kNodes;
    std::size_t seen = 0;
    std::int64_t capacity = 0, demand = 0;
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (!cluster.present(n) || seen++ % stride) continue;
        nodes_.push_back({cluster.class_of(n), cluster.capacity(kCpu, n)});
        capacity += std::int64_t{cluster.gpu_count(n)} * kWholeGpu.value();
    }
    if (tasks.empty()) return;
    const TaskLottery lottery(tasks);
    SplitMix64 random(kSeed);
    while (10 * demand < 13 * capacity && arrivals_.size() < kArrivals) {
        arrivals_.push_back(lottery.draw(random));
        demand += std::int64_t{tasks[arrivals_.back()].gpus} * tasks[arrivals_.back()].milli;
        if (10 * demand < 9 * capacity) nearly_full_ = arrivals_.size();
        if (demand < capacity) full_ = arrivals_.size();
    }
}

std::int64_t Rehearsal::play(GpuStates& states, WasteValue& value) const {
    struct Place {
        StateId state;
        std::int64_t cpu;
    };
    struct Keys {
        std::vector<std::int32_t> key;  // by node: gain, then less CPU left; -1 where the task does not fit
        std::size_t synced = 0;
    };
    std::vector<Place> places;
    std::int64_t most_cpu = 1;
    for (const Node& node : nodes_) {
        places.push_back({states.empty(node.node_class), node.cpu});
        most_cpu = std::max(most_cpu, node.cpu);
    }
    std::vector<Keys> keys(tasks_.size());
    std::vector<std::uint32_t> changed;  // nodes, one entry a placement
    const auto land = [&](const TypicalTask& t, std::uint32_t n) {
        return value.land(places[n].state, places[n].cpu, t.cpu, t.milli, t.gpus);
    };
    const auto key = [&](const TypicalTask& t, std::uint32_t n) -> std::int32_t {
        const Place& place = places[n];
        if (place.cpu < t.cpu || (t.gpus && !allowed_on(cluster_, nodes_[n].node_class, t))) return -1;
        const auto free = states.free(place.state);
        if (std::count_if(free.begin(), free.end(), [&](std::int32_t g) { return g >= t.milli; }) < t.gpus)
            return -1;
        const std::int64_t gain = std::clamp<std::int64_t>(land(t, n).gain + 32768, 0, 65535);
        return static_cast<std::int32_t>(gain << 14 | (16383 - (place.cpu - t.cpu) * 16383 / most_cpu));
    };
    std::int64_t used = 0, when_full = 0, refused = 0;
    for (std::size_t a = 0; a < arrivals_.size(); ++a) {
        if (a == full_) when_full = used;
        const TypicalTask& t = tasks_[arrivals_[a]];
        Keys& mine = keys[arrivals_[a]];
        if (mine.key.empty() || changed.size() - mine.synced > nodes_.size()) {
            mine.key.resize(nodes_.size());
            for (std::uint32_t n = 0; n < nodes_.size(); ++n) mine.key[n] = key(t, n);
        } else {
            for (; mine.synced < changed.size(); ++mine.synced)
                mine.key[changed[mine.synced]] = key(t, changed[mine.synced]);
        }
        mine.synced = changed.size();
        std::int32_t best;
        const auto n = static_cast<std::uint32_t>(arg_max(mine.key, best));
        if (best < 0) {
            if (t.gpus > 1 && a < nearly_full_) refused += std::int64_t{t.gpus} * t.milli;
            continue;
        }
        places[n] = {land(t, n).next, places[n].cpu - t.cpu};
        used += std::int64_t{t.gpus} * t.milli;
        changed.push_back(n);
    }
    return when_full + used - refused;
}

}  // namespace hal
