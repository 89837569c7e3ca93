#include "halcore/model/topology.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "halcore/model/error.h"

namespace hal {
namespace {

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

void check_figure(const TopologyLevel& level, const char* what, std::int64_t value) {
    if (value < 0)
        throw InvalidModel("topology: level " + quoted(level.name) + " has the " + what + " " +
                           std::to_string(value) + "; give 0 or more");
}

// The domains from `start` upwards never reach a root: name the cycle they run into.
std::string cycle_text(const TopologySpec& spec, std::int32_t start) {
    for (std::size_t step = 0; step < spec.parent.size(); ++step) start = spec.parent[start];
    std::string text = spec.domains[start];
    std::int32_t at = start;
    for (int shown = 0; shown < 8; ++shown) {
        at = spec.parent[at];
        text += " -> " + spec.domains[at];
        if (at == start) return text;
    }
    return text + " -> …";
}

}  // namespace

Topology::Topology(TopologySpec spec) : levels_(std::move(spec.levels)) {
    check_levels();
    for (auto& figure : figures_) figure.reserve(levels_.size() + 1);
    for (const auto& level : levels_) {
        figures_[0].push_back(level.distance);
        figures_[1].push_back(level.latency_ns);
        figures_[2].push_back(level.bandwidth_mib);
    }
    figures_[0].push_back(0);
    figures_[1].push_back(0);
    figures_[2].push_back(unlimited);

    check_domains(spec);
    const auto number = number_domains(spec);
    node_domain_ = std::move(spec.node_domain);
    for (std::size_t i = 0; i < node_domain_.size(); ++i) {
        if (node_domain_[i] < 0 || node_domain_[i] >= n_domains())
            throw InvalidModel("topology: node " + std::to_string(i) + " is attached to domain " +
                               std::to_string(node_domain_[i]) + ", but there are " +
                               std::to_string(n_domains()));
        node_domain_[i] = number[node_domain_[i]];
    }
    order_nodes();
}

std::int32_t Topology::find_level(const std::string& name) const {
    for (std::int32_t i = 0; i < n_levels(); ++i)
        if (levels_[i].name == name) return i;
    return -1;
}

void Topology::check_levels() const {
    if (levels_.empty()) throw InvalidModel("topology: no levels; name at least one, the root's");
    for (std::size_t i = 0; i < levels_.size(); ++i) {
        const auto& level = levels_[i];
        if (level.name.empty())
            throw InvalidModel("topology: level " + std::to_string(i) + " has no name; give it one");
        if (find_level(level.name) != static_cast<std::int32_t>(i))
            throw InvalidModel("topology: level " + quoted(level.name) + " is named twice; rename one");
        check_figure(level, "distance", level.distance);
        check_figure(level, "latency", level.latency_ns);
        check_figure(level, "bandwidth", level.bandwidth_mib);
        if (i > 0 && level.distance > levels_[i - 1].distance)
            throw InvalidModel("topology: level " + quoted(level.name) + " has the distance " +
                               std::to_string(level.distance) + ", more than " +
                               std::to_string(levels_[i - 1].distance) + " of level " +
                               quoted(levels_[i - 1].name) +
                               " above it; distances may only shrink from the root down");
    }
}

void Topology::check_domains(const TopologySpec& spec) const {
    const std::size_t n = spec.domains.size();
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    if (n == 0) throw InvalidModel("topology: no domains; give at least the root");
    if (n >= most || spec.node_domain.size() >= most)
        throw InvalidModel("topology: more than 2^31 domains or nodes");
    if (spec.level.size() != n || spec.parent.size() != n)
        throw InvalidModel("topology: " + std::to_string(n) + " domains but " +
                           std::to_string(spec.level.size()) + " levels and " +
                           std::to_string(spec.parent.size()) + " parents; give one of each a domain");
    std::unordered_map<std::string_view, std::size_t> seen;
    seen.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
        const auto& name = spec.domains[i];
        if (!seen.emplace(name, i).second)
            throw InvalidModel("topology: domain " + quoted(name) + " is given twice; rename or drop one");
        if (spec.level[i] < 0 || spec.level[i] >= n_levels())
            throw InvalidModel("topology: domain " + quoted(name) + " is at level " +
                               std::to_string(spec.level[i]) + ", but there are " +
                               std::to_string(n_levels()));
        if (spec.parent[i] < -1 || spec.parent[i] >= static_cast<std::int32_t>(n))
            throw InvalidModel("topology: domain " + quoted(name) + " has the unknown parent " +
                               std::to_string(spec.parent[i]) +
                               "; give a domain's index, or -1 for the root");
    }
}

