#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "halcore/reserve/compact_model.h"
#include "halcore/reserve/problem.h"

namespace hal::reserve {

/// What a start costs: weight · max(0, end - due), summed; or, as makespan, the last end alone.
struct OrderCost {
    std::span<const ReserveProblem::Time> due;
    std::span<const std::int64_t> weight;
    bool makespan = false;
};

/// Searches the orders in which requests are placed on the pools of a compact model.
///
/// Assumes a validated problem and its own model. Rule: late acceptance hill climbing (Burke and Bykov 2017)
/// over serial schedules on the pools; a move puts one request, mostly one that costs, before an earlier one,
/// or swaps two. Pools instead of bins make a schedule some hundred times cheaper; whoever calls gives the
/// starts bins. Deterministic for a seed. Cost: passes · requests · the pools a request uses.
class OrderSearch {
  public:
    using Time = ReserveProblem::Time;

    OrderSearch(const ReserveProblem& problem, const CompactModel& model, const OrderCost& cost);

    /// Improves `order` (all requests) for `passes` schedules; returns the starts of the best one, empty if
    /// no order seen places all requests.
    std::vector<Time> improve(std::vector<std::int32_t>& order, std::int64_t passes, std::uint64_t seed);

  private:
    struct Use {
        std::int64_t group;  // -1: in any case
        std::size_t pool;
        ReserveProblem::Amount amount;
    };
    std::int64_t schedule(std::span<const std::int32_t> order, std::int64_t limit);
    Time earliest(std::span<const Use> always, std::span<const Use> own, Time from, Time duration) const;

    const ReserveProblem& problem_;
    const CompactModel& model_;
    OrderCost cost_;
    std::vector<std::vector<Use>> uses_;  // by request; those of one group stand together, -1 first
    std::vector<AvailabilityProfile> profiles_;
    std::vector<Time> start_;
    std::vector<std::int64_t> paid_;  // by request
};

}  // namespace hal::reserve
