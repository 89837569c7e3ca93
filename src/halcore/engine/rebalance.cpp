#include "halcore/engine/rebalance.h"

#include <algorithm>
#include <memory>
#include <queue>

#include "halcore/engine/rebalance_goal.h"
#include "halcore/engine/transaction.h"
#include "halcore/engine/victims.h"
#include "halcore/model/error.h"

namespace hal {
namespace {

constexpr double kLeastGain = 1e-6;

// Moves away from one node, and what they are good for.
struct Step {
    double rate = 0;  // gain a move
    NodeId node = kNoNode;
    std::vector<JobId> jobs;
};
// The queue's top is the best: the higher rate, then the lower node, then the fewer and lower jobs.
struct Worse {
    bool operator()(const Step& a, const Step& b) const {
        if (a.rate != b.rate) return a.rate < b.rate;
        return std::tie(a.node, a.jobs) > std::tie(b.node, b.jobs);
    }
};

// A share of a GPU asked for by memory grows when it moves to a smaller device; nothing else does.
bool breaks_quota(Engine& engine, const TaskPlace& taken) {
    const Shape& s = engine.cluster().shape(taken.shape);
    return s.gpus > 0 && s.milli == 0 && engine.over_quota(taken.traits, {&taken, 1}).has_value();
}

class Rebalance {
  public:
    Rebalance(Engine& engine, const std::shared_ptr<const Policy>& policy, const RebalanceOptions& options)
        : engine_(engine),
          cluster_(engine.cluster()),
          policy_(policy),
          options_(options),
          on_node_(cluster_.node_slots()) {
        engine.sync_rules();
        for (JobId id = 0; id < cluster_.job_slots(); ++id) {
            if (!cluster_.has_job(id) || cluster_.job(id).tasks.size() != 1 || cluster_.job(id).gang ||
                options.pinned.contains(id))
                continue;
            on_node_[cluster_.job(id).tasks[0].node].push_back(id);
        }
    }

    RebalancePlan run() {
        plan_.version = cluster_.version();
        plan_.queues = engine_.queues();
        Transaction trial(cluster_);
        goal_ = make_goal(engine_, policy_, options_);
        plan_.before = goal_->value();
        for (NodeId n = 0; n < cluster_.node_slots(); ++n) offer(n);
        while (!queue_.empty() && left() > 0) {
            Step step = queue_.top();
            queue_.pop();
            if (static_cast<std::int64_t>(step.jobs.size()) > left() || !still_there(step)) continue;
            // What it is worth may have changed since; the best of what is left is what it is worth now.
            const double rate = evaluate(step, false);
            if (rate < kLeastGain) continue;
            if (rate < step.rate && !queue_.empty() && rate < queue_.top().rate) {
                step.rate = rate;
                queue_.push(std::move(step));
                continue;
            }
            evaluate(step, true);
        }
        plan_.after = goal_->value();
        plan_.gain = goal_->gain(plan_.before, plan_.after);
        plan_.wanted = goal_->wanted();
        return std::move(plan_);
    }

  private:
    std::int64_t left() const { return options_.max_moves - static_cast<std::int64_t>(plan_.moves.size()); }
    const TaskPlace& place(JobId id) const { return cluster_.job(id).tasks[0]; }
    bool still_there(const Step& step) const {
        return std::all_of(step.jobs.begin(), step.jobs.end(),
                           [&](JobId id) { return place(id).node == step.node; });
    }

    // Every step away from a node that is worth something.
    void offer(NodeId n) {
        for (const JobId id : on_node_[n]) {
            Step step{0, n, {id}};
            step.rate = evaluate(step, false);
            if (step.rate >= kLeastGain) queue_.push(std::move(step));
        }
        if (options_.moves_a_step < 2) return;
        for (const Want& want : goal_->worth_clearing_for()) {
            for (Step& step : clearings(want, n)) {
                step.rate = evaluate(step, false);
                if (step.rate >= kLeastGain) queue_.push(std::move(step));
            }
        }
    }
    // The fewest jobs to move so that a wanted task fits, when one is not enough.
    std::vector<Step> clearings(const Want& want, NodeId n) {
        const ShapeId shape = want.shape;
        Matcher& matcher = engine_.matcher();
        const Reason reason = matcher.check(shape, n);
        if (!reason || reason.code < Reason::Code::Resource) return {};
        std::vector<VictimCandidate> candidates;
        for (const JobId id : on_node_[n]) {
            if (!engine_.bound_by_rules(place(id).traits))
                candidates.push_back({id, 0, 0, {{{0}, {place(id)}, true}}});
        }
        VictimSearch search(cluster_, kEffort);
        BoundPolicy& bound = engine_.bound(policy_);
        VictimCost below = VictimCost::most();
        below.jobs = std::min<std::int64_t>(options_.moves_a_step, left()) + 1;
        const auto found = search.run(
            shape, n, matcher.eligible(shape, n), candidates,
            [&] {
                return matcher.fits(shape, n) && bound.rejected_by(shape, n) < 0 &&
                       engine_.rule_refusal({n, shape, 0, want.traits}, {}).empty();
            },
            [](const VictimPicks&) { return true; }, below);
        if (!found || found->picks.size() < 2) return {};
        Step step{0, n, {}};
        for (const auto& [c, o] : found->picks) step.jobs.push_back(candidates[c].job);
        return {std::move(step)};
    }

