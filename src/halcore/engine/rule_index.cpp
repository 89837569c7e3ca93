#include "halcore/engine/rule_index.h"

#include <algorithm>
#include <limits>

namespace hal {
namespace {

constexpr double kSteps = 1073741824.0;  // 2^30, as BoundPolicy's
constexpr std::size_t kFanOut = 16;
constexpr std::uint32_t kNoVertex = UINT32_MAX;

}  // namespace

RuleIndex::RuleIndex(const Cluster& cluster, Matcher& matcher, BoundPolicy* policy, const RuleLedger& ledger,
                     ShapeId shape, TraitsId traits)
    : cluster_(cluster),
      matcher_(matcher),
      policy_(policy),
      ledger_(ledger),
      shape_(shape),
      traits_(traits) {}

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

std::uint64_t RuleIndex::through(std::uint32_t v, std::uint64_t key) const {
    if (key == 0) return 0;
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
        if (!ask(i, domain, bonus)) return 0;
    }
    return key + (bonus << 32);
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

std::uint32_t RuleIndex::group(std::vector<std::uint32_t> members) {
    while (members.size() > kFanOut) {
        std::vector<std::uint32_t> blocks;
        for (std::size_t i = 0; i < members.size(); i += kFanOut) {
            const auto from = members.begin() + static_cast<std::ptrdiff_t>(i);
            const auto to =
                members.begin() + static_cast<std::ptrdiff_t>(std::min(i + kFanOut, members.size()));
            blocks.push_back(group({from, to}));
        }
        members = std::move(blocks);
    }
    const auto v = static_cast<std::uint32_t>(parent_.size());
    parent_.push_back(kNoVertex);
    domain_.push_back(-1);
    for (const std::uint32_t child : members) parent_[child] = v;
    children_.insert(children_.end(), members.begin(), members.end());
    child_begin_.push_back(static_cast<std::uint32_t>(children_.size()));
    return v;
}

void RuleIndex::build() {
    counted_ = ledger_.counted();
    nodes_count_ = cluster_.node_slots();
    parent_.assign(nodes_count_, kNoVertex);
    domain_.assign(nodes_count_, -1);
    children_.clear();
    child_begin_.assign(1, 0);
    const Topology* const topology = cluster_.tree() ? &cluster_.tree()->topology() : nullptr;
    const std::size_t domains = topology ? static_cast<std::size_t>(topology->n_domains()) : 0;
    std::vector<std::vector<std::uint32_t>> members(domains + 1);  // last: outside of the tree
    for (NodeId n = 0; n < nodes_count_; ++n) {
        const std::int32_t position = topology ? cluster_.tree()->position(n) : -1;
        members[position < 0 ? domains : topology->node_domain(topology->node_order()[position])].push_back(
            n);
    }
    vertex_of_.assign(domains, kNoVertex);
    for (std::size_t d = domains; d-- > 0;) {
        const std::uint32_t v = group(std::move(members[d]));
        domain_[v] = static_cast<std::int32_t>(d);
        vertex_of_[d] = v;
        members[d ? topology->parent(static_cast<std::int32_t>(d)) : domains].push_back(v);
    }
    group(std::move(members[domains]));

    double weights = 0;
    for (const Constraint& rule : rules()) weights += rule.weight;
    scale_ = 1 / (1 + weights);
    even_.assign(rules().size(), {});
    none_.assign(rules().size(), false);
    seen_.assign(rules().size(), UINT64_MAX);
    for (std::size_t i = 0; i < rules().size(); ++i) {
        if (rules()[i].kind != Constraint::Kind::Even) continue;
        const std::int32_t level = ledger_.counter(rules()[i]).level;
        for (NodeId n = 0; n < nodes_count_; ++n) {
            if (!cluster_.present(n) || matcher_.capacity_of(shape_, cluster_.kind(n)) == 0) continue;
            if (const std::int32_t d = ledger_.domain(level, n); d >= 0) even_[i].domains.push_back(d);
        }
        auto& all = even_[i].domains;
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
    }
}

bool RuleIndex::prepare() {
    const bool anew = counted_ != ledger_.counted();
    if (anew) build();
    moved_.clear();
    measure(moved_);
    return anew;
}

std::uint64_t RuleIndex::base(NodeId node, double total) const {
    const auto steps = static_cast<std::uint64_t>(total * scale_ * kSteps + 0.5);
    const std::uint64_t seed = policy_->policy().tie_seed();
    return (steps + 1) << 32 | (UINT32_MAX - (seed ? tie_rank(node, seed) : node));
}

std::uint64_t RuleIndex::best_below(std::uint32_t v) const {
    std::uint64_t best = 0;
    const std::size_t at = v - nodes_count_;
    for (std::uint32_t i = child_begin_[at]; i < child_begin_[at + 1]; ++i)
        best = std::max(best, keys_[children_[i]]);
    return best;
}

void RuleIndex::regate(std::uint32_t v) {
    for (;;) {
        const std::uint64_t key = through(v, best_[v]);
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
        best_[n] = 0;
        if (matcher_.fits(shape_, n) && alone(n, own)) fitting_.push_back(n);
    }
    totals_.resize(fitting_.size());
    if (!fitting_.empty()) policy_->score(shape_, fitting_, totals_, {});
    for (std::size_t i = 0; i < fitting_.size(); ++i) best_[fitting_[i]] = base(fitting_[i], totals_[i]);
}

void RuleIndex::follow(std::span<const TaskPlace> own) {
    nodes_.clear();
    if (prepare()) {
        for (NodeId n = 0; n < nodes_count_; ++n) nodes_.push_back(n);
        keys_.assign(parent_.size(), 0);
        best_.assign(parent_.size(), 0);
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
    const std::uint64_t top = keys_[v];
    if (top == 0) return {};
    while (v >= nodes_count_) {
        std::uint32_t i = child_begin_[v - nodes_count_];
        while (keys_[children_[i]] != best_[v]) ++i;
        v = children_[i];
    }
    return {v, static_cast<double>((top >> 32) - 1) / kSteps};
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
    std::uint64_t best = 0;
    NodeId chosen = kNoNode;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        std::uint64_t bonus = 0;
        allows(nodes[i], bonus);
        const std::uint64_t key = base(nodes[i], totals[i]) + (bonus << 32);
        if (key > best) best = key, chosen = nodes[i];
    }
    return {chosen, static_cast<double>((best >> 32) - 1) / kSteps};
}

}  // namespace hal
