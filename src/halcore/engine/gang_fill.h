#pragma once

#include <vector>

#include "halcore/engine/gang_capacity.h"

namespace hal {

/// Fills a domain with the tasks of a gang of one role, without a guarantee of the least distance: whatever
/// holds all that is left and is smallest, else the largest, and so on below. Where tasks run, first.
/// Precondition: capacity.may_hold(domain). O(n log n) for n nodes and domains below.
void fill_gang(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain,
               std::vector<GangShare>& shares);

/// A bound from above on what GangTables saves under a domain with one role and nothing running: at each
/// level the largest parts, as if the levels did not have to agree. O(n log n).
double saved_at_most(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain);

/// What GangTables would count as saved by these shares.
double saved_by(const GangProblem& problem, const GangCapacity& capacity, std::int32_t domain,
                const std::vector<GangShare>& shares);

/// Total pairwise distance of the shares and of the tasks that run.
std::int64_t gang_distance(const GangProblem& problem, const std::vector<GangShare>& shares);

/// The lowest common domain's level, n_levels() when all is on one node, -1 without tasks.
std::int32_t gang_spread(const GangProblem& problem, const std::vector<GangShare>& shares);

}  // namespace hal