    // Gain a move of a step; 0 when a job finds no other place. With `keep` the step is made.
    double evaluate(const Step& step, bool keep) {
        Transaction trial(cluster_);
        goal_->open(step.node);
        std::vector<Move> moves;
        for (const JobId id : step.jobs) cluster_.give(place(id));
        goal_->freed(step.node);  // what is wanted goes first, so that nobody moves back into its room
        BoundPolicy& bound = engine_.bound(policy_);
        bool possible = true;
        for (const JobId id : step.jobs) {
            const ShapeId shape = place(id).shape;
            const Choice choice = engine_.choose_task(shape, place(id).traits, bound, {});
            if (choice.node == kNoNode) {
                possible = false;
                break;
            }
            goal_->filling(choice.node);
            const TaskPlace to =
                cluster_.settle({choice.node, shape, bound.pick(shape, choice.node), place(id).traits});
            cluster_.take(to);
            if (to == place(id) || breaks_quota(engine_, to)) possible = false;
            moves.push_back({id, cluster_.job(id).name, 0, place(id), to});
        }
        possible = possible && in_order(moves);
        const double gain = possible ? goal_->close(keep) : (goal_->close(false), 0.0);
        const double rate = gain / static_cast<double>(step.jobs.size());
        if (!keep || rate < kLeastGain) return rate;
        trial.keep();
        std::set<NodeId> touched{step.node};
        for (Move& move : moves) {
            std::erase(on_node_[move.from.node], move.job);
            on_node_[move.to.node].push_back(move.job);
            cluster_.set_tasks(move.job, std::span<const TaskPlace>(&move.to, 1));
            touched.insert(move.to.node);
            plan_.moves.push_back(std::move(move));
        }
        for (const NodeId n : touched) offer(n);
        return rate;
    }
    // Two jobs of one step may change places on their node; one of them would have to go first.
    static bool in_order(const std::vector<Move>& moves) {
        return moves.size() == 1 || std::none_of(moves.begin(), moves.end(),
                                                 [](const Move& m) { return m.from.node == m.to.node; });
    }

    static constexpr std::int64_t kEffort = 4000;
    Engine& engine_;
    Cluster& cluster_;
    const std::shared_ptr<const Policy>& policy_;
    const RebalanceOptions& options_;
    std::unique_ptr<RebalanceGoal> goal_;
    std::vector<std::vector<JobId>> on_node_;
    std::priority_queue<Step, std::vector<Step>, Worse> queue_;
    RebalancePlan plan_;
};

}  // namespace

RebalancePlan rebalance(Engine& engine, const std::shared_ptr<const Policy>& policy,
                        const RebalanceOptions& options) {
    return Rebalance(engine, policy, options).run();
}

void apply_rebalance(Engine& engine, const RebalancePlan& plan) {
    Cluster& cluster = engine.cluster();
    engine.use_queues(plan.queues);
    engine.sync_rules();
    Transaction all(cluster);
    for (const Move& move : plan.moves) {
        const auto refuse = [&](const char* why) {
            throw InvalidModel("plan: job " +
                               (move.name.empty() ? "#" + std::to_string(move.job) : "'" + move.name + "'") +
                               why + "; the cluster has changed, plan again");
        };
        if (!cluster.has_job(move.job) || cluster.job(move.job).name != move.name ||
            move.task >= cluster.job(move.job).tasks.size() ||
            !(cluster.job(move.job).tasks[move.task] == move.from)) {
            refuse(" no longer runs where it did");
        }
        cluster.give(move.from);
        TaskPlace to = move.to;
        if (!cluster.fits(to)) refuse(" no longer fits where it was to go");
        if (!engine.rule_refusal(to, {}).empty()) refuse(" may no longer go where it was to");
        cluster.take(to);
        if (breaks_quota(engine, to)) refuse(" would take its queue over quota");
        TaskList tasks = cluster.job(move.job).tasks;
        tasks[move.task] = to;
        cluster.set_tasks(move.job, std::move(tasks));
    }
    all.keep();
}

}  // namespace hal
