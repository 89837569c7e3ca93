#pragma once

#include <span>
#include <vector>

#include "halcore/reserve/problem.h"

namespace hal::reserve {

/// Places requests one after another, each at the earliest start that those before it leave.
///
/// Assumes a validated problem. At a start, tasks go to the group with the least room to spare, and in it to
/// the bins with the least room first; ties to the lower index. Cost of one request: the bins it may use,
/// times the starts tried; a start that fails rules out all up to the one at which enough bins have more room
/// than now. Rule: serial schedule generation (Kelley 1963).
class ListScheduler {
  public:
    using Time = ReserveProblem::Time;
    using Amount = ReserveProblem::Amount;

    explicit ListScheduler(const ReserveProblem& problem);

    /// Earliest start not before `from` that keeps the request's window; kNever if there is none.
    /// With it, `bins()` holds the bin of each task.
    Time earliest(std::size_t request, Time from);
    const std::vector<std::int32_t>& bins() const { return bins_; }
    /// Takes what the request needs from `start` on, with its tasks on `bins`.
    void take(std::size_t request, Time start, std::span<const std::int32_t> bins);

  private:
    AvailabilityProfile& profile(std::size_t bin, std::size_t resource) {
        return profiles_[bin * problem_.resources + resource];
    }
    const AvailabilityProfile& profile(std::size_t bin, std::size_t resource) const {
        return profiles_[bin * problem_.resources + resource];
    }
    Time fixed_from(std::size_t request, Time from) const;
    std::int64_t room(std::size_t request, std::size_t bin, Time start) const;
    std::int64_t most(std::size_t request, std::size_t bin) const;
    Time more_room(std::size_t request, std::size_t bin, Time from, std::int64_t count) const;
    Time group_from(std::size_t request, std::span<const std::int32_t> group, Time from, Time known,
                    std::int64_t& spare);
    void choose(std::size_t request, std::span<const std::int32_t> group, Time start);

    struct Gain {
        Time time;
        std::int64_t more;
    };
    const ReserveProblem& problem_;
    std::vector<AvailabilityProfile> profiles_;  // bins × resources
    std::vector<std::int32_t> bins_;
    std::vector<Gain> gains_;
    std::vector<std::pair<std::int64_t, std::int32_t>> fits_;
};

/// Plans the requests of `order` (others stay out), none before its entry in `not_before` (one a request).
/// A request for which nothing is left in its window stays out too.
ReservePlan list_schedule(const ReserveProblem& problem, std::span<const std::int32_t> order,
                          std::span<const ReserveProblem::Time> not_before);

}  // namespace hal::reserve
