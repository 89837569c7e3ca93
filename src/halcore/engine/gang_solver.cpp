#include "halcore/engine/gang_solver.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "halcore/engine/gang_fill.h"
#include "halcore/engine/gang_roles.h"
#include "halcore/engine/gang_table.h"

namespace hal {
namespace {

struct Candidate {
    bool is_node;
    std::int32_t id;
    double at_least = 0;  // a bound from below on the distance
    std::int64_t room;    // tasks it holds: fewer is a better fit
};

class Solver {
  public:
    Solver(const GangProblem& problem, double effort)
        : problem_(problem), capacity_(problem), tables_(problem, capacity_), effort_(effort) {}

    GangAnswer solve() {
        const Topology& t = problem_.topology;
        GangAnswer answer;
        if (capacity_.may_hold(0)) {
            for (auto level = std::min(problem_.preferred_level, t.n_levels());
                 level >= problem_.required_level && !answer.feasible; --level)
                choose(candidates(level), answer);
        }
        if (!answer.feasible) return answer;
        std::sort(answer.shares.begin(), answer.shares.end(),
                  [](const GangShare& a, const GangShare& b) { return a.position < b.position; });
        answer.exact = exact_;
        answer.spread = gang_spread(problem_, answer.shares);
        answer.distance = gang_distance(problem_, answer.shares);
        return answer;
    }

  private:
    /// What a level is made of: the domains at it or below whose parents are above it, and the nodes that
    /// hang above it. Those with room for the gang, most promising first.
    std::vector<Candidate> candidates(std::int32_t level) const {
        const Topology& t = problem_.topology;
        std::vector<Candidate> found;
        for (std::int32_t d = 0; d < t.n_domains();) {
            if (!capacity_.may_hold(d)) {  // nothing below has the room either
                d = t.subtree_end(d);
                continue;
            }
            if (t.level(d) >= level) {
                found.push_back({false, d, 0, room(d)});
                d = t.subtree_end(d);
                continue;
            }
            for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p)
                if (node_holds(p)) found.push_back({true, p, 0, capacity_.node(0, p)});
            ++d;
        }
        const bool bound = problem_.roles.size() == 1 && capacity_.running() == 0 && found.size() > 1;
        const auto all = static_cast<double>(pairs(problem_.roles[0].tasks));
        for (auto& c : found)
            if (bound && !c.is_node)
                c.at_least = static_cast<double>(t.level_distance(t.level(c.id))) * all -
                             saved_at_most(problem_, capacity_, c.id);
        std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
            return a.at_least != b.at_least ? a.at_least < b.at_least : a.room < b.room;
        });
        return found;
    }

    std::int64_t room(std::int32_t domain) const {
        const Topology& t = problem_.topology;
        std::int64_t sum = 0;  // as the whole cluster has it, not cut at what the gang asks for
        for (auto p = t.node_begin(domain); p < t.node_end(domain); ++p) sum += problem_.capacity[0][p];
        return sum;
    }

    bool node_holds(std::int32_t position) const {
        std::vector<std::int32_t> all;
        for (std::size_t r = 0; r < problem_.roles.size(); ++r) {
            if (capacity_.node(r, position) < problem_.roles[r].tasks) return false;
            all.push_back(problem_.roles[r].tasks);
        }
        if (capacity_.running_at(position) != capacity_.running()) return false;
        return problem_.roles.size() == 1 || problem_.together(position, all);
    }

    void choose(const std::vector<Candidate>& found, GangAnswer& answer) {
        double best = std::numeric_limits<double>::infinity();
        for (const auto& c : found) {
            if (answer.feasible && c.at_least >= best) break;  // neither does any after it
            if (c.is_node) {
                std::vector<std::int32_t> all;
                for (const auto& role : problem_.roles) all.push_back(role.tasks);
                answer.shares = {{c.id, std::move(all)}};
                answer.feasible = true;
                best = 0;
                continue;
            }
            const double cost = tables_.cost(c.id);
            if (spent_ + cost <= effort_) {
                spent_ += cost;
                const double distance = base(c.id) - tables_.best(c.id);
                if (distance >= best) continue;
                best = distance;
                answer.feasible = true;
                answer.shares.clear();
                tables_.trace(c.id, answer.shares);
                continue;
            }
            std::vector<GangShare> shares;
            if (tries_++ >= (answer.feasible ? kTries : kMostTries)) {
                exact_ = false;
                break;
            }
            if (problem_.roles.size() == 1) {
                fill_gang(problem_, capacity_, c.id, shares);
            } else if (!place_roles(problem_, c.id, shares)) {
                exact_ = false;
                continue;
            }
            const double distance = base(c.id) - saved_by(problem_, capacity_, c.id, shares);
            if (distance > c.at_least) exact_ = false;
            if (distance >= best) continue;
            best = distance;
            answer.feasible = true;
            answer.shares = std::move(shares);
        }
    }

    double base(std::int32_t domain) const {
        const Topology& t = problem_.topology;
        std::int64_t all = capacity_.running();
        for (const auto& role : problem_.roles) all += role.tasks;
        return static_cast<double>(t.level_distance(t.level(domain))) *
               static_cast<double>(pairs(all) - pairs(capacity_.running()));
    }

    // Domains filled greedily, each O(nodes): while none has worked, and once one has.
    static constexpr int kMostTries = 16, kTries = 4;

    const GangProblem& problem_;
    const GangCapacity capacity_;
    GangTables tables_;
    const double effort_;
    double spent_ = 0;
    int tries_ = 0;
    bool exact_ = true;
};

}  // namespace

GangAnswer solve_gang(const GangProblem& problem, double effort) {
    return Solver(problem, effort).solve();
}

std::int32_t gang_room(const GangProblem& problem, std::size_t role) {
    GangProblem alone = problem;
    alone.roles = {problem.roles[role]};
    alone.capacity = {problem.capacity[role]};
    const GangCapacity capacity(alone);
    const Topology& t = problem.topology;
    std::int64_t most = 0;
    for (std::int32_t d = 0; d < t.n_domains(); ++d) {
        const bool holds_running = capacity.running_under(d) == capacity.running();
        if (t.level(d) >= problem.required_level) {
            if (holds_running) most = std::max(most, capacity.lifted(0, d));
            continue;
        }
        for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p)
            if (capacity.running_at(p) == capacity.running()) most = std::max(most, capacity.node(0, p));
    }
    most = std::min<std::int64_t>(most, alone.roles[0].tasks);
    return static_cast<std::int32_t>(most - most % alone.roles[0].slice);
}

}  // namespace hal
