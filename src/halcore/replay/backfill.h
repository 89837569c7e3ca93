#pragma once

#include <memory>
#include <string>
#include <vector>

#include "halcore/replay/queue_state.h"

namespace hal::replay {

/// Decides which waiting jobs start now. `schedule` runs after every submission and every end; the other
/// calls tell, in between, what has changed since.
class Backfill {
  public:
    virtual ~Backfill() = default;
    virtual void submitted(const QueueState&, JobId) {}
    /// `planned_end` is the end by prediction, now or earlier if the job had outlived it.
    virtual void finished(const QueueState&, JobId, Seconds /*planned_end*/) {}
    /// A running job is now predicted to end later than `old_end`.
    virtual void extended(const QueueState&, JobId, Seconds /*old_end*/) {}
    /// A running job has come to its predicted end: from now on its processors count as free.
    virtual void expired(const QueueState&, JobId) {}
    /// A waiting job has left the queue without a start.
    virtual void withdrawn(const QueueState&, JobId) {}
    virtual void schedule(QueueState& state) = 0;
    /// Whether it tells how long a job holds its processors from how long it is assumed to when it fills a
    /// gap.
    virtual bool fills_apart() const { return false; }
    /// The next moment at which the rule wants to be asked again although nothing happens; kNever if none.
    virtual Seconds next_wake() const { return kNever; }
    /// When the job was first promised to start, for rules that make promises; -1 otherwise.
    virtual Seconds promise(JobId) const { return -1; }
};

/// Processors that jobs may not use in [begin, end): an advance reservation, a maintenance.
struct Hold {
    Seconds begin;
    Seconds end;
    std::int64_t procs;
};

struct BackfillOptions {
    std::int32_t depth = 100;  // slots: jobs examined in a pass
    Seconds window = 86400;    // slots: how far ahead it plans
    Seconds resolution = 60;   // slots: length of a slot
};

/// Names: "none", "easy", "easy_sjbf", "conservative", "slots".
/// Only the last two plan far enough ahead to respect holds.
std::unique_ptr<Backfill> make_backfill(const std::string& name, const BackfillOptions& options = {},
                                        std::vector<Hold> holds = {});

/// PolicyError, for rules that cannot keep holds, and for unknown names.
[[noreturn]] void refuse_holds(const std::string& name);
[[noreturn]] void refuse_backfill(const std::string& name);

}  // namespace hal::replay
