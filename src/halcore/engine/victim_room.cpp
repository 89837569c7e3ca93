#include "halcore/engine/victim_room.h"

#include <algorithm>
#include <bit>

#include "halcore/engine/transaction.h"
#include "halcore/policies/devices.h"

namespace hal {
namespace {

constexpr std::int64_t kMostLost = std::int64_t{1} << 36;  // more counts as this much: sums stay in 64 bits

// Tasks of the shape that a node holds at most, as it is now.
std::int64_t room_at_most(Engine& engine, ShapeId shape, NodeId n, std::int64_t most) {
    const Cluster& cluster = engine.cluster();
    const Reason reason = engine.matcher().check(shape, n);
    if (reason && reason.code < Reason::Code::Resource) return 0;
    const Shape& s = cluster.shape(shape);
    const auto limit = [&](ResourceId r, std::int64_t amount) {
        if (amount > 0) most = std::min(most, std::max<std::int64_t>(0, cluster.free(r, n)) / amount);
    };
    limit(kCpu, s.cpu);
    limit(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) limit(r, amount);
    if (s.gpus == 0) return most;
    std::int64_t shares = 0;
    for (std::uint64_t m = engine.matcher().eligible(shape, n); m; m &= m - 1) {
        const int g = std::countr_zero(m);
        const std::int32_t share = std::max(share_at(cluster, s, n, g), 1);
        shares += std::max(0, cluster.gpu_free(n)[static_cast<std::size_t>(g)]) / share;
    }
    return std::min(most, shares / s.gpus);
}

std::vector<std::vector<std::uint32_t>> domains_of(const Cluster& cluster, const JobRequest& job) {
    std::vector<std::vector<std::uint32_t>> domains;
    const NodeTree* const tree = cluster.tree();
    if (!job.gang || job.gang->required.empty() || !tree) {
        domains.emplace_back();
        for (NodeId n = 0; n < cluster.node_slots(); ++n)
            if (cluster.present(n)) domains[0].push_back(n);
        return domains;
    }
    const Topology& t = tree->topology();
    const std::int32_t level = t.find_level(job.gang->required);
    for (std::int32_t d = 0; d < t.n_domains(); ++d) {
        if (t.level(d) < level || (d > 0 && t.level(t.parent(d)) >= level)) continue;
        auto& nodes = domains.emplace_back();
        for (auto p = t.node_begin(d); p < t.node_end(d); ++p)
            if (const NodeId n = tree->node(p); n != kNoNode && cluster.present(n)) nodes.push_back(n);
    }
    // Nodes that hang above the level are domains of their own.
    for (std::int32_t p = 0; p < t.n_nodes(); ++p) {
        const NodeId n = tree->node(p);
        if (n != kNoNode && cluster.present(n) && t.level(t.node_domain(t.node_order()[p])) < level)
            domains.push_back({n});
    }
    return domains;
}

}  // namespace

RoomBound room_bound(Engine& engine, const JobRequest& job,
                     const std::vector<VictimSets::Candidate>& candidates) {
    Cluster& cluster = engine.cluster();
    std::vector<RoomBound::Job> jobs;
    for (const auto& c : candidates) {
        RoomBound::Job& added = jobs.emplace_back();
        added.cost = {1, c.priority, std::min(c.lost, kMostLost), c.tasks};
        for (const TaskPlace& task : cluster.job(c.job).tasks) added.nodes.push_back(task.node);
        std::sort(added.nodes.begin(), added.nodes.end());
        added.nodes.erase(std::unique(added.nodes.begin(), added.nodes.end()), added.nodes.end());
    }
    const auto of_role = [&](ShapeId shape, std::int32_t tasks) {
        return RoomBound(
            jobs, domains_of(cluster, job), cluster.node_slots(), tasks,
            [&engine, &cluster, candidates, shape, tasks](NodeId n, std::span<const std::uint32_t> gone) {
                Transaction trial(cluster);
                for (const std::uint32_t j : gone)
                    for (const TaskPlace& task : cluster.job(candidates[j].job).tasks)
                        if (task.node == n) cluster.give(task);
                return room_at_most(engine, shape, n, tasks);
            });
    };
    if (!job.gang) return of_role(job.shape, job.tasks);
    std::vector<RoomBound> bounds;
    std::size_t tightest = 0;
    VictimSums most{};
    const std::vector<RoomBound::State> open(jobs.size(), RoomBound::State::Open);
    for (const Gang::Role& role : job.gang->roles) {
        bounds.push_back(of_role(role.shape, role.min_tasks));
        if (job.gang->roles.size() == 1) break;
        const auto answer = bounds.back().least(open);
        if (!answer.possible) return bounds.back();
        if (answer.least > most) most = answer.least, tightest = bounds.size() - 1;
    }
    return std::move(bounds[tightest]);
}

}  // namespace hal
