#pragma once

#include <string>
#include <vector>

#include "halcore/reserve/problem.h"

namespace hal::reserve {

enum class Breach : std::uint8_t { Window, Tasks, Group, Capacity };

/// A rule that a plan breaks: by which request and, where it matters, on which bin (else -1), resource and
/// when.
struct Violation {
    Breach breach;
    std::int32_t request;
    std::int32_t bin = -1;
    std::int32_t resource = -1;
    ReserveProblem::Time time = 0;
};

/// Everything that is wrong with a plan; empty: the plan can be carried out. Requests outside it are no
/// fault.
///
/// Assumes a validated problem and nothing of the plan but the lengths of its columns. Shares no code with
/// what makes plans: amounts are added up over sorted events, bin by bin; O(events · log events · resources).
std::vector<Violation> check_plan(const ReserveProblem& problem, const ReservePlan& plan);

}  // namespace hal::reserve
