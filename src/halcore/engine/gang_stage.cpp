#include "halcore/engine/gang_stage.h"

#include <algorithm>
#include <numeric>

#include "halcore/model/error.h"

namespace hal {

GangStage::Levels GangStage::levels(const Gang& gang, const std::string& together) const {
    Levels found;
    const Topology* topology = cluster_.tree() ? &cluster_.tree()->topology() : nullptr;
    const auto level = [&](const std::string& name, std::int32_t unset) {
        if (name.empty()) return unset;
        if (!topology)
            throw InvalidModel("gang: level '" + name + "' on a cluster without a topology; set one first");
        const auto index = topology->find_level(name);
        if (index >= 0) return index;
        std::string known;
        for (const auto& l : topology->levels()) known += (known.empty() ? "" : ", ") + l.name;
        throw InvalidModel("gang: unknown level '" + name + "'; the topology has " + known);
    };
    const std::int32_t node = topology ? topology->n_levels() : 0;
    found.required = level(gang.required, 0);
    found.preferred = level(gang.preferred, node);
    if (found.preferred < found.required)
        throw InvalidModel("gang: preferred level '" + gang.preferred + "' is above the required '" +
                           gang.required + "'; prefer it or a level below");
    for (const auto& role : gang.roles) found.slice.push_back(level(role.slice_level, node));
    if (!together.empty()) {
        found.required = std::max(found.required, together == Rule::kNodeLevel ? node : level(together, 0));
        found.preferred = std::max(found.preferred, found.required);
    }
    return found;
}

GangProblem GangStage::problem(const Gang& gang, const Levels& levels,
                               std::span<const std::int32_t> tasks) const {
    GangProblem problem{cluster_.tree()->topology(), {}, levels.required, levels.preferred, {}, {}, {}};
    for (std::size_t r = 0; r < gang.roles.size(); ++r)
        problem.roles.push_back({tasks[r], gang.roles[r].slice, levels.slice[r]});
    return problem;
}

bool GangStage::place(const Gang& gang, BoundPolicy& policy, const GangBounds& bounds, GangPlaces& out) {
    Counts least, most;
    for (const auto& role : gang.roles) {
        least.push_back(role.min_tasks);
        most.push_back(role.tasks);
    }
    const bool placed = cluster_.tree() && !bounds.task_by_task
                            ? place_in_tree(gang, least, most, {}, policy, bounds, out)
                            : place_by_policy(gang, least, most, policy, bounds, out);
    if (placed) rank(out);
    return placed;
}

bool GangStage::place_by_policy(const Gang& gang, std::span<const std::int32_t> least,
                                std::span<const std::int32_t> most, BoundPolicy& policy,
                                const GangBounds& bounds, GangPlaces& out) {
    levels(gang);  // refuses names that nothing could satisfy
    Counts placed(gang.roles.size(), 0);
    const auto fill = [&](std::size_t r, std::int32_t upto) {
        const ShapeId shape = gang.roles[r].shape;
        // Without a tree there is one level, the node; slices of it would need room for a whole one.
        if (gang.roles[r].slice > 1)
            throw InvalidModel("gang: slices on a cluster without a topology; set one first");
        for (; placed[r] < upto; ++placed[r]) {
            policy.tell(out.tasks);
            const Choice choice = bounds.choose ? bounds.choose(shape, out.tasks) : policy.choose(shape);
            if (choice.node == kNoNode) return;
            take({choice.node, shape, policy.pick(shape, choice.node)}, static_cast<std::uint8_t>(r),
                 choice.score, out);
        }
    };
    for (std::size_t r = 0; r < placed.size(); ++r) fill(r, least[r]);
    for (std::size_t r = 0; r < placed.size(); ++r)
        if (placed[r] < least[r]) {
            policy.tell({});
            return false;
        }
    for (std::size_t r = 0; r < placed.size(); ++r) fill(r, most[r]);
    policy.tell({});
    return true;
}

bool GangStage::place_in_tree(const Gang& gang, std::span<const std::int32_t> least,
                              std::span<const std::int32_t> most, std::span<const std::int32_t> running,
                              BoundPolicy& policy, const GangBounds& bounds, GangPlaces& out) {
    GangProblem asked = problem(gang, levels(gang, bounds.together), least);
    slots_.trim();
    const NodeTree& tree = *cluster_.tree();
    const auto allowed = allowed_room(gang, policy, bounds);
    std::vector<ShapeId> shapes;
    for (const auto& role : gang.roles) {
        shapes.push_back(role.shape);
        asked.capacity.push_back(slots_.now(role.shape));
        if (!allowed.empty()) asked.capacity.back() = allowed[shapes.size() - 1];
    }
    asked.running = running;
    asked.together = [&](std::int32_t position, std::span<const std::int32_t> counts) {
        if (bounds.one_a_node && std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) > 1)
            return false;
        return slots_.pack(tree.node(position), shapes, counts);
    };
    GangAnswer answer;
    if (!grow(asked, least, most, answer)) return false;
    take(asked, gang, answer, policy, out);
    return true;
}

