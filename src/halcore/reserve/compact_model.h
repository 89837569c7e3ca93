#pragma once

#include <span>
#include <vector>

#include "halcore/reserve/problem.h"

namespace hal::reserve {

/// One use of a pool: `amount` while the request runs, if it lies in `group` (-1: in any case).
struct PoolUse {
    std::int32_t request;
    std::int64_t group;
    ReserveProblem::Amount amount;
};

/// Bins seen as one: at no time may its uses exceed its capacity.
struct Pool {
    ReserveProblem::Amount capacity;
    std::vector<PoolUse> uses;
};

/// What a solver needs to know of a problem, without its bins.
///
/// Every plan of the problem keeps all pools, so that what the pools forbid is impossible and a bound on
/// their optimum is one on the problem's. The reverse need not hold: tasks that fit a pool may not fit its
/// bins.
struct CompactModel {
    std::vector<ReserveProblem::Time> earliest;  // start; after what cannot move has been set aside
    std::vector<ReserveProblem::Time> latest;    // start; before `earliest` when nothing is left
    std::vector<Pool> pools;
};

/// Builds the pools: every set of bins that is a group, or all groups of a choice together, is one pool a
/// resource, used by the requests that must lie inside it. Where amounts do not divide a bin evenly, pools of
/// rounded amounts (dual feasible functions u(1) and u(2) of Fekete and Schepers 1998) say how many tasks
/// share a bin. Fixed bins with several uses are pools of their own. `last` is the latest end of each request
/// that matters (kNever: all do). Cost: sets × (requests + bins), and one search a request.
CompactModel compact(const ReserveProblem& problem, std::span<const ReserveProblem::Time> last);

}  // namespace hal::reserve
