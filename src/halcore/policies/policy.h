#pragma once

#include <string>
#include <vector>

#include "halcore/policies/filter.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// Filters and weighted scorers. Immutable; `uid` tells policies apart in an engine's caches.
class Policy {
  public:
    struct Part {
        ScorerPtr scorer;
        double weight;
    };
    /// PolicyError unless there is a scorer, and each weight is finite and positive.
    Policy(std::string name, std::vector<Part> scorers, std::vector<FilterPtr> filters, std::uint64_t seed,
           std::uint64_t tie_seed);

    const std::string& name() const { return name_; }
    const std::vector<Part>& scorers() const { return scorers_; }  // weights add up to 1
    const std::vector<FilterPtr>& filters() const { return filters_; }
    std::uint64_t seed() const { return seed_; }
    std::uint64_t tie_seed() const { return tie_seed_; }  // 0: ties go to the lower node index
    std::uint64_t uid() const { return uid_; }
    /// The widest of the parts'; below Context decisions come from an index.
    Scope scope() const { return scope_; }
    /// The scorer that chooses devices: of those that pick the one that weighs most; -1: the tightest are
    /// taken.
    int picker() const { return picker_; }

  private:
    std::string name_;
    std::vector<Part> scorers_;
    std::vector<FilterPtr> filters_;
    std::uint64_t seed_, tie_seed_, uid_;
    Scope scope_ = Scope::Node;
    int picker_ = -1;
};

}  // namespace hal