std::vector<std::vector<std::int32_t>> GangStage::allowed_room(const Gang& gang, BoundPolicy& policy,
                                                               const GangBounds& bounds) {
    std::vector<std::vector<std::int32_t>> rooms;
    if (policy.policy().filters().empty() && !bounds.allows && !bounds.one_a_node) return rooms;
    const NodeTree& tree = *cluster_.tree();
    std::vector<NodeId> pass;
    for (const auto& role : gang.roles) {
        policy.feasible(role.shape, pass);
        const auto now = slots_.now(role.shape);
        auto& kept = rooms.emplace_back(now.size(), 0);
        for (const NodeId n : pass) {
            const auto p = tree.position(n);
            if (p < 0 || (bounds.allows && !bounds.allows(role.shape, n))) continue;
            kept[p] = bounds.one_a_node ? std::min(now[p], 1) : now[p];
        }
    }
    return rooms;
}

// The most tasks first: one role's room is known, several are tried, earlier roles growing first.
bool GangStage::grow(GangProblem& problem, std::span<const std::int32_t> least,
                     std::span<const std::int32_t> most, GangAnswer& answer) {
    if (problem.roles.size() == 1) {
        problem.roles[0].tasks = most[0];
        const auto room = gang_room(problem, 0);
        if (room < least[0]) return false;
        problem.roles[0].tasks = room;
        answer = solve_gang(problem);
        return answer.feasible;
    }
    const auto with = [&](std::size_t r, std::int32_t tasks) {
        problem.roles[r].tasks = tasks;
        GangAnswer found = solve_gang(problem);
        const bool fits = found.feasible;
        if (fits) answer = std::move(found);
        return fits;
    };
    if (!with(0, least[0])) return false;
    for (std::size_t r = 0; r < problem.roles.size(); ++r) {
        const std::int32_t slice = problem.roles[r].slice;
        std::int32_t low = least[r] / slice, high = most[r] / slice;
        if (low < high && with(r, most[r])) continue;
        while (low + 1 < high) {
            const auto middle = (low + high) / 2;
            (with(r, middle * slice) ? low : high) = middle;
        }
        problem.roles[r].tasks = low * slice;
    }
    return true;
}

void GangStage::take(const GangProblem& problem, const Gang& gang, const GangAnswer& answer,
                     BoundPolicy& policy, GangPlaces& out) {
    const NodeTree& tree = *cluster_.tree();
    std::vector<ShapeId> shapes;
    for (const auto& role : gang.roles) shapes.push_back(role.shape);
    const Shape& only = cluster_.shape(shapes[0]);
    // Any pick of whole devices, or of one share, leaves room for the rest of the count; other mixes need the
    // devices that pack() found.
    const bool picks = problem.roles.size() == 1 && (only.whole() || only.gpus <= 1);
    for (const auto& share : answer.shares) {
        const NodeId node = tree.node(share.position);
        if (picks) {
            for (std::int32_t n = 0; n < share.tasks[0]; ++n) {
                const double points = score(shapes[0], node, policy);
                take({node, shapes[0], policy.pick(shapes[0], node)}, 0, points, out);
            }
            continue;
        }
        std::vector<TaskPlace> packed;
        if (!slots_.pack(node, shapes, share.tasks, &packed))
            throw PolicyError("gang: node '" + cluster_.name(node) + "' does not hold its share");
        std::size_t next = 0;
        for (std::size_t r = 0; r < shapes.size(); ++r)
            for (std::int32_t n = 0; n < share.tasks[r]; ++n, ++next)
                take(packed[next], static_cast<std::uint8_t>(r), score(shapes[r], node, policy), out);
    }
}

void GangStage::take(const TaskPlace& task, std::uint8_t role, double score, GangPlaces& out) {
    out.tasks.push_back(cluster_.settle(task));
    out.tasks.back().traits = out.traits;
    cluster_.take(out.tasks.back());
    out.roles.push_back(role);
    out.scores.push_back(score);
}

double GangStage::score(ShapeId shape, NodeId node, BoundPolicy& policy) {
    double total = 0;
    policy.score(shape, {&node, 1}, {&total, 1}, {});
    return total;
}

void GangStage::rank(GangPlaces& out) const {
    std::vector<std::size_t> order(out.tasks.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const NodeTree* tree = cluster_.tree();
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (out.roles[a] != out.roles[b]) return out.roles[a] < out.roles[b];
        return tree && tree->position(out.tasks[a].node) < tree->position(out.tasks[b].node);
    });
    GangPlaces ranked;
    for (const auto i : order) {
        ranked.tasks.push_back(out.tasks[i]);
        ranked.roles.push_back(out.roles[i]);
        ranked.scores.push_back(out.scores[i]);
    }
    out = std::move(ranked);
}

bool GangStage::could_ever_fit(const Gang& gang) {
    if (!cluster_.tree()) {
        for (const auto& role : gang.roles)
            if (role.min_tasks > matcher_.capacity(role.shape)) return false;
        return true;
    }
    Counts least;
    for (const auto& role : gang.roles) least.push_back(role.min_tasks);
    GangProblem empty = problem(gang, levels(gang), least);
    std::vector<std::vector<std::int32_t>> slots;
    for (const auto& role : gang.roles) slots.push_back(slots_.empty(role.shape));
    for (const auto& row : slots) empty.capacity.emplace_back(row);
    for (std::size_t r = 0; r < least.size(); ++r)
        if (gang_room(empty, r) < least[r]) return false;
    return true;
}

}  // namespace hal
