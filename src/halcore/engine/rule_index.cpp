#include "halcore/engine/rule_index.h"

#include <algorithm>
#include <limits>

namespace hal {
namespace {

constexpr double kSteps = 1073741824.0;  // 2^30, as BoundPolicy's
constexpr int kFiner = 30;               // bits of a key below those, so that distances add up exactly

}  // namespace

RuleIndex::RuleIndex(const Cluster& cluster, Matcher& matcher, BoundPolicy* policy, const RuleLedger& ledger,
                     ShapeId shape, TraitsId traits, double near)
    : cluster_(cluster),
      matcher_(matcher),
      policy_(policy),
      ledger_(ledger),
      shape_(shape),
      traits_(traits),
      near_weight_(near),
      near_(cluster) {}

// ---- rules ---------------------------------------------------------------------------------------

bool RuleIndex::alone(NodeId node, std::span<const TaskPlace> own) const {
    if (!cluster_.traits()[traits_].exclusive) return true;
    const auto mine =
        std::count_if(own.begin(), own.end(), [&](const TaskPlace& t) { return t.node == node; });
    return cluster_.task_count(node) == static_cast<std::uint32_t>(mine);
}

bool RuleIndex::ask(std::size_t i, std::int32_t domain, std::uint64_t& bonus) const {
    const Constraint& rule = rules()[i];
    const std::int32_t count = domain < 0 ? 0 : ledger_.counter(rule).counts[domain];
    double wish = 0;
    switch (rule.kind) {
        case Constraint::Kind::Need:
            if (rule.weight == 0) return domain >= 0 && (count > 0 || (none_[i] && rule.self));
            wish = count > 0;
            break;
        case Constraint::Kind::Avoid:
            if (rule.weight == 0) return count == 0;
            wish = 1.0 / (1 + count);
            break;
        case Constraint::Kind::Even:
            if (rule.weight == 0) return domain >= 0 && count + rule.self - even_[i].least <= rule.max_skew;
            wish = domain < 0 ? 0 : 1.0 / (1 + std::max(0, count - even_[i].least));
            break;
    }
    bonus += static_cast<std::uint64_t>(wish * rule.weight * scale_ * kSteps + 0.5);
    return true;
}

bool RuleIndex::allows(NodeId node, std::uint64_t& bonus) const {
    for (std::size_t i = 0; i < rules().size(); ++i) {
        if (!ask(i, ledger_.domain(ledger_.counter(rules()[i]).level, node), bonus)) return false;
    }
    return true;
}

RuleIndex::Key RuleIndex::through(std::uint32_t v, Key key) const {
    if (key.value == 0) return {};
    std::uint64_t bonus = 0;
    const bool node = v < nodes_count_;
    for (std::size_t i = 0; i < rules().size(); ++i) {
        const std::int32_t level = ledger_.counter(rules()[i]).level;
        std::int32_t domain = -1;
        if (node) {  // also stands for the levels that its branch of the tree does not have
            domain = ledger_.domain(level, v);
            if (level != RuleLedger::kNode && domain >= 0) continue;
        } else {
            domain = domain_[v];
            if (domain < 0 || level != cluster_.tree()->topology().level(domain)) continue;
        }
        if (!ask(i, domain, bonus)) return {};
    }
    key.value += bonus << kFiner;
    if (near_step_ && node) key.value += near_step_ * static_cast<std::uint64_t>(near_.node_part(v));
    if (near_step_ && !node && domain_[v] >= 0)
        key.value += near_step_ * static_cast<std::uint64_t>(near_.domain_part(domain_[v]));
    return key;
}

void RuleIndex::measure(std::vector<std::size_t>& moved) {
    for (std::size_t i = 0; i < rules().size(); ++i) {
        const RuleCounter& counter = ledger_.counter(rules()[i]);
        const bool none = counter.total == 0;
        std::int32_t least = even_[i].least;
        if (rules()[i].kind == Constraint::Kind::Even && seen_[i] != counter.changes.clock()) {
            least = std::numeric_limits<std::int32_t>::max();
            for (const std::int32_t d : even_[i].domains) least = std::min(least, counter.counts[d]);
            if (even_[i].domains.empty()) least = 0;
        }
        if (none == none_[i] && least == even_[i].least) continue;
        none_[i] = none;
        even_[i].least = least;
        moved.push_back(i);
    }
}

std::string RuleIndex::refusal(NodeId node, std::span<const TaskPlace> own) {
    prepare();
    if (!alone(node, own)) return "node runs tasks of other jobs";
    for (std::size_t i = 0; i < rules().size(); ++i) {
        std::uint64_t bonus = 0;
        const std::int32_t level = ledger_.counter(rules()[i]).level;
        const std::int32_t domain = ledger_.domain(level, node);
        if (ask(i, domain, bonus)) continue;
        if (level == RuleLedger::kNode) return rules()[i].text;
        const std::string where =
            domain < 0 ? "none" : "'" + cluster_.tree()->topology().domains()[domain] + "'";
        return rules()[i].text + " " + where;
    }
    return "";
}

// ---- the tree ------------------------------------------------------------------------------------

bool RuleIndex::prepare() {
    const bool anew = counted_ != ledger_.counted();
    if (anew) build();
    moved_.clear();
    measure(moved_);
    return anew;
}

RuleIndex::Key RuleIndex::base(NodeId node, double total) const {
    const auto steps = static_cast<std::uint64_t>(total * (1 - near_weight_) * scale_ * kSteps + 0.5);
    const std::uint64_t seed = policy_->policy().tie_seed();
    return {(steps << kFiner) + 1, UINT32_MAX - (seed ? tie_rank(node, seed) : node)};
}

RuleIndex::Key RuleIndex::best_below(std::uint32_t v) const {
    Key best;
    const std::size_t at = v - nodes_count_;
    for (std::uint32_t i = child_begin_[at]; i < child_begin_[at + 1]; ++i)
        best = std::max(best, keys_[children_[i]]);
    return best;
}

void RuleIndex::regate(std::uint32_t v) {
    for (;;) {
        const Key key = through(v, best_[v]);
        if (key == keys_[v]) return;
        keys_[v] = key;
        v = parent_[v];
        if (v == kNoVertex) return;
        best_[v] = best_below(v);
    }
}

// Scores the nodes in nodes_ anew.
void RuleIndex::rescore(std::span<const TaskPlace> own) {
    fitting_.clear();
    for (const NodeId n : nodes_) {
        best_[n] = {};
        if (matcher_.fits(shape_, n) && alone(n, own)) fitting_.push_back(n);
    }
    totals_.resize(fitting_.size());
    if (!fitting_.empty()) policy_->score(shape_, fitting_, totals_, {});
    for (std::size_t i = 0; i < fitting_.size(); ++i) best_[fitting_[i]] = base(fitting_[i], totals_[i]);
}

void RuleIndex::follow(std::span<const TaskPlace> own) {
    nodes_.clear();
    near_nodes_.clear(), near_domains_.clear();
    const bool anew = prepare() || !filled_;
    filled_ = true;
    if (anew) near_.reset();
    if (near_weight_ > 0 && cluster_.tree()) {
        near_.follow(own, near_domains_, near_nodes_);
        near_step_ = static_cast<std::uint64_t>(near_weight_ * scale_ * kSteps * (1 << kFiner) /
                                                static_cast<double>(near_.whole()));
    }
    if (anew) {
        for (NodeId n = 0; n < nodes_count_; ++n) nodes_.push_back(n);
        keys_.assign(parent_.size(), {});
        best_.assign(parent_.size(), {});
        rescore(own);
        for (std::uint32_t v = 0; v < parent_.size(); ++v) {  // children come before their parents
            if (v >= nodes_count_) best_[v] = best_below(v);
            keys_[v] = through(v, best_[v]);
        }
    } else {
        if (own.empty()) nodes_.swap(own_);  // another job's: no longer this job's own
        cluster_.changes().since(synced_, [&](std::uint32_t n) { nodes_.push_back(n); });
        rescore(own);
        for (const NodeId n : nodes_) regate(n);
        for (const NodeId n : near_nodes_) regate(n);
        for (const std::int32_t d : near_domains_) regate(vertex_of_[d]);
        for (std::size_t i = 0; i < rules().size(); ++i) {
            const RuleCounter& counter = ledger_.counter(rules()[i]);
            const auto vertex = [&](std::uint32_t d) {
                return counter.level == RuleLedger::kNode ? d : vertex_of_[d];
            };
            if (std::find(moved_.begin(), moved_.end(), i) == moved_.end()) {
                counter.changes.since(seen_[i], [&](std::uint32_t d) { regate(vertex(d)); });
                continue;
            }
            for (std::uint32_t d = 0; d < counter.counts.size(); ++d) regate(vertex(d));
        }
    }
    own_.clear();
    if (cluster_.traits()[traits_].exclusive) {
        for (const TaskPlace& task : own) own_.push_back(task.node);
    }
    synced_ = cluster_.changes().clock();
    for (std::size_t i = 0; i < rules().size(); ++i) seen_[i] = ledger_.counter(rules()[i]).changes.clock();
}

Choice RuleIndex::choose(std::span<const TaskPlace> own) {
    if (policy_->policy().scope() == Scope::Context) return scan(own);
    follow(own);
    auto v = static_cast<std::uint32_t>(parent_.size() - 1);
    const Key top = keys_[v];
    if (top.value == 0) return {};
    while (v >= nodes_count_) {
        std::uint32_t i = child_begin_[v - nodes_count_];
        while (keys_[children_[i]] != best_[v]) ++i;
        v = children_[i];
    }
    return {v, std::min(1.0, static_cast<double>(top.value - 1) / kSteps / (1 << kFiner))};
}

Choice RuleIndex::scan(std::span<const TaskPlace> own) {
    prepare();
    std::vector<NodeId> nodes;
    policy_->feasible(shape_, nodes);
    std::erase_if(nodes, [&](NodeId n) {
        std::uint64_t bonus = 0;
        return !alone(n, own) || !allows(n, bonus);
    });
    if (nodes.empty()) return {};
    std::vector<double> totals(nodes.size());
    policy_->score(shape_, nodes, totals, {});
    Key best;
    NodeId chosen = kNoNode;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        std::uint64_t bonus = 0;
        allows(nodes[i], bonus);
        Key key = base(nodes[i], totals[i]);
        key.value += bonus << kFiner;
        if (key > best) best = key, chosen = nodes[i];
    }
    return {chosen, static_cast<double>(best.value - 1) / kSteps / (1 << kFiner)};
}

}  // namespace hal
