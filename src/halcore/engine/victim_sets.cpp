#include "halcore/engine/victim_sets.h"

#include <algorithm>
#include <tuple>

namespace hal {
namespace {

constexpr std::int64_t kStepsATry = 64;  // nodes of the search tree that cost about as much as one try

}  // namespace

VictimSets::VictimSets(std::vector<Candidate> candidates, std::int64_t effort)
    : candidates_(std::move(candidates)), effort_(effort) {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.priority, a.lost, a.tasks, a.job) < std::tie(b.priority, b.lost, b.tasks, b.job);
    });
}

// Every set of fewer jobs has to be refuted.
bool VictimSets::worth_beginning(std::int64_t jobs) const {
    const auto n = static_cast<std::int64_t>(candidates_.size());
    std::int64_t sets = 1, of_size = 1;
    for (std::int64_t k = 1; k < jobs; ++k) {
        of_size = of_size * (n - k + 1) / k;
        sets += of_size;
        if (sets > effort_) return false;
    }
    return true;
}

std::optional<std::vector<JobId>> VictimSets::cheapest(const VictimCost& below, const Works& works) {
    const std::int64_t most = std::min(below.jobs, static_cast<std::int64_t>(candidates_.size()));
    complete_ = worth_beginning(most);
    if (!complete_) return std::nullopt;
    works_ = &works;
    limit_ = below;
    best_.reset();
    tries_ = steps_ = 0;
    for (std::int64_t jobs = 1; jobs <= most && !best_ && complete_; ++jobs)
        descend(0, jobs, VictimCost{.jobs = jobs});
    return best_;
}

void VictimSets::descend(std::size_t from, std::int64_t left, const VictimCost& cost) {
    if (left == 0) {
        std::vector<JobId> ids = picks_;
        std::sort(ids.begin(), ids.end());
        ++tries_;
        if ((*works_)(ids)) limit_ = cost, best_ = std::move(ids);
        return;
    }
    for (std::size_t i = from; i + static_cast<std::size_t>(left) <= candidates_.size(); ++i) {
        if (tries_ >= effort_ || ++steps_ >= kStepsATry * effort_) {
            complete_ = false;
            return;
        }
        const Candidate& c = candidates_[i];
        VictimCost next = cost;
        next.worst = std::max<std::int64_t>(next.worst, c.priority);
        next.priorities += c.priority;
        next.lost += c.lost;
        next.tasks += c.tasks;
        VictimCost least = next;  // those after it are of no lower priority
        least.priorities += (left - 1) * c.priority;
        if (!(least < limit_)) continue;
        picks_.push_back(c.job);
        descend(i + 1, left - 1, next);
        picks_.pop_back();
    }
}

}  // namespace hal
