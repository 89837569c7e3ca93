#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace hal {

/// One named level of a topology. The figures are those of two nodes whose lowest common domain is at it.
struct TopologyLevel {
    std::string name;
    std::int64_t distance = 0;       ///< cost, >= 0, never larger than that of the level above
    std::int64_t latency_ns = 0;     ///< nanoseconds, 0 = not stated
    std::int64_t bandwidth_mib = 0;  ///< MiB/s, 0 = not stated
};

/// What a topology is built from, in any order. Domains are numbered as given, `parent` is -1 for the root.
struct TopologySpec {
    std::vector<TopologyLevel> levels;  ///< from the root down
    std::vector<std::string> domains;   ///< unique names
    std::vector<std::int32_t> level;  ///< a domain's level, strictly below that of its parent; may skip some
    std::vector<std::int32_t> parent;
    std::vector<std::int32_t> node_domain;  ///< a cluster node's lowest domain, at any level
};

/// An immutable tree of domains with cluster nodes attached to any of them.
///
/// Domains are renumbered in depth-first preorder (children in the order given), so the subtree of d is the
/// range [d, subtree_end(d)) of domains, a parent's number is below its children's, and 0 is the root. The
/// nodes under d are the range [node_begin(d), node_end(d)) of `node_order()`; those attached to d itself
/// come first. Four bytes a node and position, 24 a domain beside its name.
///
/// distance(a, b) of two nodes is that of the level of their lowest common domain, 0 for a node and itself;
/// latency likewise; bandwidth to itself is `unlimited`.
class Topology {
  public:
    static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

    /// Throws InvalidModel naming the level, domain or node at fault. O(domains + nodes).
    explicit Topology(TopologySpec spec);

    std::int32_t n_levels() const { return static_cast<std::int32_t>(levels_.size()); }
    std::int32_t n_domains() const { return static_cast<std::int32_t>(parent_.size()); }
    std::int32_t n_nodes() const { return static_cast<std::int32_t>(node_domain_.size()); }

    const std::vector<TopologyLevel>& levels() const { return levels_; }
    const std::vector<std::string>& domains() const { return names_; }
    /// The level of that name, or -1.
    std::int32_t find_level(const std::string& name) const;

    std::int32_t parent(std::int32_t domain) const { return parent_[domain]; }
    std::int32_t level(std::int32_t domain) const { return level_[domain]; }
    std::int32_t subtree_end(std::int32_t domain) const { return subtree_end_[domain]; }
    std::int32_t node_begin(std::int32_t domain) const { return node_begin_[domain]; }
    std::int32_t node_end(std::int32_t domain) const { return node_begin_[subtree_end_[domain]]; }
    std::int32_t node_domain(std::int32_t node) const { return node_domain_[node]; }

    std::span<const std::int32_t> parents() const { return parent_; }
    std::span<const std::int32_t> domain_levels() const { return level_; }
    std::span<const std::int32_t> subtree_ends() const { return subtree_end_; }
    /// Per domain the position in node_order() of its first node, and one more at the end.
    std::span<const std::int32_t> node_begins() const { return node_begin_; }
    std::span<const std::int32_t> node_domains() const { return node_domain_; }
    std::span<const std::int32_t> node_order() const { return node_order_; }
    /// The inverse of node_order().
    std::span<const std::int32_t> node_position() const { return node_position_; }

    /// Lowest common domain of two domains. O(depth): a parent's number is below its children's.
    std::int32_t common_domain(std::int32_t a, std::int32_t b) const {
        while (a != b) (a > b ? a : b) = parent_[a > b ? a : b];
        return a;
    }
    /// Level of the lowest common domain of two nodes; n_levels() for a node and itself.
    std::int32_t common_level(std::int32_t node, std::int32_t other) const {
        if (node == other) return n_levels();
        return level_[common_domain(node_domain_[node], node_domain_[other])];
    }
    std::int64_t distance(std::int32_t node, std::int32_t other) const {
        return figures_[0][common_level(node, other)];
    }
    std::int64_t latency_ns(std::int32_t node, std::int32_t other) const {
        return figures_[1][common_level(node, other)];
    }
    std::int64_t bandwidth_mib(std::int32_t node, std::int32_t other) const {
        return figures_[2][common_level(node, other)];
    }
    /// The distance of a level; that of n_levels(), a node and itself, is 0.
    std::int64_t level_distance(std::int32_t level) const { return figures_[0][level]; }

    enum class Figure { distance = 0, latency_ns = 1, bandwidth_mib = 2 };

    /// Row-major matrix of one figure between the given nodes, `out` of size nodes². O(n² + n·depth).
    void matrix(Figure figure, std::span<const std::int32_t> nodes, std::int64_t* out) const;

  private:
    void check_levels() const;
    void check_domains(const TopologySpec& spec) const;
    std::vector<std::int32_t> number_domains(const TopologySpec& spec);
    void order_nodes();

    std::vector<TopologyLevel> levels_;
    std::vector<std::int64_t> figures_[3];  // per level and, last, for a node and itself
    std::vector<std::string> names_;
    std::vector<std::int32_t> parent_, level_, subtree_end_, node_begin_;
    std::vector<std::int32_t> node_domain_, node_order_, node_position_;
};

}  // namespace hal
