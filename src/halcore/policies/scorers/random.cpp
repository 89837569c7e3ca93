// Random: a uniformly random node among those that fit, and random devices on it.
// Assumes: nothing; the baseline. Score: a hash of the seed, the number of tasks placed so far and the node.
// Cost: O(1) a node, but every node that fits is looked at for each decision.
#include <bit>

#include "halcore/policies/devices.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

std::uint64_t mix(std::uint64_t x) {  // splitmix64's finaliser
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

class Random final : public BoundScorer {
  public:
    Random(int, const Cluster& cluster, std::uint64_t seed) : cluster_(cluster), seed_(mix(seed)) {}
    void score(ShapeId, std::span<const NodeId> nodes, std::span<double> out) override {
        const std::uint64_t decision = mix(seed_ ^ cluster_.tasks_taken());
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            out[i] = static_cast<double>(mix(decision ^ nodes[i]) >> 11) * 0x1p-53;
        }
    }
    std::uint64_t pick(ShapeId shape, NodeId node, std::uint64_t eligible) override {
        const Shape& s = cluster_.shape(shape);
        std::uint64_t fitting = fitting_devices(cluster_, s, node, eligible);
        std::uint64_t state = mix(seed_ + cluster_.tasks_taken()) ^ node, taken = 0;
        for (int i = 0; i < s.gpus; ++i) {
            state = mix(state);
            auto skip = static_cast<int>(state % static_cast<std::uint64_t>(std::popcount(fitting)));
            std::uint64_t m = fitting;
            while (skip--) m &= m - 1;
            taken |= m & (~m + 1);
            fitting &= ~taken;
        }
        return taken;
    }

  private:
    const Cluster& cluster_;
    std::uint64_t seed_;
};

}  // namespace

ScorerPtr make_random(Params&) {
    return std::make_shared<SimpleScorer<Random, int>>("random", 0, Scope::Context, true);
}

}  // namespace hal
