#pragma once

#include <map>
#include <string>
#include <vector>

#include "halcore/engine/engine.h"
#include "halcore/engine/victims.h"

namespace hal {

/// At most `tasks` tasks of these jobs may be stopped by one plan.
struct DisruptionBudget {
    std::string name;
    std::vector<JobId> jobs;
    std::int64_t tasks = 0;
};

/// What the books do not say about running jobs.
struct PreemptOptions {
    std::map<JobId, std::int64_t> lost_work;  // seconds lost with each task stopped; absent: 0
    std::map<JobId, std::int32_t> min_tasks;  // a gang may shrink to this; absent: it keeps all or goes
    std::vector<DisruptionBudget> budgets;
    std::int64_t effort = 400000;  // sets of victims tried, before the search settles for what it has
};

/// A job that a plan stops, in part or whole, and where its stopped tasks ran.
struct Victim {
    JobId job = kNoJob;
    std::string name;
    std::int32_t priority = 0;
    std::vector<std::uint32_t> tasks;  // indices into the job's tasks, ascending
    std::vector<TaskPlace> places;
    std::size_t left = 0;   // tasks that stay; 0: the job ends
    std::int64_t lost = 0;  // seconds
};

/// What to stop so that a job fits, and where it then goes. Applied only by apply_preemption().
///
/// Victims are always of lower priority than the job, so that every plan improves the state in this order:
/// count the running tasks of each priority, compare the counts from the highest priority down. Preempted
/// jobs that come back can only preempt what is lower still, so no sequence of plans and placements runs in a
/// circle. A gang keeps at least its least number of tasks, or goes whole.
struct PreemptPlan {
    PlaceResult placement;        // of the one job, not applied; unplaced when no victims help
    std::vector<Victim> victims;  // by id
    VictimCost cost;
    bool exact = true;      // no cheaper set of whole jobs exists (VictimCost), as far as was looked
    NodeId candidates = 0;  // running jobs of lower priority
    NodeId considered = 0;  // nodes where some of them run and the job may run
    NodeId clearable = 0;   // those where stopping all of them would make room for a task
};

/// The cheapest victims for one task. For gangs task after task, each the cheapest given those before, and
/// then without every victim that turns out not to be needed: no victim can be spared alone. Where more than
/// the room on one node decides (gangs, rules, quotas), every cheaper set of whole jobs is then ruled out or
/// tried as well, as far as the effort goes (VictimSets); only when that was done, and no gang could have
/// shrunk instead, is the plan exact.
PreemptPlan preempt(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy,
                    const PreemptOptions& options);

/// Stops the victims and books the job. InvalidModel when the cluster has changed; then nothing is done.
void apply_preemption(Engine& engine, PreemptPlan& plan);

}  // namespace hal
