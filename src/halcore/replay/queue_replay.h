#pragma once

#include <span>
#include <vector>

#include "halcore/replay/dependencies.h"
#include "halcore/replay/outages.h"
#include "halcore/replay/queue_engine.h"

namespace hal::replay {

/// The columns of a log, one entry a job, in order of submission. Optional columns may be empty.
struct LogColumns {
    std::span<const Seconds> submit;
    std::span<const Seconds> run;
    std::span<const std::int32_t> procs;
    std::span<const Seconds> requested;
    std::span<const std::int32_t> user;  // optional
    std::span<const double> priority;    // optional
    std::span<const Seconds> given;      // needed by the "given" prediction
    std::span<const Seconds> fill;       // optional, `given` by default; so is rank
    std::span<const Seconds> rank;
    DependencyColumns after;               // optional
    std::span<const std::uint8_t> failed;  // optional: whether the job ends badly; for `after`
};

/// By row: those of the log, then those that jobs were given when they entered again.
struct ReplayResult {
    std::vector<Seconds> start;        // -1: never ran, because of what it waited for
    std::vector<Seconds> entered;      // when it came into the queue; -1 likewise
    std::vector<Seconds> promise;      // first promised start, -1 where the backfill rule makes none
    std::vector<Seconds> first_guess;  // the runtime predicted at submission
    std::vector<Seconds> run;          // until it ended or was stopped
    std::vector<Seconds> requested;
    std::vector<std::uint32_t> origin;  // the row of the log
};

/// Replays a log through a queue: submissions at equal times in log order, ends at equal times in order of
/// the starts. Jobs that wait for others enter when the last of those allows it, not before their submit
/// time; a job released by an end enters before further ends of that moment. InvalidModel when jobs wait for
/// each other in a circle. What `outages` (null: nothing) stops enters again at that moment, after all else
/// that happens then. Cost: O(log running) an event beside the backfill rule; memory linear in the jobs.
ReplayResult replay_queue(const LogColumns& log, QueueParts parts, Outages* outages = nullptr);

}  // namespace hal::replay
