#include "halcore/engine/room_bound.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hal {
namespace {

constexpr VictimSums kNever{std::numeric_limits<std::int64_t>::max(), 0, 0, 0};

// Rounded down, so that the shares of a job never add up to more than it costs.
std::int64_t part(std::int64_t cost, std::int64_t shares) {
    const std::int64_t whole = cost * RoomBound::kParts;
    return whole / shares - (whole % shares < 0);
}

}  // namespace

VictimSums operator+(const VictimSums& a, const VictimSums& b) {
    return {a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]};
}

RoomBound::RoomBound(std::vector<Job> jobs, std::vector<std::vector<std::uint32_t>> domains,
                     std::uint32_t nodes, std::int64_t tasks, Room room)
    : jobs_(std::move(jobs)),
      domains_(std::move(domains)),
      on_node_(nodes),
      tasks_(tasks),
      room_(std::move(room)),
      known_(nodes) {
    for (std::uint32_t j = 0; j < jobs_.size(); ++j)
        for (const std::uint32_t n : jobs_[j].nodes) on_node_[n].push_back(j);
}

VictimSums RoomBound::share(std::uint32_t job) const {
    VictimSums sums{};
    const auto shares = static_cast<std::int64_t>(jobs_[job].nodes.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = part(jobs_[job].cost[i], shares);
    return sums;
}

const RoomBound::Choices& RoomBound::choices(std::uint32_t node, const std::vector<State>& states) {
    Key key;
    for (const std::uint32_t j : on_node_[node]) key.push_back(states[j]);
    const auto [it, is_new] = known_[node].try_emplace(std::move(key));
    if (is_new) it->second = find_choices(node, it->first);
    return it->second;
}

RoomBound::Choices RoomBound::find_choices(std::uint32_t node, const Key& key) {
    std::vector<std::uint32_t> open, gone;
    for (std::size_t i = 0; i < key.size(); ++i) {
        if (key[i] == State::Open) open.push_back(on_node_[node][i]);
        if (key[i] == State::Gone) gone.push_back(on_node_[node][i]);
    }
    const auto room = [&](std::vector<std::uint32_t> jobs) {
        ++work_;
        jobs.insert(jobs.end(), gone.begin(), gone.end());
        std::sort(jobs.begin(), jobs.end());
        return std::min(tasks_, room_(node, jobs));
    };
    Choices all{{room({}), {}, {}}};
    if (open.size() > kSubsets || work_ > kMostWork) {
        const auto cheapest = *std::min_element(
            open.begin(), open.end(), [&](std::uint32_t a, std::uint32_t b) { return share(a) < share(b); });
        all.push_back({room(open), share(cheapest), {cheapest}});
    } else {
        for (std::uint32_t subset = 1; subset < (1u << open.size()); ++subset) {
            Choice choice;
            for (std::size_t i = 0; i < open.size(); ++i) {
                if (!(subset >> i & 1)) continue;
                choice.jobs.push_back(open[i]);
                choice.cost = choice.cost + share(open[i]);
            }
            choice.tasks = room(choice.jobs);
            all.push_back(std::move(choice));
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const Choice& a, const Choice& b) {
        return a.cost != b.cost ? a.cost < b.cost : a.tasks > b.tasks;
    });
    Choices best;
    for (Choice& choice : all)
        if (best.empty() || choice.tasks > best.back().tasks) best.push_back(std::move(choice));
    return best;
}

RoomBound::Answer RoomBound::least(const std::vector<State>& states) {
    Answer answer;
    answer.least = kNever;
    VictimSums gone{};
    for (std::uint32_t j = 0; j < jobs_.size(); ++j)
        if (states[j] == State::Gone)
            for (std::size_t i = 0; i < gone.size(); ++i) gone[i] += kParts * jobs_[j].cost[i];
    const auto tasks = static_cast<std::size_t>(tasks_);
    for (const auto& domain : domains_) {
        std::vector<VictimSums> cost(tasks + 1, kNever);  // by tasks with room so far
        cost[0] = {};
        std::vector<std::vector<std::pair<std::uint32_t, const Choice*>>> taken;  // by node: from, choice
        std::vector<std::uint32_t> nodes;
        for (const std::uint32_t n : domain) {
            const Choices& of_node = choices(n, states);
            if (of_node.size() == 1 && of_node[0].tasks == 0) continue;
            nodes.push_back(n);
            std::vector<VictimSums> next(tasks + 1, kNever);
            auto& from = taken.emplace_back(tasks + 1, std::pair<std::uint32_t, const Choice*>{});
            for (std::uint32_t had = 0; had <= tasks; ++had) {
                if (cost[had] == kNever) continue;
                for (const Choice& choice : of_node) {
                    ++work_;
                    const auto has = std::min(tasks, had + static_cast<std::size_t>(choice.tasks));
                    const VictimSums sum = cost[had] + choice.cost;
                    if (sum < next[has]) next[has] = sum, from[has] = {had, &choice};
                }
            }
            cost = std::move(next);
        }
        if (cost[tasks] == kNever || !(gone + cost[tasks] < answer.least)) continue;
        answer.possible = true;
        answer.least = gone + cost[tasks];
        answer.jobs.clear();
        std::size_t at = tasks;
        for (std::size_t i = taken.size(); i-- > 0;) {
            const auto& [before, choice] = taken[i][at];
            answer.jobs.insert(answer.jobs.end(), choice->jobs.begin(), choice->jobs.end());
            at = before;
        }
    }
    for (std::uint32_t j = 0; j < jobs_.size(); ++j)
        if (states[j] == State::Gone) answer.jobs.push_back(j);
    std::sort(answer.jobs.begin(), answer.jobs.end());
    answer.jobs.erase(std::unique(answer.jobs.begin(), answer.jobs.end()), answer.jobs.end());
    return answer;
}

}  // namespace hal
