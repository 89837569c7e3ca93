#include "halcore/engine/quota_ledger.h"

#include <bit>

namespace hal {

void quota_need(const ShapeSpec& s, const QueueTree& tree, std::vector<QuotaAmount>& need) {
    need.clear();
    const auto add = [&](std::uint32_t resource, std::int64_t amount) {
        if (amount > 0 && resource != Interner::kNone) need.push_back({resource, amount});
    };
    add(kQuotaCpu, s.cpu.value());
    add(kQuotaMemory, s.memory.value());
    add(kQuotaGpu, s.gpus * s.gpu_milli.value());
    for (const auto& [name, amount] : s.extended) add(tree.resources().find(name), amount);
}

std::vector<std::int64_t> quota_totals(const Cluster& c, const QueueTree& tree, bool only_free) {
    std::vector<std::int64_t> totals(tree.resource_count(), 0);
    for (ResourceId r = 0; r < c.resource_count(); ++r) {
        const std::uint32_t to = tree.resources().find(c.resources().name(r));
        if (to == Interner::kNone) continue;
        for (NodeId n = 0; n < c.node_slots(); ++n) {
            if (c.present(n)) totals[to] += only_free ? c.free(r, n) : c.capacity(r, n);
        }
    }
    for (NodeId n = 0; n < c.node_slots(); ++n) {
        if (c.present(n))
            totals[kQuotaGpu] += only_free ? c.gpu_total_free(n) : c.gpu_count(n) * kWholeGpu.value();
    }
    return totals;
}

QuotaLedger::QuotaLedger(std::shared_ptr<const QueueTree> tree, Cluster& cluster)
    : tree_(std::move(tree)),
      cluster_(cluster),
      books_(*tree_),
      empty_(*tree_),
      sums_(tree_->resource_count(), 0) {
    for (JobId id = 0; id < cluster.job_slots(); ++id) {
        if (!cluster.has_job(id)) continue;
        for (const TaskPlace& task : cluster.job(id).tasks) {
            if (task.traits) changed(task, 1);
        }
    }
    cluster_.watch(this);
}

QuotaLedger::~QuotaLedger() {
    cluster_.unwatch(this);
}

QueueId QuotaLedger::leaf(TraitsId traits) {
    while (queues_.size() <= traits) {
        const QueueId q = tree_->find(cluster_.traits()[static_cast<TraitsId>(queues_.size())].queue);
        queues_.push_back(q != kNoQueue && tree_->leaf(q) ? q : kNoQueue);
    }
    return queues_[traits];
}

const std::vector<QuotaAmount>& QuotaLedger::need_of(ShapeId shape) {
    while (needs_.size() <= shape) {
        const ShapeSpec& spec = cluster_.shape(static_cast<ShapeId>(needs_.size())).spec;
        quota_need(spec, *tree_, needs_.emplace_back());
    }
    return needs_[shape];
}

std::int64_t QuotaLedger::memory_share(const TaskPlace& task) const {
    const Shape& s = cluster_.shape(task.shape);
    const auto& devices = cluster_.node_class(task.node).devices;
    std::int64_t share = 0;
    for (std::uint64_t m = task.devices; m; m &= m - 1) share += share_on(s, devices[std::countr_zero(m)]);
    return share;
}

void QuotaLedger::changed(const TaskPlace& task, int by) {
    const QueueId queue = leaf(task.traits);
    if (queue == kNoQueue) return;
    for (const auto& [resource, amount] : need_of(task.shape)) books_.charge(queue, resource, by * amount);
    if (by_memory(task.shape)) books_.charge(queue, kQuotaGpu, by * memory_share(task));
}

void QuotaLedger::add(std::span<const TaskPlace> taken) {
    for (const TaskPlace& task : taken) {
        for (const auto& [resource, amount] : need_of(task.shape)) sums_[resource] += amount;
        if (by_memory(task.shape)) sums_[kQuotaGpu] += memory_share(task);
    }
}

const std::vector<QuotaAmount>& QuotaLedger::take_sums() {
    need_.clear();
    for (std::uint32_t r = 0; r < sums_.size(); ++r) {
        if (sums_[r] > 0) need_.push_back({r, sums_[r]});
        sums_[r] = 0;
    }
    return need_;
}

std::optional<QuotaLedger::Refusal> QuotaLedger::refuses(
    TraitsId traits, std::span<const std::pair<ShapeId, std::int32_t>> tasks) {
    for (const auto& [shape, count] : tasks) {
        for (const auto& [resource, amount] : need_of(shape)) sums_[resource] += amount * count;
    }
    take_sums();
    if (const auto block = empty_.block(leaf(traits), need_)) return Refusal{*block, true};
    if (const auto block = books_.block(leaf(traits), need_)) return Refusal{*block, false};
    return std::nullopt;
}

std::optional<QuotaLedger::Refusal> QuotaLedger::refuses(TraitsId traits, std::span<const TaskPlace> taken) {
    add(taken);
    if (const auto block = books_.broken(leaf(traits), take_sums())) return Refusal{*block, false};
    return std::nullopt;
}

std::vector<QueuedRunning> QuotaLedger::running() {
    std::vector<QueuedRunning> out;
    for (JobId id = 0; id < cluster_.job_slots(); ++id) {
        if (!cluster_.has_job(id) || cluster_.job(id).tasks.empty()) continue;
        const RunningJob& job = cluster_.job(id);
        const QueueId queue = leaf(job.tasks.front().traits);
        if (queue == kNoQueue) continue;
        add(job.tasks);
        out.push_back({id, queue, job.priority, take_sums()});
    }
    return out;
}

}  // namespace hal
