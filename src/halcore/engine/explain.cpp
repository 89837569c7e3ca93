#include <algorithm>
#include <unordered_map>

#include "halcore/engine/engine.h"

namespace hal {

Survey Engine::survey(const JobRequest& job, const std::shared_ptr<const Policy>& policy) {
    BoundPolicy& bound = this->bound(policy);
    const Shape& shape = cluster_.shape(job.shape);
    sync_rules();
    RuleIndex* const ruled = rule_index(job.shape, job.traits, bound);

    Survey found;
    std::unordered_map<std::string, std::int32_t> known;
    const auto refused = [&](std::string why) {
        const auto [at, is_new] = known.try_emplace(why, static_cast<std::int32_t>(found.reasons.size()));
        if (is_new) found.reasons.push_back(std::move(why));
        found.reason.push_back(at->second);
    };
    for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
        if (!cluster_.present(n)) continue;
        found.nodes.push_back(n);
        if (const Reason reason = matcher_.check(job.shape, n)) {
            refused(describe(reason, cluster_, shape, n));
        } else if (const int filter = bound.rejected_by(job.shape, n); filter >= 0) {
            refused("filter '" + policy->filters()[filter]->name() + "' of the policy");
        } else if (std::string rule = ruled ? ruled->refusal(n, {}) : ""; !rule.empty()) {
            refused(std::move(rule));
        } else {
            found.reason.push_back(-1);
            found.fits.push_back(n);
        }
    }
    found.totals.resize(found.fits.size());
    found.parts.resize(found.fits.size() * policy->scorers().size());
    if (!found.fits.empty()) bound.score(job.shape, found.fits, found.totals, found.parts);
    return found;
}

Explanation Engine::explain(const JobRequest& job, const std::shared_ptr<const Policy>& policy,
                            std::size_t top) {
    const Survey found = survey(job, policy);
    Explanation result;
    result.nodes = cluster_.node_count();
    result.feasible = static_cast<NodeId>(found.fits.size());
    for (const std::string& why : found.reasons) result.reasons.emplace_back(why, 0);
    for (const std::int32_t reason : found.reason)
        if (reason >= 0) ++result.reasons[static_cast<std::size_t>(reason)].second;
    std::sort(result.reasons.begin(), result.reasons.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    const auto over = over_quota(job);
    if (over) result.quota = describe(over->block, *queues_), result.block = over->block;
    const std::vector<NodeId>& nodes = found.fits;
    if (nodes.empty() || over) {
        const bool possible = job.tasks <= matcher_.capacity(job.shape) && !(over && over->never);
        result.status = possible ? Status::Unschedulable : Status::Infeasible;
    }
    if (nodes.empty()) return result;

    std::vector<std::uint64_t> keys;  // totals closer than a step are ties, here as in choose()
    bound(policy).keys(job.shape, nodes, keys);
    std::vector<std::size_t> order(nodes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto better = [&](std::size_t a, std::size_t b) { return keys[a] > keys[b]; };
    top = std::min(top, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), better);
    for (std::size_t i = 0; i < top; ++i) {
        Explanation::Candidate candidate{nodes[order[i]], found.totals[order[i]], {}};
        for (std::size_t s = 0; s < policy->scorers().size(); ++s)
            candidate.parts.push_back(found.parts[s * nodes.size() + order[i]]);
        result.top.push_back(std::move(candidate));
    }
    return result;
}

}  // namespace hal
