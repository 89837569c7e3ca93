#pragma once

#include <map>
#include <vector>

#include "halcore/engine/preempt.h"

namespace hal {

/// What a plan may still stop under each disruption budget.
class BudgetBook {
  public:
    using Left = std::vector<std::int64_t>;  // tasks, by budget

    explicit BudgetBook(const std::vector<DisruptionBudget>& budgets) {
        for (std::size_t b = 0; b < budgets.size(); ++b) {
            full_.push_back(budgets[b].tasks);
            for (const JobId id : budgets[b].jobs) of_[id].push_back(b);
        }
    }
    const Left& full() const { return full_; }
    /// Whether so many tasks of a job are within what is left, which they are taken from either way.
    bool charge(Left& left, JobId id, std::size_t tasks) const {
        const auto it = of_.find(id);
        if (it == of_.end()) return true;
        bool within = true;
        for (const std::size_t b : it->second) within &= (left[b] -= static_cast<std::int64_t>(tasks)) >= 0;
        return within;
    }

  private:
    std::map<JobId, std::vector<std::size_t>> of_;
    Left full_;
};

}  // namespace hal
