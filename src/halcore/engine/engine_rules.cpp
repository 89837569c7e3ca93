// The stage of rules towards other jobs: affinity, anti-affinity, spread, exclusive nodes.
#include <algorithm>

#include "halcore/engine/engine.h"
#include "halcore/model/error.h"

namespace hal {
namespace {

constexpr std::uint64_t kNoPolicy = UINT64_MAX;  // in place of a policy's uid

}  // namespace

void Engine::sync_rules() {
    for (; rules_seen_ < cluster_.traits().size() && !rules_; ++rules_seen_) {
        const TraitsSpec& traits = cluster_.traits()[rules_seen_];
        if (!traits.rules.empty() || traits.exclusive) rules_ = std::make_unique<RuleLedger>(cluster_);
    }
    if (!rules_ && !near_.empty()) rules_ = std::make_unique<RuleLedger>(cluster_);  // RuleIndex needs one
    if (rules_) rules_->sync();
}

void Engine::check_rules(const JobRequest& job) const {
    if (rules_) rules_->check(job.name, job.traits);
}

std::string Engine::rule_refusal(const TaskPlace& task, std::span<const TaskPlace> own) {
    if (!bound_by_rules(task.traits) || task.node >= cluster_.node_slots()) return "";
    return refusals(task.shape, task.traits).refusal(task.node, own);
}

Choice Engine::choose_task(ShapeId shape, TraitsId traits, BoundPolicy& bound,
                           std::span<const TaskPlace> own) {
    bound.tell(own);
    RuleIndex* const ruled = rule_index(shape, traits, bound);
    return ruled ? ruled->choose(own) : bound.choose(shape);
}

RuleIndex& Engine::refusals(ShapeId shape, TraitsId traits) {
    if (rule_indices_.size() > kRuleIndices) rule_indices_.clear();
    auto& index = rule_indices_[{kNoPolicy, shape, traits}];
    if (!index) index = std::make_unique<RuleIndex>(cluster_, matcher_, nullptr, *rules_, shape, traits);
    return *index;
}

// Rules whose counts a gang's own tasks do not change only shut nodes. Of the others, affinity to itself is a
// level that it shares, anti-affinity to itself on a node is one task a node; what is left is kept by
// choosing task after task, where no level asks for more than that.
GangBounds Engine::gang_bounds(const std::string& name, const Gang& gang, TraitsId traits, BoundPolicy& bound,
                               const GangPlaces& places) {
    GangBounds bounds;
    if (!bound_by_rules(traits)) return bounds;
    bounds.choose = [this, traits, &bound](ShapeId shape, std::span<const TaskPlace> taken) {
        return choose_task(shape, traits, bound, taken);
    };
    bounds.allows = [this, traits, &places](ShapeId shape, NodeId n) {
        return refusals(shape, traits).refusal(n, places.tasks).empty();
    };
    const Topology* const topology = cluster_.tree() ? &cluster_.tree()->topology() : nullptr;
    std::int32_t deepest = -1;
    for (const Constraint& rule : rules_->constraints(traits)) {
        if (!rule.own || !rule.self || rule.weight > 0) continue;
        const std::int32_t level = rules_->counter(rule).level;
        if (rule.kind == Constraint::Kind::Need && rules_->counter(rule).total == 0) {
            const std::int32_t depth = level == RuleLedger::kNode ? INT32_MAX : level;
            if (depth <= deepest) continue;
            deepest = depth;
            bounds.together = level == RuleLedger::kNode ? Rule::kNodeLevel : topology->levels()[level].name;
        } else if (rule.kind == Constraint::Kind::Avoid && level == RuleLedger::kNode) {
            bounds.one_a_node = true;
        } else if (rule.kind != Constraint::Kind::Need) {
            const bool sliced = std::any_of(gang.roles.begin(), gang.roles.end(),
                                            [](const auto& role) { return role.slice > 1; });
            if (gang.names_levels() || sliced) {
                throw InvalidModel("job '" + name +
                                   "': gang: levels and slices cannot be kept together with '" + rule.text +
                                   "', which counts the gang's own tasks; drop them, "
                                   "or select other jobs alone");
            }
            bounds.task_by_task = true;
        }
    }
    return bounds;
}

RuleIndex* Engine::rule_index(ShapeId shape, TraitsId traits, BoundPolicy& bound) {
    const NearPolicy* const apart = rules_ ? near(bound.policy()) : nullptr;
    if (!apart && !bound_by_rules(traits)) return nullptr;
    BoundPolicy* const scores = apart ? &this->bound(apart->rest) : &bound;  // may clear rule_indices_
    if (rule_indices_.size() > kRuleIndices) rule_indices_.clear();
    auto& index = rule_indices_[{bound.policy().uid(), shape, traits}];
    if (!index) {
        index = std::make_unique<RuleIndex>(cluster_, matcher_, scores, *rules_, shape, traits,
                                            apart ? apart->weight : 0);
    }
    return index.get();
}

const NearPolicy* Engine::near(const Policy& policy) {
    if (policy.scope() != Scope::Context || !cluster_.tree()) return nullptr;
    auto it = near_.find(policy.uid());
    if (it == near_.end()) {
        if (near_.size() >= kPolicies) near_.clear(), rule_indices_.clear();
        it = near_.emplace(policy.uid(), split_near(policy)).first;
    }
    return it->second.get();
}

}  // namespace hal
