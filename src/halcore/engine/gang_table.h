#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "halcore/engine/gang_capacity.h"

namespace hal {

/// Assumes the figures of a tree: distances do not grow from the root down. Then the total pairwise distance
/// is (distance of the root) · pairs(all) − sum over domains and nodes of (distance of the parent − own) ·
/// pairs(tasks inside), so each subtree is a table "most saved by the count of each role put there", and a
/// domain's is the max-plus product of those of what it holds. Exact while the sums stay below 2^53.
///
/// Cost: O(nodes · tasks) for one role; for several, tasks is the product of their counts.
class GangTables {
  public:
    GangTables(const GangProblem& problem, const GangCapacity& capacity);

    /// Additions that best() would need for a domain, to decide beforehand whether it is worth it.
    double cost(std::int32_t domain);
    /// Most saved with the whole gang under the domain; -infinity when it does not fit.
    double best(std::int32_t domain);
    /// A placement that saves best(). Appends to `shares`.
    void trace(std::int32_t domain, std::vector<GangShare>& shares);

  private:
    /// Mixed radix, the last role fastest; -infinity where the counts do not fit.
    struct Table {
        std::vector<std::int32_t> most;  // per role
        std::vector<double> value;
    };
    /// Something that hangs from a domain: a child, a node, or all its nodes at once (a group).
    struct Part {
        enum class Kind { group, node, child } kind;
        std::int32_t id;
    };
    using Counts = std::vector<std::int32_t>;

    std::vector<Part> parts(std::int32_t domain) const;
    std::vector<std::int32_t> group_nodes(std::int32_t domain) const;
    std::int32_t group_size(std::int32_t domain, std::int32_t position) const;
    std::int64_t part_most(const Part& part, std::int32_t domain, std::size_t role) const;
    Table part_table(const Part& part, std::int32_t domain);
    Table group_table(std::int32_t domain) const;
    Table node_table(std::int32_t domain, std::int32_t position) const;
    const Table& lifted(std::int32_t domain);
    Table inside(std::int32_t domain);
    Table merge(const Table& a, const Table& b) const;
    Table empty(Counts most) const;
    /// Adds weight · (pairs among n tasks, and of them with `running` ones), and drops broken slices.
    template <class EndsSlice>
    void settle(Table& table, double weight, std::int64_t running, EndsSlice&& ends_slice) const;
    void trace(std::int32_t domain, Counts counts, std::vector<GangShare>& shares);
    void trace_group(std::int32_t domain, std::int32_t tasks, std::vector<GangShare>& shares) const;

    const GangProblem& problem_;
    const GangCapacity& capacity_;
    std::size_t roles_;
    std::unordered_map<std::int32_t, Table> lifted_;  // looked up only, never walked
    std::unordered_map<std::int32_t, double> cost_;
};

}  // namespace hal
