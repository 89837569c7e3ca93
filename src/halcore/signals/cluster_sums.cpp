#include "halcore/signals/cluster_sums.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hal::signals {
namespace {

// k ln k for the counts that occur, so that a change costs no logarithm.
const std::vector<double>& count_logs() {
    static const std::vector<double> table = [] {
        std::vector<double> t(1024, 0.0);
        for (std::size_t k = 2; k < t.size(); ++k)
            t[k] = static_cast<double>(k) * std::log(static_cast<double>(k));
        return t;
    }();
    return table;
}

double count_log(std::uint32_t k, const std::vector<double>& table) {
    return k < table.size() ? table[k] : k * std::log(static_cast<double>(k));
}

/// Entropy of the node's task classes over its possible maximum, in [0, 1], in steps of 2^-20.
std::int64_t diversity(const Cluster& cluster, NodeId n) {
    static const double scale =
        static_cast<double>(NodeTerms::kOne) / std::log(static_cast<double>(Shape::kTaskClasses));
    const std::uint32_t tasks = cluster.task_count(n);
    if (tasks < 2) return 0;
    static const std::vector<double>& table = count_logs();
    double inner = 0;
    const auto counts = cluster.class_counts(n);
    for (std::size_t c = 0; c < counts.size(); c += 4) {
        if (!(counts[c] | counts[c + 1] | counts[c + 2] | counts[c + 3]))
            continue;  // most nodes run few classes
        for (std::size_t i = c; i < c + 4; ++i) inner += count_log(counts[i], table);
    }
    const auto steps = static_cast<std::int64_t>((count_log(tasks, table) - inner) / tasks * scale + 0.5);
    return std::clamp(steps, std::int64_t{0}, NodeTerms::kOne);
}

}  // namespace

// Every term alike, as numbers in a row, which the compiler takes several at a time.
void NodeTerms::replace(NodeTerms& old, const NodeTerms& now) {
    using Row = std::array<std::int64_t, sizeof(NodeTerms) / sizeof(std::int64_t)>;
    auto sum = std::bit_cast<Row>(*this);
    const auto was = std::bit_cast<Row>(old), is = std::bit_cast<Row>(now);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += is[i] - was[i];
    *this = std::bit_cast<NodeTerms>(sum);
    old = now;
}

NodeTerms terms_of(const Cluster& cluster, NodeId n) {
    NodeTerms t;
    if (!cluster.present(n) || !cluster.node_class(n).schedulable) return t;
    t.nodes = 1;
    t.capacity = {cluster.capacity(kCpu, n), cluster.capacity(kMemory, n),
                  kWholeGpu.value() * cluster.gpu_count(n)};
    t.free = {cluster.free(kCpu, n), cluster.free(kMemory, n), cluster.gpu_total_free(n)};
    t.idle_devices = kWholeGpu.value() * cluster.gpu_idle(n);
    std::int64_t least_free = NodeTerms::kOne, sum_free = 0;
    int resources = 0;
    for (int r = 0; r < kResources; ++r) {
        if (t.capacity[r] == 0) continue;
        // In floating point, which divides faster: amounts are exact there, so it is the same everywhere.
        const auto used = static_cast<std::int64_t>(static_cast<double>(t.capacity[r] - t.free[r]) *
                                                    static_cast<double>(NodeTerms::kOne) /
                                                    static_cast<double>(t.capacity[r]));
        t.load = std::max(t.load, used);
        least_free = std::min(least_free, NodeTerms::kOne - used);
        sum_free += NodeTerms::kOne - used;
        ++resources;
    }
    t.load_squared = t.load * t.load;
    t.mixed = t.load * diversity(cluster, n);
    static_assert(kResources == 3);  // divisors that the compiler knows
    if (resources)
        t.stranded = (resources == 3 ? sum_free / 3 : resources == 2 ? sum_free / 2 : sum_free) - least_free;
    return t;
}

const NodeTerms& ClusterSums::read() {
    const ChangeList& changes = cluster_.changes();
    if (seen_ == changes.clock()) return sum_;
    terms_.resize(cluster_.node_slots());
    changes.since(seen_, [&](std::uint32_t n) { sum_.replace(terms_[n], terms_of(cluster_, n)); });
    seen_ = changes.clock();
    return sum_;
}

double share_of(const NodeTerms& sums, const Amount& amount) {
    double share = 0;
    for (int r = 0; r < kResources; ++r)
        if (sums.capacity[r] > 0)
            share = std::max(share, static_cast<double>(amount[r]) / static_cast<double>(sums.capacity[r]));
    return share;
}

void read_load(const NodeTerms& sums, Signals& out) {
    const auto one = static_cast<double>(NodeTerms::kOne);
    const auto load = static_cast<double>(sums.load), count = static_cast<double>(sums.nodes);
    const auto squares = static_cast<double>(sums.load_squared);
    out.sigma = squares > 0 ? std::min(load * load / (count * squares), 1.0) : 1;
    out.entropy = load > 0 ? std::min(static_cast<double>(sums.mixed) / load / one, 1.0) : 0;
    out.stranded = count > 0 ? static_cast<double>(sums.stranded) / count / one : 0;
    const auto free_gpu = static_cast<double>(sums.free[2]);
    out.fragmentation = free_gpu > 0 ? 1 - static_cast<double>(sums.idle_devices) / free_gpu : 0;
    Amount used;
    for (int r = 0; r < kResources; ++r) used[r] = sums.capacity[r] - sums.free[r];
    out.utilisation = share_of(sums, used);
}

void read_queue(const NodeTerms& sums, const Amount& pending, Signals& out) {
    out.pending_work = share_of(sums, pending);
    double fitting = 1;
    for (int r = 0; r < kResources; ++r)
        if (pending[r] > 0)
            fitting = std::min(fitting, static_cast<double>(sums.free[r]) / static_cast<double>(pending[r]));
    out.blocking = out.pending_work > 0 ? std::min(fitting * out.pending_work, 1.0) : 0;
}

}  // namespace hal::signals
