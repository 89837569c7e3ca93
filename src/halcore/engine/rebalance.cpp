#include "halcore/engine/rebalance.h"

#include <algorithm>
#include <memory>
#include <queue>

#include "halcore/engine/exchange_search.h"
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
    JobId in = kNoJob;  // the job that comes to the node for the one that leaves; none: no exchange

    std::int64_t moves() const { return static_cast<std::int64_t>(jobs.size()) + (in != kNoJob); }
};
// The queue's top is the best: the higher rate, then the lower node, then the fewer and lower jobs.
struct Worse {
    bool operator()(const Step& a, const Step& b) const {
        if (a.rate != b.rate) return a.rate < b.rate;
        return std::tie(a.node, a.jobs, a.in) > std::tie(b.node, b.jobs, b.in);
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
          exchanges_(engine, policy),
          on_node_(cluster_.node_slots()) {
        engine.sync_rules();
        for (JobId id = 0; id < cluster_.job_slots(); ++id) {
            if (!cluster_.has_job(id) || cluster_.job(id).tasks.size() != 1 || cluster_.job(id).gang() ||
                options.pinned.contains(id))
                continue;
            on_node_[cluster_.job(id).tasks[0].node].push_back(id);
            exchanges_.add(id);
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
            if (step.moves() > left() || !still_there(step)) continue;
            // What it is worth may have changed since; the best of what is left is what it is worth now.
            const double rate = evaluate(step, false);
            if (rate < kLeastGain) {
                if (step.in != kNoJob) offer_exchanges(step.node);  // with another partner, perhaps
                continue;
            }
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
        for (const JobId id : on_node_[n]) offer(Step{0, n, {id}});
        if (options_.moves_a_step < 2) return;
        for (const Want& want : goal_->worth_clearing_for()) {
            for (Step& step : clearings(want, n)) offer(std::move(step));
        }
        offer_exchanges(n);
    }
    void offer(Step step) {
        step.rate = evaluate(step, false);
        if (step.rate >= kLeastGain) queue_.push(std::move(step));
    }
    void offer_exchanges(NodeId n) {
        for (const Exchange& e : exchanges_.find(n, on_node_[n], goal_->worth_clearing_for()))
            offer(Step{0, n, {e.out}, e.in});
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
        if (step.in != kNoJob) return exchange(step, keep);
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
            moves.push_back({0, id, cluster_.job(id).name(), 0, place(id), to});
        }
        possible = possible && in_order(moves);
        const double rate = rate_of(step, possible, keep);
        if (keep && rate >= kLeastGain) make(moves, false, trial);
        return rate;
    }
    // The same for two tasks that change places.
    double exchange(const Step& step, bool keep) {
        const JobId out = step.jobs[0];
        const NodeId here = step.node, there = place(step.in).node;
        if (there == here) return 0;
        Transaction trial(cluster_);
        goal_->open(here);
        goal_->filling(there);
        cluster_.give(place(out));
        cluster_.give(place(step.in));
        std::vector<Move> moves;
        const bool possible = arrive(step.in, here, moves) && arrive(out, there, moves);
        const double rate = rate_of(step, possible, keep);
        if (keep && rate >= kLeastGain) make(moves, true, trial);
        return rate;
    }
    bool arrive(JobId id, NodeId node, std::vector<Move>& moves) {
        const TaskPlace from = place(id);
        BoundPolicy& bound = engine_.bound(policy_);
        if (!engine_.matcher().fits(from.shape, node) || bound.rejected_by(from.shape, node) >= 0 ||
            !engine_.rule_refusal({node, from.shape, 0, from.traits}, {}).empty())
            return false;
        const TaskPlace to = cluster_.settle({node, from.shape, bound.pick(from.shape, node), from.traits});
        cluster_.take(to);
        if (breaks_quota(engine_, to)) return false;
        goal_->freed(node);
        moves.push_back({0, id, cluster_.job(id).name(), 0, from, to});
        return true;
    }
    double rate_of(const Step& step, bool possible, bool keep) {
        const double gain = possible ? goal_->close(keep) : (goal_->close(false), 0.0);
        return gain / static_cast<double>(step.moves());
    }
    void make(std::vector<Move>& moves, bool together, Transaction& trial) {
        trial.keep();
        std::set<NodeId> touched;
        for (Move& move : moves) {
            move.step = plan_.moves.empty() ? 0 : plan_.moves.back().step + !(together && &move != &moves[0]);
            touched.insert(move.from.node);
            std::erase(on_node_[move.from.node], move.job);
            on_node_[move.to.node].push_back(move.job);
            cluster_.set_tasks(move.job, std::span<const TaskPlace>(&move.to, 1));
            touched.insert(move.to.node);
            plan_.moves.push_back(std::move(move));
        }
        for (const NodeId n : touched) offer(n);
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
    ExchangeSearch exchanges_;
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
    const auto refuse = [](const Move& move, const char* why) {
        throw InvalidModel("plan: job " +
                           (move.name.empty() ? "#" + std::to_string(move.job) : "'" + move.name + "'") +
                           why + "; the cluster has changed, plan again");
    };
    const auto leave = [&](const Move& move) {
        if (!cluster.has_job(move.job) || cluster.job(move.job).name() != move.name ||
            move.task >= cluster.job(move.job).tasks.size() ||
            !(cluster.job(move.job).tasks[move.task] == move.from)) {
            refuse(move, " no longer runs where it did");
        }
        cluster.give(move.from);
    };
    const auto arrive = [&](const Move& move) {
        if (!cluster.fits(move.to)) refuse(move, " no longer fits where it was to go");
        if (!engine.rule_refusal(move.to, {}).empty()) refuse(move, " may no longer go where it was to");
        cluster.take(move.to);
        if (breaks_quota(engine, move.to)) refuse(move, " would take its queue over quota");
        TaskList tasks = cluster.job(move.job).tasks;
        tasks[move.task] = move.to;
        cluster.set_tasks(move.job, std::move(tasks));
    };
    for (auto begin = plan.moves.begin(); begin != plan.moves.end();) {
        const auto end =
            std::find_if(begin, plan.moves.end(), [&](const Move& move) { return move.step != begin->step; });
        std::for_each(begin, end, leave);
        std::for_each(begin, end, arrive);
        begin = end;
    }
    all.keep();
}

}  // namespace hal
