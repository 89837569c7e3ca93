#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace hal::replay {

using Seconds = std::int64_t;  // durations and points in time, whole seconds from any epoch
using JobId = std::uint32_t;   // rank in order of submission

inline constexpr Seconds kNever = std::numeric_limits<Seconds>::max();
inline constexpr Seconds kMaxDuration = std::numeric_limits<std::int32_t>::max() - 1;  // 68 years

/// What is believed of a job's runtime at its submission, for each use. Most predictions have one value for
/// all.
struct Guess {
    Seconds hold;  // how long it will hold its processors once started: others' reservations are made by it
    Seconds fill;  // how long it may take at worst when it fills a gap before a reservation
    Seconds rank;  // how long it is compared with other jobs

    static Guess all(Seconds runtime) { return {runtime, runtime, runtime}; }
};

/// What is known of a job when it is submitted. `run` is the truth: only the clairvoyant prediction, and the
/// replay loop that ends jobs, look at it (live queues leave it 0).
struct JobSpec {
    Seconds run = 0;
    Seconds requested = 0;
    std::int32_t procs = 1;
    std::int32_t user = -1;
    double priority = 0.0;  // larger is more urgent
    Guess given{};          // for the "given" prediction
    std::uint32_t row = 0;  // the caller's own number for it
};

struct JobRecord : JobSpec {
    std::int32_t corrections = 0;  // first: it fills the gap behind `row`
    Seconds submit = 0;
    Seconds start = -1;     // -1: waiting
    Seconds end = -1;       // -1: not yet
    Seconds predicted = 0;  // runtime by which the queue plans; grows when it proves too short
    Seconds fill = 0;       // runtime assumed when asked whether the job fits before somebody's reservation
    Seconds rank = 0;       // runtime by which orders and shortest-first backfilling compare jobs
    Seconds first_guess = 0;

    bool waits() const { return start < 0 && end < 0; }
    bool runs() const { return start >= 0 && end < 0; }
    Seconds predicted_end() const { return start + predicted; }
};

using JobTable = std::vector<JobRecord>;

}  // namespace hal::replay
