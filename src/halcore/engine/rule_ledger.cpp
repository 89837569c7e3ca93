#include "halcore/engine/rule_ledger.h"

#include <algorithm>

#include "halcore/model/error.h"
#include "halcore/model/node_wish.h"
#include "halcore/model/selector.h"

namespace hal {
namespace {

std::string describe(const std::vector<Requirement>& selector) {
    static constexpr const char* kOps[] = {"in", "not in", "exists", "does not exist", ">", "<"};
    if (selector.empty()) return "any job";
    std::string text = "jobs with";
    for (const Requirement& r : selector) {
        text += (&r == &selector.front() ? " " : ", ") + r.key;
        if (r.op == SelectorOp::In && r.values.size() == 1) {
            text += "=" + r.values[0];
            continue;
        }
        text += std::string(" ") + kOps[static_cast<int>(r.op)];
        for (const std::string& value : r.values) text += " " + value;
    }
    return text;
}

std::string describe(const Rule& rule) {
    static constexpr const char* kKinds[] = {"affinity to ", "anti-affinity to ", "even spread of "};
    std::string text = kKinds[static_cast<int>(rule.kind)] + describe(rule.selector);
    if (rule.kind == RuleKind::Spread) text += ", max skew " + std::to_string(rule.max_skew);
    return text + ", by " + rule.level;
}

}  // namespace

RuleLedger::RuleLedger(Cluster& cluster) : cluster_(cluster) {
    cluster_.watch(this);
}

RuleLedger::~RuleLedger() {
    cluster_.unwatch(this);
}

bool RuleLedger::means(const Definition& d, const TraitsSpec& traits) const {
    switch (d.what) {
        case Definition::What::Selected:
            return d.rule.level != kNodeLabels && selects(d.rule.selector, traits);
        case Definition::What::Carriers:
            return std::binary_search(traits.rules.begin(), traits.rules.end(), d.rule);
        case Definition::What::Exclusive:
            return traits.exclusive;
    }
    return false;
}

std::int32_t RuleLedger::level(const std::string& name) const {
    if (name == Rule::kNodeLevel || name == kNodeLabels) return kNode;
    const std::int32_t found = cluster_.tree() ? cluster_.tree()->topology().find_level(name) : -1;
    return found >= 0 ? found : kUnknown;
}

void RuleLedger::check(const std::string& job, TraitsId traits) const {
    for (const Rule& rule : cluster_.traits()[traits].rules) {
        if (level(rule.level) != kUnknown) continue;
        throw InvalidModel("job '" + job + "': rules: '" + rule.level + "' is no level of " +
                           (cluster_.tree() ? "the cluster's topology" : "a cluster without a topology") +
                           "; use one that is, or \"node\"");
    }
}

std::uint32_t RuleLedger::counter_for(const Definition& definition) {
    for (std::uint32_t c = 0; c < definitions_.size(); ++c) {
        if (definitions_[c] == definition) return c;
    }
    definitions_.push_back(definition);
    counters_.emplace_back();
    return static_cast<std::uint32_t>(counters_.size() - 1);
}

void RuleLedger::bind(TraitsId t, const Definition& d, std::uint32_t c) {
    const TraitsSpec& traits = cluster_.traits()[t];
    const bool binds = d.what == Definition::What::Exclusive  ? !traits.exclusive
                       : d.what == Definition::What::Carriers ? selects(d.rule.selector, traits)
                                                              : false;
    if (!binds) return;
    const std::string text = d.what == Definition::What::Exclusive ? "node is another job's alone"
                                                                   : "a running job's " + describe(d.rule);
    constraints_[t].push_back({Constraint::Kind::Avoid, c, means(d, traits), 1, 0, false, text});
}

void RuleLedger::sync() {
    const auto known = static_cast<TraitsId>(constraints_.size());
    const auto size = static_cast<TraitsId>(cluster_.traits().size());
    const std::size_t old = definitions_.size();
    constraints_.resize(size);
    feeds_.resize(size);
    for (TraitsId t = known; t < size; ++t) {
        const TraitsSpec& traits = cluster_.traits()[t];
        for (const Rule& rule : traits.rules) {
            Rule key{RuleKind::Affinity, rule.level, rule.selector, 1, 0};  // whatever wants the count
            const std::uint32_t c = counter_for({Definition::What::Selected, key});
            constraints_[t].push_back({static_cast<Constraint::Kind>(rule.kind), c,
                                       means({Definition::What::Selected, key}, traits), rule.max_skew,
                                       rule.weight, true, describe(rule)});
            if (rule.kind == RuleKind::AntiAffinity && rule.hard()) {
                counter_for({Definition::What::Carriers, rule});
            }
        }
        if (traits.exclusive) counter_for({Definition::What::Exclusive, {}});
    }
    for (std::uint32_t c = 0; c < definitions_.size(); ++c) {
        for (TraitsId t = c < old ? known : 0; t < size; ++t) {
            bind(t, definitions_[c], c);
            if (means(definitions_[c], cluster_.traits()[t])) feeds_[t].push_back(c);
        }
    }
    const void* const tree = cluster_.tree() ? &cluster_.tree()->topology() : nullptr;
    if (stale_ || old != definitions_.size() || structure_ != cluster_.structure_version() || tree_ != tree) {
        structure_ = cluster_.structure_version();
        tree_ = tree;
        recount();
    }
}

void RuleLedger::recount() {
    stale_ = false;
    ++counted_;
    nodes_ = cluster_.node_slots();
    for (std::uint32_t c = 0; c < counters_.size(); ++c) {
        const auto& d = definitions_[c];
        RuleCounter& counter = counters_[c];
        counter.level = d.what == Definition::What::Exclusive ? kNode : level(d.rule.level);
        std::size_t domains = counter.level == kNode ? nodes_ : 0;
        if (counter.level >= 0) domains = static_cast<std::size_t>(cluster_.tree()->topology().n_domains());
        counter.counts.assign(domains, 0);
        counter.total = 0;
        counter.changes = {};
        for (std::size_t i = 0; i < domains; ++i) counter.changes.add();
        if (d.rule.level != kNodeLabels) continue;
        for (NodeId n = 0; n < nodes_; ++n) {  // no tasks are counted, but the nodes that are meant
            const auto has = [&](const Requirement& r) {
                return holds(r, cluster_.node_class(n).label(r.key));
            };
            const auto& wanted = d.rule.selector;
            counter.counts[n] = cluster_.present(n) && std::all_of(wanted.begin(), wanted.end(), has);
            counter.total += counter.counts[n];
        }
    }
    for (JobId id = 0; id < cluster_.job_slots(); ++id) {
        if (!cluster_.has_job(id)) continue;
        for (const TaskPlace& task : cluster_.job(id).tasks) changed(task, 1);
    }
}

void RuleLedger::changed(const TaskPlace& task, int by) {
    if (stale_ || task.node >= nodes_ || task.traits >= feeds_.size()) {
        stale_ = true;  // sync() counts anew
        return;
    }
    for (const std::uint32_t c : feeds_[task.traits]) {
        RuleCounter& counter = counters_[c];
        counter.total += by;
        const std::int32_t d = domain(counter.level, task.node);
        if (d < 0) continue;
        counter.counts[d] += by;
        counter.changes.touch(static_cast<std::uint32_t>(d), by < 0);
    }
}

bool RuleLedger::binds(TraitsId t) const {
    return cluster_.traits()[t].exclusive ||
           std::any_of(constraints_[t].begin(), constraints_[t].end(),
                       [&](const Constraint& c) { return c.own || counters_[c.counter].total > 0; });
}

std::int32_t RuleLedger::domain(std::int32_t level, NodeId node) const {
    if (level == kNode) return static_cast<std::int32_t>(node);
    const NodeTree* const tree = cluster_.tree();
    const std::int32_t position = tree && level >= 0 ? tree->position(node) : -1;
    if (position < 0) return -1;
    const Topology& topology = tree->topology();
    std::int32_t d = topology.node_domain(topology.node_order()[position]);
    while (d > 0 && topology.level(d) > level) d = topology.parent(d);
    return topology.level(d) == level ? d : -1;
}

}  // namespace hal
