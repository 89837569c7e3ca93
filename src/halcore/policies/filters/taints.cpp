#include <algorithm>

#include "halcore/policies/filters/filters.h"

namespace hal::filters {
namespace {

bool tolerates(const Toleration& t, const Taint& taint) {
    if (!t.any_effect && t.effect != taint.effect) return false;
    if (!t.key.empty() && t.key != taint.key) return false;
    return t.exists || t.value == taint.value;
}

}  // namespace

// PreferNoSchedule is a wish, not a rule: it is left to scorers.
Reason taints(const NodeClass& node_class, const Shape& shape) {
    const auto& tolerations = shape.spec.tolerations;
    for (std::uint32_t i = 0; i < node_class.taints.size(); ++i) {
        const Taint& taint = node_class.taints[i];
        if (taint.effect == Effect::PreferNoSchedule) continue;
        const bool tolerated = std::any_of(tolerations.begin(), tolerations.end(),
                                           [&](const Toleration& t) { return tolerates(t, taint); });
        if (!tolerated) return {Reason::Code::Taint, i};
    }
    return {};
}

}  // namespace hal::filters
