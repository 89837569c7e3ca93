#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "halcore/engine/engine.h"
#include "halcore/policies/typical.h"

namespace hal {

/// One task to another place: it stops, then starts there. Moves of one step are made together: all stop,
/// then all start.
struct Move {
    std::uint32_t step = 0;  // rising
    JobId job = kNoJob;
    std::string name;
    std::uint32_t task = 0;  // index into the job's tasks
    TaskPlace from, to;
};

/// Tasks of a shape that wait for room. Rules keep them off nodes as things are; each other, and quotas, they
/// do not see.
struct Want {
    ShapeId shape = 0;
    std::int64_t tasks = 0;
    TraitsId traits = 0;
};

struct RebalanceOptions {
    std::int64_t max_moves = 0;
    int moves_a_step = 4;    // moved away from one node together, at most
    std::vector<Want> want;  // empty: the typical tasks
    TaskCounts typical;      // what to make room for without `want`; empty: what the cluster has seen
    std::set<JobId> pinned;  // not to be moved
};

/// Moves that can be made one after another.
///
/// With `want`: `gain` is the milli-GPU (and a millionth of the milli-CPU) of the wanted tasks that find room
/// after the moves, beyond those that had it before. Without: `gain` is the fragmentation (Fragmentation, in
/// milli-GPU) that the moves remove.
struct RebalancePlan {
    std::vector<Move> moves;
    double before = 0, after = 0;  // of the objective: milli-GPU of wanted tasks with room, or fragmentation
    double gain = 0;               // never negative
    std::int64_t wanted = 0;       // wanted tasks that found room thanks to the moves
    std::uint64_t version = 0;
    std::shared_ptr<const QueueTree> queues;  // whose quotas were kept; null: none
};

/// Greedy: the moves (one, some away from one node, or two tasks that change places, ExchangeSearch) with the
/// most gain a move first. Where a task goes is the policy's choice within the rules and, where a share of a
/// GPU asked for by memory grows with its device, within the quotas. Only jobs of one task move: the tasks of
/// a gang were placed as a whole. Jobs that rules bind move alone, never together with others.
RebalancePlan rebalance(Engine& engine, const std::shared_ptr<const Policy>& policy,
                        const RebalanceOptions& options);

/// Makes the moves. InvalidModel when the cluster has changed so that one is not possible; then none is made.
void apply_rebalance(Engine& engine, const RebalancePlan& plan);

}  // namespace hal
