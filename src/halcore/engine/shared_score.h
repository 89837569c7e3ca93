#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "halcore/policies/policy.h"
#include "halcore/policies/separable.h"

namespace hal {

/// The weighted total of a policy whose scorers are all Separable, in integers: total = base(shape) -
/// cost(node), each rounded to steps of 2^-30 on its own. So the scan and the shared order compare the very
/// same numbers; where both roundings go the wrong way, a difference is a step outside of [0, 1].
class SharedScore {
  public:
    static constexpr std::int64_t kSteps = std::int64_t{1} << 30;

    SharedScore(const Policy& policy, const std::vector<std::unique_ptr<BoundScorer>>& scorers);

    /// False when some scorer is not separable for the shape. Remembered. O(1).
    bool covers(ShapeId shape) {
        if (parts_.empty()) return false;
        if (shape >= bases_.size()) learn(shape);
        return bases_[shape] >= 0;
    }
    /// Covered, and nodes rank by the difference itself: the scorer does not truncate it.
    bool ranks(ShapeId shape) { return truncated_ == 0 && covers(shape); }
    /// It is the total, too: the bases are known.
    bool exact(ShapeId shape) { return !order_only_ && ranks(shape); }
    /// Some base is not known: the difference ranks the nodes and is not the total.
    bool order_only() const { return order_only_; }
    /// The steps of the truncation; 0: none.
    std::int64_t truncated() const { return truncated_; }

    // Precondition of those below: covers(shape).
    std::int64_t base(ShapeId shape) const { return bases_[shape]; }
    std::uint32_t cost(NodeId node) const {
        double sum = 0;
        for (const auto& [scorer, weight] : parts_) sum += weight * scorer->cost(node);
        return static_cast<std::uint32_t>(sum * static_cast<double>(kSteps) + 0.5);
    }
    double total(ShapeId shape, std::uint32_t cost) const {
        return std::clamp(static_cast<double>(bases_[shape] - cost) / static_cast<double>(kSteps), 0.0, 1.0);
    }
    /// What the scorer that truncates says, in the steps of totals.
    double truncated_total(ShapeId shape, NodeId node) const {
        double score = 0;
        first_->score(shape, {&node, 1}, {&score, 1});
        return std::floor(score * static_cast<double>(kSteps) + 0.5) / static_cast<double>(kSteps);
    }

  private:
    void learn(ShapeId shape);

    std::vector<std::pair<const Separable*, double>> parts_;  // empty: some scorer is not separable
    BoundScorer* first_;
    std::int64_t truncated_ = 0;
    bool order_only_ = false;
    std::vector<std::int64_t> bases_;  // by shape; -1: not covered
};

}  // namespace hal
