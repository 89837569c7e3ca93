#include <algorithm>
#include <map>

#include "halcore/engine/engine.h"

namespace hal {

Explanation Engine::explain(const JobRequest& job, const std::shared_ptr<const Policy>& policy,
                            std::size_t top) {
    BoundPolicy& bound = this->bound(policy);
    const Shape& shape = cluster_.shape(job.shape);
    Explanation result;
    result.nodes = cluster_.node_count();

    sync_rules();
    RuleIndex* const ruled = rule_index(job.shape, job.traits, bound);
    std::map<std::string, NodeId> reasons;
    std::vector<NodeId> nodes;
    for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
        if (!cluster_.present(n)) continue;
        if (const Reason reason = matcher_.check(job.shape, n)) {
            ++reasons[describe(reason, cluster_, shape, n)];
        } else if (const int filter = bound.rejected_by(job.shape, n); filter >= 0) {
            ++reasons["filter '" + policy->filters()[filter]->name() + "' of the policy"];
        } else if (const std::string rule = ruled ? ruled->refusal(n, {}) : ""; !rule.empty()) {
            ++reasons[rule];
        } else {
            nodes.push_back(n);
        }
    }
    result.feasible = static_cast<NodeId>(nodes.size());
    result.reasons.assign(reasons.begin(), reasons.end());
    std::stable_sort(result.reasons.begin(), result.reasons.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    const auto over = over_quota(job);
    if (over) result.quota = describe(over->block, *queues_), result.block = over->block;
    if (nodes.empty() || over) {
        const bool possible = job.tasks <= matcher_.capacity(job.shape) && !(over && over->never);
        result.status = possible ? Status::Unschedulable : Status::Infeasible;
    }
    if (nodes.empty()) return result;

    const std::size_t scorers = policy->scorers().size();
    std::vector<double> totals(nodes.size()), parts(nodes.size() * scorers);
    bound.score(job.shape, nodes, totals, parts);
    std::vector<std::size_t> order(nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto better = [&](std::size_t a, std::size_t b) {
        if (totals[a] != totals[b]) return totals[a] > totals[b];
        return tie_rank(nodes[a], policy->tie_seed()) < tie_rank(nodes[b], policy->tie_seed());
    };
    top = std::min(top, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), better);
    for (std::size_t i = 0; i < top; ++i) {
        Explanation::Candidate candidate{nodes[order[i]], totals[order[i]], {}};
        for (std::size_t s = 0; s < scorers; ++s)
            candidate.parts.push_back(parts[s * nodes.size() + order[i]]);
        result.top.push_back(std::move(candidate));
    }
    return result;
}

}  // namespace hal
