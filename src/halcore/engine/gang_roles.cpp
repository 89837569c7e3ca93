#include "halcore/engine/gang_roles.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "halcore/engine/gang_solver.h"

namespace hal {
namespace {

using Counts = std::vector<std::int32_t>;

bool place_in_order(const GangProblem& problem, std::int32_t domain, const std::vector<std::size_t>& order,
                    std::vector<GangShare>& shares) {
    const Topology& t = problem.topology;
    std::map<std::int32_t, Counts> placed;  // by position
    std::vector<std::int32_t> running(t.n_nodes(), 0), capacity(t.n_nodes());
    std::copy(problem.running.begin(), problem.running.end(), running.begin());
    for (const auto r : order) {
        std::fill(capacity.begin(), capacity.end(), 0);
        for (auto p = t.node_begin(domain); p < t.node_end(domain); ++p) {
            capacity[p] = std::min(problem.capacity[r][p], problem.roles[r].tasks);
            const auto before = placed.find(p);
            if (before == placed.end()) continue;
            Counts with = before->second;
            std::int32_t low = 0;  // fits together by itself; the most is found by halving
            for (auto high = capacity[p]; low < high;) {
                const auto middle = (low + high + 1) / 2;
                with[r] = middle;
                problem.together(p, with) ? low = middle : high = middle - 1;
            }
            capacity[p] = low;
        }
        const GangProblem alone{t, {problem.roles[r]}, 0, problem.preferred_level, {capacity}, {}, running};
        const GangAnswer answer = solve_gang(alone, 2e5);
        if (!answer.feasible) return false;
        for (const auto& share : answer.shares) {
            auto& counts = placed.try_emplace(share.position, Counts(problem.roles.size(), 0)).first->second;
            counts[r] += share.tasks[0];
            running[share.position] += share.tasks[0];
        }
    }
    for (auto& [position, counts] : placed) shares.push_back({position, std::move(counts)});
    return true;
}

}  // namespace

bool place_roles(const GangProblem& problem, std::int32_t domain, std::vector<GangShare>& shares) {
    const Topology& t = problem.topology;
    std::vector<std::size_t> given(problem.roles.size());
    std::iota(given.begin(), given.end(), std::size_t{0});
    std::vector<double> slack;
    for (const auto r : given) {
        double room = 0;
        for (auto p = t.node_begin(domain); p < t.node_end(domain); ++p) room += problem.capacity[r][p];
        slack.push_back(room / std::max(problem.roles[r].tasks, 1));
    }
    auto tightest = given;
    std::stable_sort(tightest.begin(), tightest.end(),
                     [&](std::size_t a, std::size_t b) { return slack[a] < slack[b]; });
    const std::vector<std::size_t> reverse(given.rbegin(), given.rend());
    return place_in_order(problem, domain, tightest, shares) ||
           (given != tightest && place_in_order(problem, domain, given, shares)) ||
           (reverse != tightest && place_in_order(problem, domain, reverse, shares));
}

}  // namespace hal
