#include "halcore/engine/gang_fill.h"

#include <algorithm>
#include <numeric>

namespace hal {
namespace {

struct Room {
    bool is_node;
    std::int32_t id;
    std::int64_t tasks, running;
};

std::vector<Room> rooms(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain) {
    const Topology& t = problem.topology;
    std::vector<Room> rooms;
    for (auto p = t.node_begin(domain); p < t.node_begin(domain + 1); ++p) {
        auto n = capacity.node(0, p);
        if (capacity.node_ends_slice(0, domain)) n -= n % problem.roles[0].slice;
        if (n > 0) rooms.push_back({true, p, n, capacity.running_at(p)});
    }
    for (auto c = domain + 1; c < t.subtree_end(domain); c = t.subtree_end(c))
        if (capacity.lifted(0, c) > 0)
            rooms.push_back({false, c, capacity.lifted(0, c), capacity.running_under(c)});
    std::stable_sort(rooms.begin(), rooms.end(), [](const Room& a, const Room& b) {
        return (a.running > 0) != (b.running > 0) ? a.running > 0 : a.tasks > b.tasks;
    });
    return rooms;
}

void fill(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain, std::int64_t tasks,
          std::vector<GangShare>& shares) {
    auto open = rooms(problem, capacity, domain);
    const auto put = [&](const Room& room, std::int64_t n) {
        if (room.is_node)
            shares.push_back({room.id, {static_cast<std::int32_t>(n)}});
        else
            fill(problem, capacity, room.id, n, shares);
    };
    for (std::size_t k = 0; tasks > 0; ++k) {
        if (open[k].tasks < tasks) {
            put(open[k], open[k].tasks);
            tasks -= open[k].tasks;
            continue;
        }
        std::size_t best = k;  // of those that hold the rest, the smallest; where tasks run beats any other
        for (std::size_t i = k; i < open.size() && (open[i].running > 0) == (open[k].running > 0); ++i)
            if (open[i].tasks >= tasks && open[i].tasks < open[best].tasks) best = i;
        put(open[best], tasks);
        tasks = 0;
    }
}

/// Tasks under each domain, and per node, of the shares and of what runs.
struct Spread {
    std::vector<std::int64_t> node, domain;
    Spread(const GangProblem& problem, const std::vector<GangShare>& shares) {
        const Topology& t = problem.topology;
        node.assign(t.n_nodes(), 0);
        domain.assign(t.n_domains(), 0);
        for (const auto& share : shares)
            node[share.position] += std::accumulate(share.tasks.begin(), share.tasks.end(), std::int64_t{0});
        if (!problem.running.empty())
            for (std::int32_t p = 0; p < t.n_nodes(); ++p) node[p] += problem.running[p];
        for (auto d = t.n_domains(); d-- > 0;) {
            for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p) domain[d] += node[p];
            if (d > 0) domain[t.parent(d)] += domain[d];
        }
    }
};

}  // namespace

void fill_gang(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain,
               std::vector<GangShare>& shares) {
    fill(problem, capacity, domain, problem.roles[0].tasks, shares);
}

double saved_at_most(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain) {
    const Topology& t = problem.topology;
    const std::int64_t tasks = problem.roles[0].tasks;
    double saved = 0;
    std::vector<std::int32_t> with_size(tasks + 1);
    for (auto level = t.level(domain) + 1; level <= t.n_levels(); ++level) {
        const auto weight = t.level_distance(level - 1) - t.level_distance(level);
        if (weight == 0) continue;
        // What the level is made of: domains at it or below whose parents are above it, and nodes above it.
        std::fill(with_size.begin(), with_size.end(), 0);
        for (auto d = domain; d < t.subtree_end(domain);) {
            if (t.level(d) >= level) {
                ++with_size[std::min(tasks, capacity.lifted(0, d))];
                d = t.subtree_end(d);
                continue;
            }
            for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p) ++with_size[capacity.node(0, p)];
            ++d;
        }
        std::int64_t left = tasks;
        for (auto size = tasks; size > 0 && left > 0; --size) {
            for (auto n = with_size[size]; n > 0 && left > 0; --n) {
                const auto here = std::min(size, left);
                saved += static_cast<double>(weight) * static_cast<double>(pairs(here));
                left -= here;
            }
        }
    }
    return saved;
}

double saved_by(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain,
                const std::vector<GangShare>& shares) {
    const Topology& t = problem.topology;
    const std::int64_t all = capacity.running() + [&] {
        std::int64_t n = 0;
        for (const auto& share : shares) n = std::accumulate(share.tasks.begin(), share.tasks.end(), n);
        return n;
    }();
    const GangProblem only_running{t, {}, 0, 0, {}, {}, problem.running};
    // Pairs that run already count the same wherever the rest goes.
    return static_cast<double>(t.level_distance(t.level(domain))) *
               static_cast<double>(pairs(all) - pairs(capacity.running())) -
           static_cast<double>(gang_distance(problem, shares) - gang_distance(only_running, {}));
}

std::int64_t gang_distance(const GangProblem& problem, const std::vector<GangShare>& shares) {
    const Topology& t = problem.topology;
    const Spread spread(problem, shares);
    std::int64_t total = t.level_distance(t.level(0)) * pairs(spread.domain[0]);
    for (std::int32_t d = 0; d < t.n_domains(); ++d) {
        if (spread.domain[d] == 0) continue;
        const auto own = t.level_distance(t.level(d));
        if (d > 0) total -= (t.level_distance(t.level(t.parent(d))) - own) * pairs(spread.domain[d]);
        for (auto p = t.node_begin(d); p < t.node_begin(d + 1); ++p) total -= own * pairs(spread.node[p]);
    }
    return total;
}

std::int32_t gang_spread(const GangProblem& problem, const std::vector<GangShare>& shares) {
    const Topology& t = problem.topology;
    const Spread spread(problem, shares);
    const std::int64_t all = spread.domain[0];
    if (all == 0) return -1;
    std::int32_t lowest = 0;
    for (std::int32_t d = 1; d < t.n_domains(); ++d)
        if (spread.domain[d] == all) lowest = d;
    for (auto p = t.node_begin(lowest); p < t.node_begin(lowest + 1); ++p)
        if (spread.node[p] == all) return t.n_levels();
    return t.level(lowest);
}

}  // namespace hal
