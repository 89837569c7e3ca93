#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "halcore/replay/job_history.h"
#include "halcore/replay/job_table.h"

namespace hal::replay {

/// Guesses a runtime at submission, and a longer one whenever a job outlives its guess. Sees only what had
/// happened by then: `finished` is called as jobs end.
class Prediction {
  public:
    virtual ~Prediction() = default;
    virtual Guess at_submit(JobId, const JobRecord& job) = 0;
    virtual void started(JobId, const JobRecord&) {}
    virtual void finished(JobId, const JobRecord&, Seconds /*run*/) {}
    /// The job will not start, or was stopped before its end.
    virtual void withdrawn(JobId) {}
};

/// A guess by a function of the job and what `JobHistory` says of it; the history sees what the queue sees.
using GuessFunction = std::function<Guess(JobId, const JobRecord&, const JobHistory::Row&)>;
std::unique_ptr<Prediction> make_prediction(std::shared_ptr<JobHistory> history, GuessFunction function);

/// Names: "requested", "actual" (clairvoyant), "last_two" (Tsafrir), "given".
std::unique_ptr<Prediction> make_prediction(std::string_view name);

/// The longer guess for a running job that has outlived its guess. Returning the old guess gives up: from
/// then on the queue counts the job's processors as free.
class Correction {
  public:
    virtual ~Correction() = default;
    virtual Seconds next(const JobRecord& job) const = 0;
};

/// Names: "increments" (Tsafrir), "requested" (fall back to the request), "doubling".
std::unique_ptr<Correction> make_correction(std::string_view name);

}  // namespace hal::replay
