#include "halcore/engine/preempt.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "halcore/engine/budget_book.h"
#include "halcore/engine/sparing.h"
#include "halcore/engine/transaction.h"
#include "halcore/engine/victim_room.h"
#include "halcore/engine/victim_sets.h"

namespace hal {
namespace {

// One preempt() call: what is stopped so far, and what each node could still give.
class Preemption {
  public:
    Preemption(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy,
               const PreemptOptions& options)
        : engine_(engine),
          cluster_(engine.cluster()),
          job_(job),
          policy_(policy),
          options_(options),
          search_(cluster_, options.effort),
          on_node_(cluster_.node_slots()),
          budgets_(options.budgets),
          left_(budgets_.full()) {
        for (const JobId id : lower_jobs()) {
            ++lower_;
            for (const TaskPlace& task : cluster_.job(id).tasks) {
                auto& jobs = on_node_[task.node];
                if (jobs.empty() || jobs.back() != id) jobs.push_back(id);
            }
        }
    }

    PreemptPlan run() {
        PreemptPlan plan;
        engine_.sync_rules();
        plan.candidates = lower_;
        plan.placement = try_placing();
        if (placed(plan.placement) || status(plan.placement) == Status::Infeasible) return plan;
        bool found = !job_.gang || job_.gang->roles.size() == 1;
        if (found) {
            Transaction trial(cluster_);
            for (std::int32_t t = 0; t < job_.tasks && found; ++t) found = place_one(t == 0, plan);
        }
        // One node says it all for one task, unless a rule looks at what runs elsewhere.
        bool sure = job_.tasks == 1 && !engine_.bound_by_rules(job_.traits);
        if (!found || !places_with(stopped_)) {  // more than room is asked for: a level, a quota, a rule
            sure = false;
            stop_everybody();
            if (!places_with(stopped_)) stopped_.clear();
            spare_jobs();
        } else if (job_.tasks > 1) {
            spare_jobs();
        }
        spare_tasks(stopped_, cluster_, works());
        if (!sure) plan.exact = try_sets();
        if (stopped_.empty()) return plan;
        Transaction trial(cluster_);
        for (const auto& [id, tasks] : stopped_) stop(id, tasks);
        plan.placement = try_placing();
        for (const auto& [id, tasks] : stopped_) add_victim_to(plan, id, tasks);
        return plan;
    }

  private:
    using Stopped = StoppedTasks;
    static constexpr std::int64_t kMostCells = 1
                                               << 20;  // nodes · tasks of a gang that sets are looked at for
    static constexpr std::int64_t kTriesOfOne = 200;   // sets on one node in the time of one placement

    static Status status(const PlaceResult& r) { return static_cast<Status>(r.status[0]); }
    static bool placed(const PlaceResult& r) { return status(r) == Status::Placed; }
    PlaceResult try_placing() { return engine_.place({job_}, policy_, false); }

    // Tasks that a job can do without. Gangs with roles or slices stay whole: which task is whose matters.
    std::int32_t slack(JobId id) const {
        const Gang* gang = cluster_.job(id).gang().get();
        if (gang && (gang->roles.size() > 1 || gang->roles[0].slice > 1)) return 0;
        const auto it = options_.min_tasks.find(id);
        if (it == options_.min_tasks.end() && !gang) return 0;
        const std::int32_t least =
            std::max(it == options_.min_tasks.end() ? 1 : it->second, gang ? gang->roles[0].min_tasks : 1);
        const auto gone = stopped_.contains(id) ? stopped_.at(id).size() : 0;
        const auto running = static_cast<std::int64_t>(cluster_.job(id).tasks.size() - gone);
        return static_cast<std::int32_t>(std::max<std::int64_t>(0, running - least));
    }
    std::int64_t lost_each(JobId id) const {
        const auto it = options_.lost_work.find(id);
        return it == options_.lost_work.end() ? 0 : it->second;
    }
    VictimOption option(JobId id, std::vector<std::uint32_t> tasks) const {
        VictimOption option{std::move(tasks), {}, false};
        for (const std::uint32_t t : option.tasks) option.places.push_back(cluster_.job(id).tasks[t]);
        return option;
    }

