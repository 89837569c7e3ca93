#include "halcore/engine/gang_capacity.h"

#include <algorithm>

namespace hal {

GangCapacity::GangCapacity(const GangProblem& problem) : problem_(problem) {
    const Topology& t = problem.topology;
    for (std::size_t r = 0; r < problem.roles.size(); ++r) {
        const auto wanted = problem.roles[r].tasks;
        auto& node = node_.emplace_back(t.n_nodes());
        auto& inside = inside_.emplace_back(t.n_domains(), 0);
        for (std::int32_t d = t.n_domains(); d-- > 0;) {
            const bool cut = node_ends_slice(r, d);
            for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p) {
                node[p] = std::min(problem.capacity[r][p], wanted);
                inside[d] += cut ? whole(r, node[p]) : node[p];
            }
            if (d > 0) inside[t.parent(d)] += lifted(r, d);
        }
    }
    if (problem.running.empty()) return;
    running_.assign(t.n_nodes() + 1, 0);
    for (std::int32_t p = 0; p < t.n_nodes(); ++p) running_[p + 1] = running_[p] + problem.running[p];
}

bool GangCapacity::may_hold(std::int32_t domain) const {
    if (running_under(domain) < running()) return false;
    for (std::size_t r = 0; r < problem_.roles.size(); ++r)
        if (inside(r, domain) < problem_.roles[r].tasks) return false;
    return true;
}

}  // namespace hal
