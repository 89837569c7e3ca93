#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "halcore/reserve/profile.h"

namespace hal::reserve {

/// What is to be reserved, as columns.
///
/// A *bin* is whatever has a capacity over time: a node or a cache. A request holds for `duration` seconds,
/// within [release, deadline], given amounts of given bins (*fixed*: caches, nodes under maintenance), and in
/// addition `tasks` equal tasks that each take `demand` of one bin. Where those may go is a *choice*: groups
/// of bins (domains of a topology level, or one group of all eligible nodes), in exactly one of which all
/// tasks lie.
struct ReserveProblem {
    using Time = AvailabilityProfile::Time;
    using Amount = AvailabilityProfile::Amount;

    std::size_t resources = 1;
    std::vector<Amount> capacity;  // bins × resources

    std::vector<Time> duration;  // > 0
    std::vector<Time> release;
    std::vector<Time> deadline;  // latest end
    std::vector<std::int32_t> tasks;
    std::vector<std::uint8_t> whole;   // a task takes all of its bin, whatever its demand
    std::vector<std::int32_t> choice;  // not looked at without tasks
    std::vector<Amount> demand;        // requests × resources
    std::vector<std::int64_t> fixed_first;
    std::vector<std::int32_t> fixed_bin;
    std::vector<Amount> fixed_amount;  // fixed × resources

    std::vector<std::int64_t> choice_first;  // choice → groups
    std::vector<std::int64_t> group_first;   // group → group_bin
    std::vector<std::int32_t> group_bin;     // increasing within a group

    std::size_t bins() const { return capacity.size() / resources; }
    std::size_t requests() const { return duration.size(); }
    std::span<const std::int32_t> group(std::int64_t index) const {
        const auto g = static_cast<std::size_t>(index);
        return {group_bin.data() + group_first[g], group_bin.data() + group_first[g + 1]};
    }
    std::int64_t groups_begin(std::size_t request) const {
        return choice_first[static_cast<std::size_t>(choice[request])];
    }
    std::int64_t groups_end(std::size_t request) const {
        return choice_first[static_cast<std::size_t>(choice[request]) + 1];
    }
    /// What one task of `request` takes of `resource` on `bin`.
    Amount need(std::size_t request, std::size_t bin, std::size_t resource) const {
        return whole[request] ? capacity[bin * resources + resource] : demand[request * resources + resource];
    }

    /// Throws InvalidModel, naming column and row, unless every length, index and amount is in range.
    void validate() const;
};

/// When every request starts and on which bin each of its tasks lies.
struct ReservePlan {
    std::vector<ReserveProblem::Time> start;  // AvailabilityProfile::kNever: not in the plan
    std::vector<std::int64_t> first;          // request → bin
    std::vector<std::int32_t> bin;            // one a task, none for requests outside the plan
};

}  // namespace hal::reserve