    // A gang that may shrink gives up its highest ranks on the node first; else all its tasks go, everywhere.
    VictimCandidate candidate(JobId id, NodeId node) const {
        VictimCandidate candidate{id, cluster_.job(id).priority, lost_each(id), {}};
        const auto& tasks = cluster_.job(id).tasks;
        const auto gone = [&](std::uint32_t t) {
            const auto it = stopped_.find(id);
            return it != stopped_.end() && std::binary_search(it->second.begin(), it->second.end(), t);
        };
        std::vector<std::uint32_t> here, all;
        for (std::uint32_t t = 0; t < tasks.size(); ++t) {
            if (gone(t)) continue;
            all.push_back(t);
            if (tasks[t].node == node) here.push_back(t);
        }
        if (here.empty()) return candidate;
        const std::size_t give = std::min<std::size_t>(here.size(), static_cast<std::size_t>(slack(id)));
        if (give) {
            candidate.options.push_back(
                option(id, {here.end() - static_cast<std::ptrdiff_t>(give), here.end()}));
        }
        if (give < here.size()) {
            candidate.options.push_back(option(id, std::move(all)));
            candidate.options.back().whole = true;
        }
        return candidate;
    }

    std::vector<VictimCandidate> candidates(NodeId node) const {
        std::vector<VictimCandidate> result;
        for (const JobId id : on_node_[node]) {
            VictimCandidate c = candidate(id, node);
            std::erase_if(c.options, [&](const VictimOption& o) {  // alone over a budget: never allowed
                BudgetBook::Left left = left_;
                return !budgets_.charge(left, id, o.tasks.size());
            });
            if (!c.options.empty()) result.push_back(std::move(c));
        }
        std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
            return std::tie(a.priority, a.lost_each) < std::tie(b.priority, b.lost_each);
        });
        return result;
    }
    // Books one more task, by stopping the fewest if it must. Jobs stopped for earlier tasks cost nothing.
    bool place_one(bool first, PreemptPlan& plan) {
        BoundPolicy& bound = engine_.bound(policy_);
        const auto take_on = [&](NodeId n) {
            own_.push_back(cluster_.settle({n, job_.shape, bound.pick(job_.shape, n), job_.traits}));
            cluster_.take(own_.back());
        };
        const Choice choice = engine_.choose_task(job_.shape, job_.traits, bound, own_);
        if (choice.node != kNoNode) {
            take_on(choice.node);
            return true;
        }
        Matcher& matcher = engine_.matcher();
        VictimCost least = VictimCost::most();
        NodeId best = kNoNode;
        std::vector<VictimCandidate> of_best;
        VictimPicks picks;
        for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
            if (!cluster_.present(n) || on_node_[n].empty()) continue;
            const Reason reason = matcher.check(job_.shape, n);
            if (reason.code < Reason::Code::Resource && reason) continue;  // no victim changes that
            const auto given = candidates(n);
            const auto fits = [&] {
                return matcher.fits(job_.shape, n) && bound.rejected_by(job_.shape, n) < 0 &&
                       engine_.rule_refusal({n, job_.shape, 0, job_.traits}, own_).empty();
            };
            const auto allowed = [&](const VictimPicks& chosen) {
                BudgetBook::Left left = left_;
                return std::all_of(chosen.begin(), chosen.end(), [&](const auto& pick) {
                    return budgets_.charge(left, given[pick.first].job,
                                           given[pick.first].options[pick.second].tasks.size());
                });
            };
            const auto found =
                search_.run(job_.shape, n, matcher.eligible(job_.shape, n), given, fits, allowed, least);
            plan.exact &= !search_.exhausted();
            plan.considered += first;
            plan.clearable += first && search_.clears();
            if (!found) continue;
            least = found->cost, best = n, of_best = given, picks = found->picks;
        }
        if (best == kNoNode) return false;
        for (const auto& [c, o] : picks) {
            const VictimOption& chosen = of_best[c].options[o];
            stop(of_best[c].job, chosen.tasks);
            budgets_.charge(left_, of_best[c].job, chosen.tasks.size());
            auto& stopped = stopped_[of_best[c].job];
            stopped.insert(stopped.end(), chosen.tasks.begin(), chosen.tasks.end());
            std::sort(stopped.begin(), stopped.end());
        }
        take_on(best);
        return true;
    }

    std::vector<JobId> lower_jobs() const {
        std::vector<JobId> jobs;
        for (JobId id = 0; id < cluster_.job_slots(); ++id)
            if (cluster_.has_job(id) && cluster_.job(id).priority < job_.priority) jobs.push_back(id);
        return jobs;
    }
    // Cheaper sets of whole jobs than what is stopped. Returns whether none can have been missed.
    bool try_sets() {
        if (static_cast<std::int64_t>(cluster_.node_slots()) * job_.tasks > kMostCells) return false;
        VictimCost below = stopped_.empty() ? VictimCost::most() : VictimCost{};
        for (const auto& [id, tasks] : stopped_)
            below = add_victim(below, {id, cluster_.job(id).priority, lost_each(id), {}}, option(id, tasks));
        const Stopped known = std::exchange(stopped_, {});
        std::vector<VictimSets::Candidate> candidates;
        bool whole = true;
        for (const JobId id : lower_jobs()) {
            const auto tasks = static_cast<std::int64_t>(cluster_.job(id).tasks.size());
            candidates.push_back({id, cluster_.job(id).priority, lost_each(id) * tasks, tasks});
            whole &= slack(id) == 0;
        }
        std::sort(candidates.begin(), candidates.end(), VictimSets::cheaper);
        RoomBound bound = room_bound(engine_, job_, candidates);
        VictimSets sets(std::move(candidates), bound, options_.effort / kTriesOfOne / job_.tasks);
        const auto found = sets.cheapest(below, [&](const std::vector<JobId>& jobs) {
            BudgetBook::Left left = budgets_.full();
            return std::all_of(
                       jobs.begin(), jobs.end(),
                       [&](JobId id) { return budgets_.charge(left, id, cluster_.job(id).tasks.size()); }) &&
                   places_with(whole_jobs(cluster_, jobs));
        });
        stopped_ = found ? whole_jobs(cluster_, *found) : known;
        return whole && sets.complete();
    }
    // Every job of lower priority, as the budgets allow, the cheapest first.
    void stop_everybody() {
        stopped_.clear();
        left_ = budgets_.full();
        std::vector<JobId> order = lower_jobs();
        std::stable_sort(order.begin(), order.end(), [&](JobId a, JobId b) {
            return std::make_pair(cluster_.job(a).priority, lost_each(a)) <
                   std::make_pair(cluster_.job(b).priority, lost_each(b));
        });
        for (const JobId id : order) {
            BudgetBook::Left left = left_;
            if (!budgets_.charge(left, id, cluster_.job(id).tasks.size())) continue;
            left_ = std::move(left);
            stopped_.merge(whole_jobs(cluster_, {id}));
        }
    }
    void stop(JobId id, const std::vector<std::uint32_t>& tasks) {
        for (const std::uint32_t t : tasks) cluster_.give(cluster_.job(id).tasks[t]);
    }
    bool places_with(const Stopped& stopped) {
        Transaction trial(cluster_);
        for (const auto& [id, tasks] : stopped) stop(id, tasks);
        return placed(try_placing());
    }
    std::function<bool(const Stopped&)> works() {
        return [this](const Stopped& stopped) { return places_with(stopped); };
    }
    // Jobs that need not go after all, dearest first.
    void spare_jobs() {
        std::vector<JobId> order;
        for (const auto& [id, tasks] : stopped_) order.push_back(id);
        std::stable_sort(order.begin(), order.end(), [&](JobId a, JobId b) {
            const auto lost = [&](JobId id) {
                return lost_each(id) * static_cast<std::int64_t>(stopped_.at(id).size());
            };
            const auto priority = [&](JobId id) { return cluster_.job(id).priority; };
            return priority(a) != priority(b) ? priority(a) > priority(b) : lost(a) > lost(b);
        });
        hal::spare_jobs(stopped_, order, works());
    }
    void add_victim_to(PreemptPlan& plan, JobId id, const std::vector<std::uint32_t>& tasks) const {
        const RunningJob& job = cluster_.job(id);
        const VictimOption o = option(id, tasks);
        plan.victims.push_back({id, job.name(), job.priority, tasks, o.places,
                                job.tasks.size() - tasks.size(),
                                lost_each(id) * static_cast<std::int64_t>(tasks.size())});
        plan.cost = add_victim(plan.cost, {id, job.priority, lost_each(id), {}}, o);
    }

    Engine& engine_;
    Cluster& cluster_;
    const JobRequest& job_;
    const std::shared_ptr<const Policy>& policy_;
    const PreemptOptions& options_;
    VictimSearch search_;
    NodeId lower_ = 0;
    std::vector<std::vector<JobId>> on_node_;
    BudgetBook budgets_;
    BudgetBook::Left left_;
    Stopped stopped_;
    std::vector<TaskPlace> own_;  // tasks of the job that have a place, in place_one()
};

}  // namespace

PreemptPlan preempt(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy,
                    const PreemptOptions& options) {
    return Preemption(engine, job, policy, options).run();
}

}  // namespace hal
