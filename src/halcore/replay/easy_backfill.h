#pragma once

#include "halcore/replay/backfill.h"

namespace hal::replay {

/// No backfilling: the head of the queue waits, and everybody behind it. Cost: one comparison an event.
class NoBackfill final : public Backfill {
  public:
    void schedule(QueueState& state) override;
};

/// EASY: the head of the queue alone has a reservation, at the *shadow time*, the first moment by which
/// enough running jobs are predicted to have ended; `extra` processors are spare then.
///
/// A waiting job starts now if it fits the free processors and either is predicted to end by the shadow time
/// or needs at most `extra`. Candidates come in queue order, or shortest predicted first, ties by submission
/// (SJBF). Cost: nothing but the new job is examined after a submission as long as the head's reservation
/// stands; otherwise one scan of the running and one of the waiting jobs.
/// Sources: Lifka 1995; Tsafrir et al., TPDS 2007 (SJBF).
class EasyBackfill final : public Backfill {
  public:
    explicit EasyBackfill(bool shortest_first) : shortest_first_(shortest_first) {}
    void submitted(const QueueState& state, JobId job) override;
    void finished(const QueueState&, JobId, Seconds) override { stale_ = true; }
    void extended(const QueueState&, JobId, Seconds) override { stale_ = true; }
    void expired(const QueueState&, JobId) override { stale_ = true; }
    void withdrawn(const QueueState& state, JobId job) override;
    void schedule(QueueState& state) override;
    bool fills_apart() const override { return true; }

  private:
    void reserve_for_head(const QueueState& state);
    bool may_start(const QueueState& state, JobId job) const;
    void start(QueueState& state, JobId job);
    void fill_from(QueueState& state, const OrderedQueue& candidates, JobId head);

    bool shortest_first_;
    OrderedQueue by_length_;      // used when shortest_first_
    std::vector<JobId> arrived_;  // since the last pass
    bool stale_ = true;           // the reservation no longer holds, or the head may fit
    JobId head_ = 0;
    Seconds shadow_ = 0;
    std::int64_t extra_ = 0;
};

}  // namespace hal::replay
