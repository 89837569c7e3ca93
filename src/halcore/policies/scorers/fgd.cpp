// Fragmentation gradient descent (FGD): the node, and the device, on which the task makes the least new
// fragmentation (see fragmentation.h) for the typical tasks.
// Assumes: the typical tasks resemble what comes. Score: floor(100 S((F_before - F_after) / 1000)) / 100, S
// the logistic function; a share takes the device that scores best, the first of equals. The rounding
// matters: it lets the tie-break pack. Cost: O(1) a node and different free share, once its states are known.
// Parameters: typical ("seen", or counts of requests), coverage (0.95).
// Source: Weng et al., "Beware of Fragmentation", USENIX ATC 2023.
#include <cmath>

#include "halcore/policies/devices.h"
#include "halcore/policies/fragmentation.h"
#include "halcore/policies/logistic.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"
#include "halcore/policies/typical_source.h"

namespace hal {
namespace {

class Fgd final : public BoundScorer {
  public:
    Fgd(const TypicalSource& source, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster),
          typical_(source, cluster),
          states_(cluster),
          fragmentation_(cluster, typical_.tasks()) {}

    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        states_.trim();
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = Logistic::hundredths(gain(s, nodes[i])) / 100.0;
    }
    std::uint64_t pick(ShapeId shape, NodeId node, std::uint64_t eligible) override {
        const Shape& s = cluster_.shape(shape);
        if (s.gpus != 1 || s.whole() || s.profile != kNoProfile)
            return tightest_devices(cluster_, s, node, eligible);
        const double before = fragmentation_.of(states_, node);
        std::uint64_t fitting = fitting_devices(cluster_, s, node, eligible);
        int best = -1, best_score = -1;
        for (; fitting; fitting &= fitting - 1) {
            const int g = std::countr_zero(fitting);
            const int score = Logistic::hundredths(before - after_on(s, node, g));
            if (score > best_score) best = g, best_score = score;
        }
        return std::uint64_t{1} << best;
    }
    bool stale() const override { return typical_.stale(); }

  private:
    // F_before - F_after, for the device that gives the most.
    double gain(const Shape& s, NodeId node) {
        const double before = fragmentation_.of(states_, node);
        const std::int64_t cpu = cluster_.free(kCpu, node) - s.cpu;
        if (!states_.uniform(node)) return before - after_mixed(s, node, cpu);
        const StateId state = states_.of(node);
        const std::size_t rank = fragmentation_.rank(cpu);
        if (s.gpus == 0) return before - fragmentation_.of(states_, state, rank);
        const std::int32_t share = share_at(cluster_, s, node, 0);
        if (s.gpus > 1 || s.whole()) {
            return before - fragmentation_.of(states_, states_.take(state, share, s.gpus), rank);
        }
        double least = std::numeric_limits<double>::infinity();
        for (const auto& step : states_.share_steps(state, share))
            least = std::min(least, fragmentation_.of(states_, step.next, rank));
        return before - least;
    }
    double after_on(const Shape& s, NodeId node, int device) {
        std::int32_t after[kMaxGpusPerNode];
        const auto free = cluster_.gpu_free(node);
        const std::int64_t cpu = cluster_.free(kCpu, node) - s.cpu;
        const std::int32_t share = share_at(cluster_, s, node, device);
        if (states_.uniform(node)) {
            for (const auto& step : states_.share_steps(states_.of(node), share)) {
                if (step.free == free[device])
                    return fragmentation_.of(states_, step.next, fragmentation_.rank(cpu));
            }
        }
        std::copy(free.begin(), free.end(), after);
        after[device] -= share;
        return fragmentation_.compute(cluster_.class_of(node), {after, free.size()}, cpu);
    }
    double after_mixed(const Shape& s, NodeId node, std::int64_t cpu) {
        const std::uint64_t all = eligible_devices(cluster_, s, node);
        if (s.gpus == 1 && !s.whole()) {
            double least = std::numeric_limits<double>::infinity();
            for (std::uint64_t m = fitting_devices(cluster_, s, node, all); m; m &= m - 1) {
                least = std::min(least, after_on(s, node, std::countr_zero(m)));
            }
            return least;
        }
        std::int32_t after[kMaxGpusPerNode];
        const auto free = cluster_.gpu_free(node);
        std::copy(free.begin(), free.end(), after);
        for (std::uint64_t m = s.gpus ? tightest_devices(cluster_, s, node, all) : 0; m; m &= m - 1) {
            const int g = std::countr_zero(m);
            after[g] -= share_at(cluster_, s, node, g);
        }
        return fragmentation_.compute(cluster_.class_of(node), {after, free.size()}, cpu);
    }

    const Cluster& cluster_;
    BoundTypical typical_;
    GpuStates states_;
    Fragmentation fragmentation_;
};

}  // namespace

ScorerPtr make_fgd(Params& params) {
    return std::make_shared<SimpleScorer<Fgd, TypicalSource>>("fgd", TypicalSource(params), Scope::Node,
                                                              true);
}

}  // namespace hal
