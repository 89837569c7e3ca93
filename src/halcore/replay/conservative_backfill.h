#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "halcore/replay/backfill.h"
#include "halcore/reserve/profile.h"

namespace hal::replay {

/// Conservative backfilling: every job gets a reservation when it is submitted, at the earliest time that
/// disturbs nobody's; that is its promise. When a job ends early, each waiting job in queue order is lifted
/// out of the plan and put back at its earliest start, which is never later than before.
///
/// As long as predictions are upper bounds no job starts later than its promise. When a job outlives its
/// prediction and so takes what was promised to others, or the queue was not looked at when a start was due,
/// all reservations are made anew in queue order.
/// Cost: a search in the profile for each waiting job at each early end.
/// Source: Mu'alem and Feitelson, TPDS 2001 (with compression).
class ConservativeBackfill final : public Backfill {
  public:
    explicit ConservativeBackfill(std::vector<Hold> holds) : holds_(std::move(holds)) {}
    void submitted(const QueueState& state, JobId job) override;
    void finished(const QueueState& state, JobId job, Seconds planned_end) override;
    void extended(const QueueState& state, JobId job, Seconds old_end) override;
    void withdrawn(const QueueState& state, JobId job) override;
    void schedule(QueueState& state) override;
    Seconds next_wake() const override { return wake_; }
    Seconds promise(JobId job) const override { return promise_[job]; }

  private:
    void open_profile(const QueueState& state);
    void compress(const QueueState& state);
    void plan_anew(const QueueState& state);
    void start_due(QueueState& state);

    std::vector<Hold> holds_;
    std::optional<reserve::AvailabilityProfile> profile_;  // from the first event on
    std::vector<Seconds> planned_;                         // by job
    std::vector<Seconds> promise_;                         // by job
    Seconds wake_ = kNever;                                // earliest planned start of a waiting job
    bool freed_ = false;                                   // something has been freed ahead of its time
    bool overbooked_ = false;                              // something may have been taken twice
};

}  // namespace hal::replay
