// First fit: the first node, in index (or seeded tie) order, on which the task fits.
// Assumes: nothing. Score: 1 on every node, so that the tie-break decides. Cost: O(1).
// Source: Johnson, "Near-optimal bin packing algorithms", MIT 1973.
#include <algorithm>

#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"
#include "halcore/policies/separable.h"

namespace hal {
namespace {

struct FirstFit final : BoundScorer, Separable {
    FirstFit(int, const Cluster&, std::uint64_t) {}
    void score(ShapeId, std::span<const NodeId>, std::span<double> out) override {
        std::fill(out.begin(), out.end(), 1.0);
    }
    bool separable(ShapeId) const override { return true; }
    double base(ShapeId) const override { return 1; }
    double cost(NodeId) const override { return 0; }
};

}  // namespace

ScorerPtr make_first_fit(Params&) {
    return std::make_shared<SimpleScorer<FirstFit, int>>("first_fit", 0);
}

}  // namespace hal
