#pragma once

#include "halcore/engine/gang_problem.h"

namespace hal {

/// Places a gang as numbers: all of it or none.
///
/// Rule: the narrowest spread first (from single nodes up to the required level; below the preferred level
/// narrower is no better), then the least total pairwise distance, then the domain with the least room to
/// spare, then the lowest position. The shares are in tree order, so that ranks given along them are
/// neighbours in the tree, and slices of consecutive ranks stay in their domains.
///
/// Exact (GangTables) while that costs no more than `effort` additions in all; then one role is filled
/// greedily and several are placed one after the other, and GangAnswer::exact is false unless a bound shows
/// that nothing better exists. With one role an answer is found whenever there is one; with several, whenever
/// there is one within the effort.
///
/// Cost: O(levels · (domains + nodes)) to prune, and the effort at most.
GangAnswer solve_gang(const GangProblem& problem, double effort = 1e6);

/// The most tasks of the role, no more than it asks for and in whole slices, that some domain allowed by the
/// required level holds when the other roles get none. O(domains + nodes).
std::int32_t gang_room(const GangProblem& problem, std::size_t role);

}  // namespace hal
