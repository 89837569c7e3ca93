#pragma once

#include <memory>
#include <span>
#include <vector>

#include "halcore/replay/backfill.h"
#include "halcore/replay/prediction.h"
#include "halcore/replay/queue_state.h"

namespace hal::replay {

struct QueueParts {
    std::int64_t processors = 0;
    std::unique_ptr<Order> order;
    std::unique_ptr<Backfill> backfill;
    std::unique_ptr<Prediction> prediction;
    std::unique_ptr<Correction> correction;
    bool runs_known = false;  // replay: JobSpec::run is the truth, so a run as long as predicted is on time
};

/// A batch queue in front of a count of processors: told of submissions and ends, it says which jobs start.
/// The same object serves live schedulers and replay. Time never goes back.
///
/// At equal times the caller reports submissions before ends. Predictions that have expired are corrected
/// first, before either; the backfill rule then runs after every single submission and every single end.
/// In a replay, a job whose predicted end has come counts as free; live, it counts until its end is reported.
class QueueEngine {
  public:
    explicit QueueEngine(QueueParts parts);

    /// Makes room for `jobs` submissions.
    void reserve(std::size_t jobs);
    /// Queues a job and returns its id, its rank in order of submission.
    JobId submit(Seconds now, const JobSpec& job);
    void finish(Seconds now, JobId job);
    /// Takes a running job off before its end: its runtime stays unknown.
    void stop(Seconds now, JobId job);
    /// Takes a waiting job out of the queue for good.
    void cancel(Seconds now, JobId job);
    /// Lets time pass: predictions that have expired are corrected, and the queue is looked at again.
    void tick(Seconds now);
    /// When `tick` is due if nothing happens before; kNever if nothing is planned.
    Seconds next_wake() const { return backfill_->next_wake(); }
    /// Jobs started by the last call, in the order of their starts.
    std::span<const JobId> started() const { return state_.started_; }

    const QueueState& state() const { return state_; }
    Seconds promise(JobId job) const { return backfill_->promise(job); }

  private:
    void advance(Seconds now);
    void schedule();
    void correct(JobId job);
    Seconds take_off(Seconds now, JobId job, const char* why);

    QueueState state_;
    std::unique_ptr<Backfill> backfill_;
    std::unique_ptr<Prediction> prediction_;
    std::unique_ptr<Correction> correction_;
    bool runs_known_;
};

}  // namespace hal::replay
