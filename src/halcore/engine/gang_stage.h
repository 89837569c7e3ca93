#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "halcore/engine/bound_policy.h"
#include "halcore/engine/gang_slots.h"
#include "halcore/engine/gang_solver.h"

namespace hal {

/// Tasks of a gang in rank order, role by role; in a tree, along the tree within a role.
struct GangPlaces {
    TraitsId traits = 0;  // of the job, given to the tasks that are taken
    std::vector<TaskPlace> tasks;
    std::vector<std::uint8_t> roles;
    std::vector<double> scores;  // of the tasks newly taken, 0 for those that ran
};

/// What rules towards other jobs leave of a gang's choices.
struct GangBounds {
    /// Whether a task of the shape may go to a node; null: to every node. Does not change while it is placed.
    std::function<bool(ShapeId, NodeId)> allows;
    bool one_a_node = false;  // its own tasks keep each other off a node
    std::string together;     // level that its tasks must share a domain of; "node": one node; empty: none
    /// The next task's node within the rules, after those taken so far; null: the policy's choice is free.
    std::function<Choice(ShapeId, std::span<const TaskPlace>)> choose;
    bool task_by_task = false;  // rules count the tasks taken so far: choose(), not distance, decides
};

/// The engine's stage for gangs: select and reserve, all of it or none.
///
/// On a cluster with a tree: as many tasks as fit under the required level (of at least min_tasks; earlier
/// roles grow first), then where solve_gang() puts them. The policy's filters hold and its picker chooses
/// devices; its scores do not choose nodes, distance does. Without a tree: task by task, the policy's choice.
class GangStage {
  public:
    GangStage(Cluster& cluster, Matcher& matcher)
        : cluster_(cluster), matcher_(matcher), slots_(cluster, matcher) {}

    /// Takes the gang's tasks. False, and perhaps some taken, when min_tasks do not fit: the caller undoes.
    /// InvalidModel for levels that the cluster's tree does not have.
    bool place(const Gang& gang, BoundPolicy& policy, const GangBounds& bounds, GangPlaces& out);
    /// Whether min_tasks of every role would fit if nothing ran. Necessary and, for one role, sufficient.
    bool could_ever_fit(const Gang& gang);
    /// Changes a running gang to these counts a role: gives up the tasks whose loss leaves the least spread
    /// and then distance, or takes more as near as possible. False, and nothing changed, when it cannot.
    /// The tasks that stay are in `out` before the first new one is chosen.
    bool resize(JobId job, const Gang& gang, std::span<const std::int32_t> tasks, BoundPolicy& policy,
                const GangBounds& bounds, GangPlaces& out);

  private:
    struct Levels {
        std::int32_t required = 0, preferred = 0;
        std::vector<std::int32_t> slice;
    };
    using Counts = std::vector<std::int32_t>;

    Levels levels(const Gang& gang, const std::string& together = "") const;
    GangProblem problem(const Gang& gang, const Levels& levels, std::span<const std::int32_t> tasks) const;
    bool place_by_policy(const Gang& gang, std::span<const std::int32_t> least,
                         std::span<const std::int32_t> most, BoundPolicy& policy, const GangBounds& bounds,
                         GangPlaces& out);
    bool place_in_tree(const Gang& gang, std::span<const std::int32_t> least,
                       std::span<const std::int32_t> most, std::span<const std::int32_t> running,
                       BoundPolicy& policy, const GangBounds& bounds, GangPlaces& out);
    /// By role and position, how many tasks there is room for where filters and rules let them.
    std::vector<std::vector<std::int32_t>> allowed_room(const Gang& gang, BoundPolicy& policy,
                                                        const GangBounds& bounds);
    bool grow(GangProblem& problem, std::span<const std::int32_t> least, std::span<const std::int32_t> most,
              GangAnswer& answer);
    void take(const GangProblem& problem, const Gang& gang, const GangAnswer& answer, BoundPolicy& policy,
              GangPlaces& out);
    void take(const TaskPlace& task, std::uint8_t role, double score, GangPlaces& out);
    double score(ShapeId shape, NodeId node, BoundPolicy& policy);
    void rank(GangPlaces& out) const;
    std::vector<std::size_t> keepers(const RunningJob& job, const Gang& gang,
                                     std::span<const std::int32_t> tasks) const;

    Cluster& cluster_;
    Matcher& matcher_;
    GangSlots slots_;
};

}  // namespace hal
