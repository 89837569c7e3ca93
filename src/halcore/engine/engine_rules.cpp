// The stage of rules towards other jobs: affinity, anti-affinity, spread, exclusive nodes.
#include "halcore/engine/engine.h"
#include "halcore/model/error.h"

namespace hal {

void Engine::sync_rules() {
    for (; rules_seen_ < cluster_.traits().size() && !rules_; ++rules_seen_) {
        const TraitsSpec& traits = cluster_.traits()[rules_seen_];
        if (!traits.rules.empty() || traits.exclusive) rules_ = std::make_unique<RuleLedger>(cluster_);
    }
    if (rules_) rules_->sync();
}

void Engine::check_rules(const JobRequest& job) const {
    if (!rules_) return;
    rules_->check(job.name, job.traits);
    const TraitsSpec& traits = cluster_.traits()[job.traits];
    if (job.gang && (!traits.rules.empty() || traits.exclusive)) {
        throw InvalidModel("job '" + job.name +
                           "': gang: cannot be combined with rules or exclusive nodes yet");
    }
}

std::string Engine::rule_refusal(const TaskPlace& task, std::span<const TaskPlace> own) {
    if (!rules_ || !rules_->binds(task.traits) || task.node >= cluster_.node_slots()) return "";
    RuleIndex index(cluster_, matcher_, nullptr, *rules_, task.shape, task.traits);
    return index.refusal(task.node, own);
}

RuleIndex* Engine::rule_index(ShapeId shape, TraitsId traits, const std::shared_ptr<const Policy>& policy) {
    if (!rules_ || !rules_->binds(traits)) return nullptr;
    BoundPolicy& bound = this->bound(policy);  // may clear rule_indices_
    auto& index = rule_indices_[{policy->uid(), shape, traits}];
    if (!index) {
        if (rule_indices_.size() > kRuleIndices) {
            rule_indices_.clear();
            return rule_index(shape, traits, policy);
        }
        index = std::make_unique<RuleIndex>(cluster_, matcher_, &bound, *rules_, shape, traits);
    }
    return index.get();
}

}  // namespace hal
