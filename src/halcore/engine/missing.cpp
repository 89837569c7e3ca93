#include "halcore/engine/missing.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "halcore/engine/transaction.h"
#include "halcore/policies/devices.h"

namespace hal {
namespace {

using Amounts = std::vector<std::pair<std::string, std::int64_t>>;

struct Lack {
    Amounts amounts;
    double relative = 0;
    void add(const std::string& resource, std::int64_t lacking, std::int64_t asked) {
        if (lacking <= 0) return;
        amounts.emplace_back(resource, lacking);
        relative += static_cast<double>(lacking) / static_cast<double>(asked);
    }
};

Lack lack_on(const Cluster& cluster, const Shape& s, NodeId n, bool of_capacity) {
    Lack lack;
    const auto need = [&](ResourceId r, std::int64_t amount) {
        const std::int64_t have = of_capacity ? cluster.capacity(r, n) : cluster.free(r, n);
        lack.add(cluster.resources().name(r), amount - have, amount);
    };
    need(kCpu, s.cpu);
    need(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) need(r, amount);
    if (s.gpus) {
        const std::uint64_t eligible = eligible_devices(cluster, s, n);
        const std::uint64_t fitting = of_capacity ? eligible : fitting_devices(cluster, s, n, eligible);
        lack.add("gpu", s.gpus - std::popcount(fitting), s.gpus);
    }
    return lack;
}

}  // namespace

Missing find_missing(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy) {
    Cluster& cluster = engine.cluster();
    Matcher& matcher = engine.matcher();
    BoundPolicy& bound = engine.bound(policy);
    const Shape& s = cluster.shape(job.shape);
    Missing missing;
    missing.most = matcher.capacity(job.shape);
    missing.of_capacity = missing.most == 0;

    engine.sync_rules();
    Transaction trial(cluster);
    std::vector<TaskPlace> own;
    while (missing.tasks < job.tasks) {
        const Choice choice = engine.choose_task(job.shape, job.traits, bound, own);
        if (choice.node == kNoNode) break;
        own.push_back(
            cluster.settle({choice.node, job.shape, bound.pick(job.shape, choice.node), job.traits}));
        cluster.take(own.back());
        ++missing.tasks;
    }
    std::map<std::string, NodeId> filters;
    Lack least;
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (!cluster.present(n)) continue;
        Lack lack = lack_on(cluster, s, n, missing.of_capacity);
        const Reason reason = matcher.check(job.shape, n);
        const bool by_class = reason && reason.code < Reason::Code::GpuModel;
        const int by_policy = reason ? -1 : bound.rejected_by(job.shape, n);
        if (by_class || by_policy >= 0) {
            if (lack.amounts.empty()) {
                ++filters[by_class ? describe(reason, cluster, s, n)
                                   : "filter '" + policy->filters()[by_policy]->name() + "' of the policy"];
            }
            continue;
        }
        if (const std::string rule = engine.rule_refusal({n, job.shape, 0, job.traits}, own); !rule.empty()) {
            if (lack.amounts.empty()) ++filters[rule];
            continue;
        }
        if (lack.amounts.empty()) continue;  // a whole job may lack what one task of it does not
        const auto rank = [](const Lack& l) { return std::make_tuple(l.amounts.size(), l.relative); };
        if (missing.node == kNoNode || rank(lack) < rank(least)) missing.node = n, least = std::move(lack);
    }
    missing.amounts = std::move(least.amounts);
    for (const auto& [filter, nodes] : filters) {
        if (nodes > missing.filtered) missing.filter = filter, missing.filtered = nodes;
    }
    return missing;
}

}  // namespace hal
