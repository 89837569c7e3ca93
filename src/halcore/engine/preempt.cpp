#include "halcore/engine/preempt.h"

#include <algorithm>

#include "halcore/engine/transaction.h"

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
          on_node_(cluster_.node_slots()) {
        for (JobId id = 0; id < cluster_.job_slots(); ++id) {
            if (!cluster_.has_job(id) || cluster_.job(id).priority >= job.priority) continue;
            ++lower_;
            for (const TaskPlace& task : cluster_.job(id).tasks) {
                auto& jobs = on_node_[task.node];
                if (jobs.empty() || jobs.back() != id) jobs.push_back(id);
            }
        }
        for (const DisruptionBudget& budget : options.budgets) {
            for (const JobId id : budget.jobs) budgets_of_[id].push_back(&budget - options.budgets.data());
        }
        left_.resize(options.budgets.size());
        for (std::size_t b = 0; b < left_.size(); ++b) left_[b] = options.budgets[b].tasks;
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
        // A job elsewhere may be in the way of a rule: only those on one node were looked at together.
        plan.exact &= !engine_.bound_by_rules(job_.traits);
        if (!found ||
            !places_with(stopped_)) {  // more than room for each task is asked for: a level, a quota
            stop_everybody();
            if (!places_with(stopped_)) return plan;
            plan.exact = false;
            spare_jobs();
        } else if (job_.tasks > 1) {
            spare_jobs();
        }
        spare_tasks();
        Transaction trial(cluster_);
        for (const auto& [id, tasks] : stopped_) stop(id, tasks);
        plan.placement = try_placing();
        for (const auto& [id, tasks] : stopped_) add_victim_to(plan, id, tasks);
        return plan;
    }

  private:
    static Status status(const PlaceResult& r) { return static_cast<Status>(r.status[0]); }
    static bool placed(const PlaceResult& r) { return status(r) == Status::Placed; }
    PlaceResult try_placing() { return engine_.place({job_}, policy_, false); }

    // Tasks that a job can do without. Gangs with roles or slices stay whole: which task is whose matters.
    std::int32_t slack(JobId id) const {
        const Gang* gang = cluster_.job(id).gang.get();
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
                std::vector<std::int64_t> left = left_;
                return !charge(left, id, o.tasks.size());
            });
            if (!c.options.empty()) result.push_back(std::move(c));
        }
        std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
            return std::tie(a.priority, a.lost_each) < std::tie(b.priority, b.lost_each);
        });
        return result;
    }
    bool charge(std::vector<std::int64_t>& left, JobId id, std::size_t tasks) const {
        const auto it = budgets_of_.find(id);
        if (it == budgets_of_.end()) return true;
        bool within = true;
        for (const std::size_t b : it->second) {
            within &= (left[b] -= static_cast<std::int64_t>(tasks)) >= 0;
        }
        return within;
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
                std::vector<std::int64_t> left = left_;
                return std::all_of(chosen.begin(), chosen.end(), [&](const auto& pick) {
                    return charge(left, given[pick.first].job,
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
            charge(left_, of_best[c].job, chosen.tasks.size());
            auto& stopped = stopped_[of_best[c].job];
            stopped.insert(stopped.end(), chosen.tasks.begin(), chosen.tasks.end());
            std::sort(stopped.begin(), stopped.end());
        }
        take_on(best);
        return true;
    }

    // Every job of lower priority, as the budgets allow, the cheapest first.
    void stop_everybody() {
        stopped_.clear();
        for (std::size_t b = 0; b < left_.size(); ++b) left_[b] = options_.budgets[b].tasks;
        std::vector<JobId> order;
        for (JobId id = 0; id < cluster_.job_slots(); ++id) {
            if (cluster_.has_job(id) && cluster_.job(id).priority < job_.priority) order.push_back(id);
        }
        std::stable_sort(order.begin(), order.end(), [&](JobId a, JobId b) {
            return std::make_pair(cluster_.job(a).priority, lost_each(a)) <
                   std::make_pair(cluster_.job(b).priority, lost_each(b));
        });
        for (const JobId id : order) {
            std::vector<std::int64_t> left = left_;
            if (!charge(left, id, cluster_.job(id).tasks.size())) continue;
            left_ = std::move(left);
            auto& tasks = stopped_[id];
            for (std::uint32_t t = 0; t < cluster_.job(id).tasks.size(); ++t) tasks.push_back(t);
        }
    }
    void stop(JobId id, const std::vector<std::uint32_t>& tasks) {
        for (const std::uint32_t t : tasks) cluster_.give(cluster_.job(id).tasks[t]);
    }
    bool places_with(const std::map<JobId, std::vector<std::uint32_t>>& stopped) {
        Transaction trial(cluster_);
        for (const auto& [id, tasks] : stopped) stop(id, tasks);
        return placed(try_placing());
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
        spare(order);
    }
    // What one after another could be spared can be spared together: halves are tried before their halves.
    void spare(std::span<const JobId> order) {
        if (order.empty()) return;
        auto fewer = stopped_;
        for (const JobId id : order) fewer.erase(id);
        if (places_with(fewer)) {
            stopped_ = std::move(fewer);
        } else if (order.size() > 1) {
            spare(order.first(order.size() / 2));
            spare(order.subspan(order.size() / 2));
        }
    }
    // Tasks of shrunk gangs that need not stop after all, lowest rank first.
    void spare_tasks() {
        for (const auto& [id, tasks] : std::map(stopped_)) {
            if (tasks.size() == cluster_.job(id).tasks.size()) continue;
            for (const std::uint32_t t : tasks) {
                auto fewer = stopped_;
                std::erase(fewer[id], t);
                if (fewer[id].empty()) fewer.erase(id);
                if (places_with(fewer)) stopped_ = std::move(fewer);
            }
        }
    }
    void add_victim_to(PreemptPlan& plan, JobId id, const std::vector<std::uint32_t>& tasks) const {
        const RunningJob& job = cluster_.job(id);
        const VictimOption o = option(id, tasks);
        plan.victims.push_back({id, job.name, job.priority, tasks, o.places, job.tasks.size() - tasks.size(),
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
    std::map<JobId, std::vector<std::size_t>> budgets_of_;
    std::vector<std::int64_t> left_;  // of each budget
    std::map<JobId, std::vector<std::uint32_t>> stopped_;
    std::vector<TaskPlace> own_;  // tasks of the job that have a place, in place_one()
};

}  // namespace

PreemptPlan preempt(Engine& engine, const JobRequest& job, const std::shared_ptr<const Policy>& policy,
                    const PreemptOptions& options) {
    return Preemption(engine, job, policy, options).run();
}

}  // namespace hal
