#include "halcore/model/traits.h"

#include <algorithm>
#include <cmath>

#include "halcore/model/error.h"
#include "halcore/model/node_wish.h"
#include "halcore/model/selector.h"

namespace hal {
namespace {

const std::string* find(const std::vector<Label>& labels, const std::string& key) {
    const auto it =
        std::lower_bound(labels.begin(), labels.end(), key,
                         [](const Label& label, const std::string& k) { return label.first < k; });
    return it != labels.end() && it->first == key ? &it->second : nullptr;
}

void check_rule(Rule& rule) {
    if (rule.level.empty()) throw InvalidModel("job.rules.level: '' names no level; give one, or \"node\"");
    if (!std::isfinite(rule.weight) || rule.weight < 0) {
        throw InvalidModel("job.rules.weight: " + std::to_string(rule.weight) +
                           " is not a positive number; leave it out for a must");
    }
    if (rule.max_skew < 1) {
        throw InvalidModel("job.rules.max_skew: " + std::to_string(rule.max_skew) + " is not 1 or more");
    }
    if (rule.kind != RuleKind::Spread) rule.max_skew = 1;  // means nothing and must not tell rules apart
    validate_selector(rule.selector);
    if (rule.level != kNodeLabels) return;
    if (rule.kind != RuleKind::Affinity || rule.hard())
        throw InvalidModel("job.rules: what a node must have is job.selector; give prefer a weight");
    if (rule.selector.empty()) throw InvalidModel("job.rules: prefer names no label of nodes; give one");
}

}  // namespace

void validate(TraitsSpec& spec) {
    std::sort(spec.labels.begin(), spec.labels.end());
    spec.labels.erase(std::unique(spec.labels.begin(), spec.labels.end()), spec.labels.end());
    for (std::size_t i = 0; i < spec.labels.size(); ++i) {
        if (spec.labels[i].first.empty()) throw InvalidModel("job.labels: '' is no label key");
        if (i && spec.labels[i - 1].first == spec.labels[i].first) {
            throw InvalidModel("job.labels: '" + spec.labels[i].first + "' has two values");
        }
    }
    for (Rule& rule : spec.rules) check_rule(rule);
    std::sort(spec.rules.begin(), spec.rules.end());
    spec.rules.erase(std::unique(spec.rules.begin(), spec.rules.end()), spec.rules.end());
    for (const Rule& must : spec.rules) {
        if (must.kind != RuleKind::Affinity || !must.hard()) continue;
        for (const Rule& never : spec.rules) {
            if (never.kind != RuleKind::AntiAffinity || !never.hard()) continue;
            if (never.level == must.level && never.selector == must.selector) {
                throw InvalidModel("job.rules: affinity and anti-affinity to the same jobs at level '" +
                                   must.level + "' contradict each other; drop one, or give it a weight");
            }
        }
    }
}

bool selects(const std::vector<Requirement>& selector, const TraitsSpec& traits) {
    return std::all_of(selector.begin(), selector.end(),
                       [&](const Requirement& r) { return holds(r, find(traits.labels, r.key)); });
}

}  // namespace hal
