#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "halcore/engine/victims.h"

namespace hal {

/// The cheapest set of whole jobs, wherever they run, without which something works: for what depends on more
/// than one node, where VictimSearch does not see far enough (rules, quotas, gangs and their levels).
///
/// Sets in order of their number of jobs, cheaper jobs first; a branch ends when it cannot cost less than the
/// best set known. Nothing is assumed of `works`, not even that a larger set works where a smaller does.
/// Exact unless the effort runs out; when there are more sets to refute than that, not begun at all.
class VictimSets {
  public:
    struct Candidate {
        JobId job = kNoJob;
        std::int32_t priority = 0;
        std::int64_t lost = 0, tasks = 0;  // when all of it stops
    };
    using Works = std::function<bool(const std::vector<JobId>&)>;  // by id

    VictimSets(std::vector<Candidate> candidates, std::int64_t effort);

    /// The cheapest set that works below a cost.
    std::optional<std::vector<JobId>> cheapest(const VictimCost& below, const Works& works);
    /// Whether cheapest() looked at all that it had to.
    bool complete() const { return complete_; }

  private:
    bool worth_beginning(std::int64_t jobs) const;
    void descend(std::size_t from, std::int64_t left, const VictimCost& cost);

    std::vector<Candidate> candidates_;  // by priority, work lost, tasks, id
    std::int64_t effort_, tries_ = 0, steps_ = 0;
    bool complete_ = true;
    const Works* works_ = nullptr;
    std::vector<JobId> picks_;
    VictimCost limit_;
    std::optional<std::vector<JobId>> best_;
};

}  // namespace hal
