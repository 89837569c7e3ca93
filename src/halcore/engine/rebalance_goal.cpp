#include "halcore/engine/rebalance_goal.h"

#include <algorithm>
#include <map>

#include "halcore/engine/transaction.h"
#include "halcore/policies/fragmentation.h"

namespace hal {
namespace {

constexpr double kCoverage = 0.95;
constexpr std::size_t kClearedFor = 16;  // different wanted shapes for which whole nodes are cleared

// Room for tasks that wait: they are placed, on trial, where a step has made room.
class WantedTasks final : public RebalanceGoal {
  public:
    WantedTasks(Engine& engine, const std::shared_ptr<const Policy>& policy, const RebalanceOptions& options)
        : engine_(engine), cluster_(engine.cluster()), policy_(policy), want_(options.want) {
        std::stable_sort(want_.begin(), want_.end(),
                         [&](const Want& a, const Want& b) { return worth(a.shape) > worth(b.shape); });
        settle();
        // Of those that ask for the same GPUs, the one that asks for the least CPU: where it has no room,
        // none has.
        std::map<std::pair<std::int32_t, std::int32_t>, Want, std::greater<>> least;
        for (const Want& w : want_) {
            if (w.tasks == 0) continue;
            const Shape& s = cluster_.shape(w.shape);
            const auto [it, first] = least.try_emplace({s.gpus, s.milli}, w);
            if (!first && s.cpu < cluster_.shape(it->second.shape).cpu) it->second = w;
        }
        for (const auto& [request, want] : least) {
            if (shapes_.size() < kClearedFor) shapes_.push_back(want);
        }
    }
    double value() const override { return value_; }
    double gain(double before, double after) const override { return after - before; }
    std::int64_t wanted() const override { return wanted_; }
    const std::vector<Want>& worth_clearing_for() const override { return shapes_; }

    void open(NodeId) override { taken_.clear(), gained_ = 0; }
    void filling(NodeId) override {}
    void freed(NodeId node) override {
        BoundPolicy& bound = engine_.bound(policy_);
        for (std::size_t i = 0; i < want_.size(); ++i) {
            std::int64_t& used = taken_[i];
            while (used < want_[i].tasks && engine_.matcher().fits(want_[i].shape, node) &&
                   bound.rejected_by(want_[i].shape, node) < 0 &&
                   engine_.rule_refusal({node, want_[i].shape, 0, want_[i].traits}, {}).empty()) {
                take(bound, want_[i].shape, node);
                gained_ += worth(want_[i].shape);
                ++used;
            }
        }
    }
    double close(bool keep) override {
        if (!keep) return gained_;
        for (const auto& [i, used] : taken_) {
            want_[i].tasks -= used;
            wanted_ += used;
        }
        value_ += gained_;
        return gained_;
    }

  private:
    // Those that fit as it is find their room first: they are no gain.
    void settle() {
        BoundPolicy& bound = engine_.bound(policy_);
        for (Want& w : want_) {
            for (; w.tasks > 0; --w.tasks) {
                const Choice choice = engine_.choose_task(w.shape, w.traits, bound, {});
                if (choice.node == kNoNode) break;
                take(bound, w.shape, choice.node);
                value_ += worth(w.shape);
            }
        }
    }
    double worth(ShapeId shape) const {
        const Shape& s = cluster_.shape(shape);
        return s.gpus * std::max(s.milli, 1) + 1e-6 * static_cast<double>(s.cpu);
    }
    void take(BoundPolicy& bound, ShapeId shape, NodeId node) {
        cluster_.take(cluster_.settle({node, shape, bound.pick(shape, node)}));
    }

    Engine& engine_;
    Cluster& cluster_;
    const std::shared_ptr<const Policy>& policy_;
    std::vector<Want> want_;  // most worth first
    std::vector<Want> shapes_;
    std::map<std::size_t, std::int64_t> taken_;  // by the step on trial
    double gained_ = 0, value_ = 0;
    std::int64_t wanted_ = 0;
};

// Less fragmentation for the typical tasks.
class LessFragmentation final : public RebalanceGoal {
  public:
    LessFragmentation(const Cluster& cluster, const TaskCounts& counts)
        : cluster_(cluster),
          fragmentation_(cluster,
                         typical_tasks(counts.empty() ? task_counts(cluster, cluster.seen_now()) : counts,
                                       kCoverage, cluster)) {}
    double value() const override {
        double sum = 0;
        for (NodeId n = 0; n < cluster_.node_slots(); ++n) {
            if (cluster_.present(n)) sum += of(n);
        }
        return sum;
    }
    double gain(double before, double after) const override { return before - after; }
    const std::vector<Want>& worth_clearing_for() const override { return none_; }
    void open(NodeId node) override {
        before_.clear();
        before_[node] = of(node);
    }
    void freed(NodeId) override {}
    void filling(NodeId node) override { before_.try_emplace(node, of(node)); }
    double close(bool) override {
        double gain = 0;
        for (const auto& [node, f] : before_) gain += f - of(node);
        return gain;
    }

  private:
    double of(NodeId n) const {
        return fragmentation_.compute(cluster_.class_of(n), cluster_.gpu_free(n), cluster_.free(kCpu, n));
    }
    const Cluster& cluster_;
    Fragmentation fragmentation_;
    std::map<NodeId, double> before_;
    std::vector<Want> none_;
};

}  // namespace

std::unique_ptr<RebalanceGoal> make_goal(Engine& engine, const std::shared_ptr<const Policy>& policy,
                                         const RebalanceOptions& options) {
    if (options.want.empty()) return std::make_unique<LessFragmentation>(engine.cluster(), options.typical);
    return std::make_unique<WantedTasks>(engine, policy, options);
}

}  // namespace hal