std::vector<std::int32_t> Topology::number_domains(const TopologySpec& spec) {
    const auto n = static_cast<std::int32_t>(spec.domains.size());
    std::int32_t root = -1;
    for (std::int32_t i = 0; i < n; ++i) {
        if (spec.parent[i] >= 0) continue;
        if (root >= 0)
            throw InvalidModel("topology: disconnected, both " + quoted(spec.domains[root]) + " and " +
                               quoted(spec.domains[i]) + " are roots; put one domain above them");
        root = i;
    }
    // Children in the order given, by a counting sort on the parent.
    std::vector<std::int32_t> first(n + 1, 0), child(n);
    for (std::int32_t i = 0; i < n; ++i)
        if (spec.parent[i] >= 0) ++first[spec.parent[i] + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    auto fill = first;
    for (std::int32_t i = 0; i < n; ++i)
        if (spec.parent[i] >= 0) child[fill[spec.parent[i]]++] = i;

    std::vector<std::int32_t> number(n, -1), stack;
    if (root >= 0) stack.push_back(root);
    parent_.reserve(n);
    level_.reserve(n);
    names_.reserve(n);
    while (!stack.empty()) {
        const auto at = stack.back();
        stack.pop_back();
        number[at] = static_cast<std::int32_t>(parent_.size());
        parent_.push_back(at == root ? -1 : number[spec.parent[at]]);
        level_.push_back(spec.level[at]);
        names_.push_back(spec.domains[at]);
        for (auto k = first[at + 1]; k-- > first[at];) stack.push_back(child[k]);
    }
    for (std::int32_t i = 0; i < n; ++i)
        if (number[i] < 0) throw InvalidModel("topology: cyclic domains " + cycle_text(spec, i));
    for (std::int32_t d = 1; d < n; ++d)
        if (level_[d] <= level_[parent_[d]])
            throw InvalidModel(
                "topology: domain " + quoted(names_[d]) + " at level " + quoted(levels_[level_[d]].name) +
                " is not below its parent " + quoted(names_[parent_[d]]) + " at level " +
                quoted(levels_[level_[parent_[d]]].name) + "; list the levels from the root down");

    subtree_end_.resize(n);
    for (std::int32_t d = 0; d < n; ++d) subtree_end_[d] = d + 1;
    for (std::int32_t d = n; d-- > 1;)
        subtree_end_[parent_[d]] = std::max(subtree_end_[parent_[d]], subtree_end_[d]);
    return number;
}

void Topology::order_nodes() {
    node_begin_.assign(n_domains() + 1, 0);
    for (const auto d : node_domain_) ++node_begin_[d + 1];
    std::partial_sum(node_begin_.begin(), node_begin_.end(), node_begin_.begin());
    auto fill = node_begin_;
    node_order_.resize(node_domain_.size());
    node_position_.resize(node_domain_.size());
    for (std::int32_t i = 0; i < n_nodes(); ++i) {
        node_position_[i] = fill[node_domain_[i]]++;
        node_order_[node_position_[i]] = i;
    }
}

void Topology::matrix(Figure figure, std::span<const std::int32_t> nodes, std::int64_t* out) const {
    const auto& value = figures_[static_cast<int>(figure)];
    const std::size_t n = nodes.size();
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return node_position_[nodes[a]] < node_position_[nodes[b]];
    });
    std::vector<std::int32_t> position(n);
    for (std::size_t k = 0; k < n; ++k) position[k] = node_position_[nodes[order[k]]];

    // Every row is filled from the node's own domain outwards: each ancestor adds what lies left and right of
    // the range already filled.
    std::vector<std::int64_t> row(n);
    const auto index = [&](std::int32_t pos) {
        return static_cast<std::size_t>(std::lower_bound(position.begin(), position.end(), pos) -
                                        position.begin());
    };
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t left = index(position[k]), right = index(position[k] + 1);
        std::fill(row.begin() + left, row.begin() + right, value[n_levels()]);
        for (auto d = node_domain_[nodes[order[k]]]; d >= 0; d = parent_[d]) {
            const std::size_t lo = index(node_begin(d)), hi = index(node_end(d));
            std::fill(row.begin() + lo, row.begin() + left, value[level_[d]]);
            std::fill(row.begin() + right, row.begin() + hi, value[level_[d]]);
            left = lo;
            right = hi;
        }
        std::int64_t* line = out + order[k] * n;
        for (std::size_t c = 0; c < n; ++c) line[order[c]] = row[c];
    }
}

}  // namespace hal
