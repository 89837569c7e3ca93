#include "halcore/policies/policy.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "halcore/model/error.h"

namespace hal {

Policy::Policy(std::string name, std::vector<Part> scorers, std::vector<FilterPtr> filters,
               std::uint64_t seed, std::uint64_t tie_seed)
    : name_(std::move(name)),
      scorers_(std::move(scorers)),
      filters_(std::move(filters)),
      seed_(seed),
      tie_seed_(tie_seed) {
    static std::atomic<std::uint64_t> next{1};
    uid_ = next++;
    if (scorers_.empty()) throw PolicyError("policy '" + name_ + "': it has no scorer");
    double total = 0;
    for (const Part& part : scorers_) {
        if (!(part.weight > 0) || !std::isfinite(part.weight)) {
            throw PolicyError("policy '" + name_ + "': the weight of '" + part.scorer->name() + "' is " +
                              std::to_string(part.weight) + "; it must be positive and finite");
        }
        total += part.weight;
    }
    for (std::size_t i = 0; i < scorers_.size(); ++i) {
        Part& part = scorers_[i];
        part.weight = scorers_.size() == 1 ? 1 : part.weight / total;
        scope_ = std::max(scope_, part.scorer->scope());
        const bool heavier = picker_ < 0 || part.weight > scorers_[picker_].weight;
        if (part.scorer->picks() && heavier) picker_ = static_cast<int>(i);
    }
    if (!filters_.empty()) scope_ = Scope::Context;
}

}  // namespace hal
