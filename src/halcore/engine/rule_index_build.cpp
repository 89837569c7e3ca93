// The form of a RuleIndex: a vertex a node, blocks that keep fan-outs small, and a vertex a domain.
#include <algorithm>

#include "halcore/engine/rule_index.h"

namespace hal {
namespace {

constexpr std::size_t kFanOut = 16;

}  // namespace

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
    filled_ = false;
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

}  // namespace hal
