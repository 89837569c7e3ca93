// Elastic gangs: shrinking and growing one that runs.
#include <algorithm>
#include <map>

#include "halcore/engine/gang_stage.h"

namespace hal {

/// Tasks to keep, as indices in rank order: of each role those that together have the least spread and then
/// distance, the lowest ranks on each node.
std::vector<std::size_t> GangStage::keepers(const RunningJob& job, const Gang& gang,
                                            std::span<const std::int32_t> tasks) const {
    const auto role_of = [&](std::size_t t) { return job.roles().empty() ? std::size_t{0} : job.roles()[t]; };
    const NodeTree* tree = cluster_.tree();
    const bool inside = tree && std::all_of(job.tasks.begin(), job.tasks.end(), [&](const TaskPlace& task) {
                            return tree->position(task.node) >= 0;
                        });
    std::map<std::pair<NodeId, std::size_t>, std::int32_t> keep;  // how many of a role on a node
    Counts left(tasks.begin(), tasks.end());
    if (inside) {
        GangProblem asked = problem(gang, levels(gang), tasks);
        std::vector<Counts> here(tasks.size(), Counts(asked.topology.n_nodes(), 0));
        for (std::size_t t = 0; t < job.tasks.size(); ++t)
            ++here[role_of(t)][tree->position(job.tasks[t].node)];
        for (const auto& row : here) asked.capacity.emplace_back(row);
        asked.together = [](std::int32_t, std::span<const std::int32_t>) { return true; };  // they do already
        GangAnswer answer = solve_gang(asked);
        if (!answer.feasible) {  // it does not run under its own required level: keep what is nearest
            asked.required_level = 0;
            answer = solve_gang(asked);
        }
        if (answer.feasible) std::fill(left.begin(), left.end(), 0);
        for (const auto& share : answer.shares)
            for (std::size_t r = 0; r < tasks.size(); ++r)
                keep[{tree->node(share.position), r}] = share.tasks[r];
    }
    std::vector<std::size_t> kept;
    for (std::size_t t = 0; t < job.tasks.size(); ++t) {
        const std::size_t r = role_of(t);
        const auto found = keep.find({job.tasks[t].node, r});
        std::int32_t& room = found == keep.end() ? left[r] : found->second;
        if (room <= 0) continue;
        --room;
        kept.push_back(t);
    }
    return kept;
}

bool GangStage::resize(JobId id, const Gang& gang, std::span<const std::int32_t> tasks, BoundPolicy& policy,
                       const GangBounds& bounds, GangPlaces& out) {
    const RunningJob job = cluster_.job(id);  // a copy: giving tasks up must not disturb it
    out.traits = job.tasks.front().traits;
    Counts now(tasks.size(), 0);
    for (std::size_t t = 0; t < job.tasks.size(); ++t) ++now[job.roles().empty() ? 0 : job.roles()[t]];
    Counts stay(tasks.size()), more(tasks.size());
    for (std::size_t r = 0; r < tasks.size(); ++r) {
        stay[r] = std::min(now[r], tasks[r]);
        more[r] = tasks[r] - stay[r];
    }
    std::vector<std::size_t> kept;
    if (stay == now) {
        for (std::size_t t = 0; t < job.tasks.size(); ++t) kept.push_back(t);
    } else {
        kept = keepers(job, gang, stay);
    }
    std::size_t next = 0;
    for (std::size_t t = 0; t < job.tasks.size(); ++t) {
        if (next == kept.size() || kept[next] != t) {
            cluster_.give(job.tasks[t]);
            continue;
        }
        ++next;
        out.tasks.push_back(job.tasks[t]);
        out.roles.push_back(job.roles().empty() ? 0 : job.roles()[t]);
        out.scores.push_back(0);
    }
    const NodeTree* tree = cluster_.tree();
    const bool inside = tree && std::all_of(out.tasks.begin(), out.tasks.end(), [&](const TaskPlace& task) {
                            return tree->position(task.node) >= 0;
                        });
    if (std::any_of(more.begin(), more.end(), [](auto n) { return n > 0; })) {
        bool grown = false;
        if (inside && !bounds.task_by_task) {
            Counts running(tree->topology().n_nodes(), 0);
            for (const auto& task : out.tasks) ++running[tree->position(task.node)];
            grown = place_in_tree(gang, more, more, running, policy, bounds, out);
        } else {
            grown = place_by_policy(gang, more, more, policy, bounds, out);
        }
        if (!grown) return false;
    }
    rank(out);
    return true;
}

}  // namespace hal
