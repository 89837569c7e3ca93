// Energy: the node on which the task adds the least power.
// Assumes: a power model of the nodes (model/power.h); by name, the published one. Empty nodes may sleep.
// Score: energy = 1 - added / (the most that the task could add anywhere), so it depends on the node alone;
// power = the published PWR: floor(100 (w - w_min) / (w_max - w_min)) / 100, w = -floor(added watts), over
// the nodes that fit, 1 when all are equal. A sleeping node adds, spread over the run, what it draws while it
// wakes, and `delay` times the most that the task could add: for that long the task waits. A share takes the
// first device that adds least. Cost: O(devices) a node; power looks at every node that fits. Source: Lettich
// et al., arXiv 2412.17484, for the watts; waking is this library's.
#include "halcore/policies/scorers/energy.h"

#include <algorithm>

#include "halcore/model/error.h"
#include "halcore/policies/devices.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

struct Config {
    PowerModel model;
    EnergyTerms terms;
};

constexpr std::int64_t kMost = std::int64_t{1} << 60;

class Energy final : public BoundScorer {
  public:
    Energy(const Config& config, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster), power_(config.model, cluster), terms_(config.terms) {}

    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        delay_ = wait_costs(s);
        if (terms_.relative) return scale(s, nodes, out);
        const double most = static_cast<double>(power_.most_added(s) + spread(power_.most_waking() + delay_));
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = most > 0 ? std::clamp(1 - static_cast<double>(added(s, nodes[i])) / most, 0.0, 1.0) : 1;
    }
    std::uint64_t pick(ShapeId shape, NodeId node, std::uint64_t eligible) override {
        const Shape& s = cluster_.shape(shape);
        if (s.gpus != 1 || s.whole()) return tightest_devices(cluster_, s, node, eligible);
        return std::uint64_t{1} << thriftiest(s, node, eligible);
    }
    bool stale() const override { return power_.stale(); }

  private:
    void scale(const Shape& s, std::span<const NodeId> nodes, std::span<double> out) {
        watts_.resize(nodes.size());
        for (std::size_t i = 0; i < nodes.size(); ++i) watts_[i] = -(added(s, nodes[i]) / 1000);
        const auto [low, high] = std::minmax_element(watts_.begin(), watts_.end());
        const std::int64_t range = nodes.empty() ? 0 : *high - *low;
        for (std::size_t i = 0; i < nodes.size(); ++i)
            out[i] = range == 0 ? 1 : static_cast<double>((watts_[i] - *low) * 100 / range) / 100;
    }
    // Milliwatts of the time it takes to wake, as if drawn all through the run.
    std::int64_t spread(std::int64_t milliwatts) const {
        if (!power_.state()) return 0;
        const __int128 energy = static_cast<__int128>(milliwatts) * power_.state()->wake_micros;
        return static_cast<std::int64_t>(std::min<__int128>(energy / terms_.run_micros, kMost));
    }
    std::int64_t wait_costs(const Shape& s) const {
        return static_cast<std::int64_t>(static_cast<__int128>(power_.most_added(s)) * terms_.delay_milli /
                                         1000);
    }
    std::int64_t device_adds(const Shape& s, NodeId node, int g) const {
        const std::int64_t used = kWholeGpu.value() - cluster_.gpu_free(node)[g];
        const PowerCurve& curve = power_.curve(node, g);
        return curve.at(used + share_at(cluster_, s, node, g)) - curve.at(used);
    }
    int thriftiest(const Shape& s, NodeId node, std::uint64_t eligible) const {
        int best = -1;
        std::int64_t least = 0;
        for (std::uint64_t m = fitting_devices(cluster_, s, node, eligible); m; m &= m - 1) {
            const int g = std::countr_zero(m);
            if (const std::int64_t adds = device_adds(s, node, g); best < 0 || adds < least)
                best = g, least = adds;
        }
        return best;
    }
    std::int64_t added(const Shape& s, NodeId node) const {
        const std::int64_t free = cluster_.free(kCpu, node), capacity = cluster_.capacity(kCpu, node);
        const std::int64_t awake = power_.at(node, free, cluster_.gpu_free(node));
        std::int64_t sum = awake - power_.of(node);  // it is awake from then on
        if (power_.asleep(node)) sum += spread(power_.waking(node) + delay_);
        sum += power_.cpu().watts(capacity, free - s.cpu) - power_.cpu().watts(capacity, free);
        if (s.gpus == 0) return sum;
        const std::uint64_t eligible = eligible_devices(cluster_, s, node);
        if (s.gpus == 1 && !s.whole()) return sum + device_adds(s, node, thriftiest(s, node, eligible));
        for (std::uint64_t m = tightest_devices(cluster_, s, node, eligible); m; m &= m - 1)
            sum += device_adds(s, node, std::countr_zero(m));
        return sum;
    }

    const Cluster& cluster_;
    NodePower power_;
    EnergyTerms terms_;
    std::int64_t delay_ = 0;  // milliwatts that waiting counts as, of the shape that is scored
    std::vector<std::int64_t> watts_;
};

}  // namespace

ScorerPtr make_energy_of(PowerModel model, const EnergyTerms& terms) {
    model.check();
    if (terms.run_micros < 1) throw InvalidModel("energy.run: must be above 0");
    if (terms.delay_milli < 0 || terms.delay_milli > 1'000'000)
        throw InvalidModel("energy.delay: must be from 0 to 1000");
    return std::make_shared<SimpleScorer<Energy, Config>>(
        terms.relative ? "power" : "energy", Config{std::move(model), terms},
        terms.relative ? Scope::Context : Scope::Node, true);
}
ScorerPtr make_energy(Params&) {
    return make_energy_of(published_power(), {});
}
ScorerPtr make_power(Params&) {
    return make_energy_of(published_power(), {.relative = true});
}

}  // namespace hal
