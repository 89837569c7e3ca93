#include "halcore/engine/shared_score.h"

namespace hal {

SharedScore::SharedScore(const Policy& policy, const std::vector<std::unique_ptr<BoundScorer>>& scorers)
    : first_(scorers[0].get()) {
    if (policy.scope() == Scope::Context) return;
    for (std::size_t i = 0; i < scorers.size(); ++i) {
        const auto* const separable = dynamic_cast<const Separable*>(scorers[i].get());
        // Truncated scores do not add up to a truncated sum.
        if (!separable || (scorers.size() > 1 && separable->truncated() > 0)) {
            parts_.clear();
            return;
        }
        truncated_ = separable->truncated();
        order_only_ = order_only_ || separable->order_only();
        parts_.emplace_back(separable, policy.scorers()[i].weight);
    }
}

void SharedScore::learn(ShapeId shape) {
    for (auto s = static_cast<ShapeId>(bases_.size()); s <= shape; ++s) {
        const bool all = std::all_of(parts_.begin(), parts_.end(),
                                     [s](const auto& part) { return part.first->separable(s); });
        double sum = 0;
        for (const auto& [scorer, weight] : parts_) sum += weight * scorer->base(s);
        bases_.push_back(all ? static_cast<std::int64_t>(sum * static_cast<double>(kSteps) + 0.5) : -1);
    }
}

}  // namespace hal
