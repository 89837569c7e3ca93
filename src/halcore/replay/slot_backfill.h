#pragma once

#include <vector>

#include "halcore/replay/backfill.h"

namespace hal::replay {

/// PolicyError for depths, windows and resolutions that make no sense.
void check_slots(const BackfillOptions& options);

/// Backfilling as sites configure it: time ahead is cut into slots, and in every pass the first `depth` jobs
/// of the queue are planned one after the other, each at the earliest slots of the window in which it fits;
/// those whose first slot is the present start. Plans are made anew in every pass, so nobody is promised
/// anything.
///
/// A slot counts as free only what is free throughout; beyond the window everything counts as free, but a job
/// that would run into a hold out there waits until the hold is seen.
/// Cost: depth * (window / resolution) a pass. Source: Slurm's sched/backfill (bf_max_job_test, bf_window,
/// bf_resolution).
class SlotBackfill final : public Backfill {
  public:
    SlotBackfill(const BackfillOptions& options, std::vector<Hold> holds);
    void schedule(QueueState& state) override;
    Seconds next_wake() const override { return wake_; }

  private:
    void fill_slots(const QueueState& state);
    std::size_t slots_until(Seconds span) const;
    bool reaches_unseen_hold(Seconds end) const;
    std::size_t find(std::size_t length, std::int64_t procs) const;

    std::int32_t depth_;
    Seconds resolution_;
    std::vector<Hold> holds_;
    std::vector<std::int64_t> free_;  // by slot
    Seconds window_end_ = 0;
    Seconds wake_ = kNever;
};

}  // namespace hal::replay
