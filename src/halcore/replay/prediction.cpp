#include "halcore/replay/prediction.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "halcore/model/error.h"

namespace hal::replay {
namespace {

struct Requested final : Prediction {
    Guess at_submit(JobId, const JobRecord& job) override { return Guess::all(job.requested); }
};

struct Actual final : Prediction {
    Guess at_submit(JobId, const JobRecord& job) override { return Guess::all(job.run); }
};

struct Given final : Prediction {
    Guess at_submit(JobId, const JobRecord& job) override { return job.given; }
};

/// Mean of the user's two last finished runs, at most the request; the request until there are two.
/// Source: Tsafrir, Etsion, Feitelson, TPDS 2007.
class LastTwo final : public Prediction {
  public:
    Guess at_submit(JobId, const JobRecord& job) override {
        const auto found = history_.find(job.user);
        if (found == history_.end() || found->second.before < 0) return Guess::all(job.requested);
        return Guess::all(std::min(job.requested, (found->second.last + found->second.before) / 2));
    }

    void finished(JobId, const JobRecord& job, Seconds run) override {
        History& history = history_[job.user];
        history.before = history.last;
        history.last = run;
    }

  private:
    struct History {
        Seconds last = -1;
        Seconds before = -1;
    };
    std::unordered_map<std::int32_t, History> history_;  // looked up, never iterated
};

class Learned final : public Prediction {
  public:
    Learned(std::shared_ptr<JobHistory> history, GuessFunction function)
        : history_(std::move(history)), function_(std::move(function)) {}

    Guess at_submit(JobId id, const JobRecord& job) override {
        return function_(id, job, history_->submitted(id, job.submit, job));
    }
    void started(JobId id, const JobRecord& job) override { history_->started(id, job.start); }
    void finished(JobId id, const JobRecord& job, Seconds run) override {
        history_->finished(id, job.end, run);
    }
    void withdrawn(JobId id) override { history_->withdrawn(id); }

  private:
    std::shared_ptr<JobHistory> history_;
    GuessFunction function_;
};

/// First guess + 1, 5, 15, 30 min, 1, 2, 5, 10, 20, 50, 100 h, at most the request; then the request.
/// Source: the same paper; the steps are those of the SC'15 artefact (REFERENCES.md, section 2).
struct Increments final : Correction {
    static constexpr std::array<Seconds, 11> kSteps{60,    300,   900,   1800,   3600,  7200,
                                                    18000, 36000, 72000, 180000, 360000};
    Seconds next(const JobRecord& job) const override {
        if (job.corrections >= static_cast<std::int32_t>(kSteps.size())) return job.requested;
        return std::min(job.requested, job.first_guess + kSteps[job.corrections]);
    }
};

struct FallBack final : Correction {
    Seconds next(const JobRecord& job) const override { return job.requested; }
};

struct Doubling final : Correction {
    Seconds next(const JobRecord& job) const override {
        return std::min(job.requested, std::max<Seconds>(1, 2 * job.predicted));
    }
};

}  // namespace

std::unique_ptr<Prediction> make_prediction(std::string_view name) {
    if (name == "requested") return std::make_unique<Requested>();
    if (name == "actual") return std::make_unique<Actual>();
    if (name == "last_two") return std::make_unique<LastTwo>();
    if (name == "given") return std::make_unique<Given>();
    throw PolicyError("prediction: unknown name '" + std::string(name) +
                      "'; use requested, actual, last_two or given");
}

std::unique_ptr<Prediction> make_prediction(std::shared_ptr<JobHistory> history, GuessFunction function) {
    return std::make_unique<Learned>(std::move(history), std::move(function));
}

std::unique_ptr<Correction> make_correction(std::string_view name) {
    if (name == "increments") return std::make_unique<Increments>();
    if (name == "requested") return std::make_unique<FallBack>();
    if (name == "doubling") return std::make_unique<Doubling>();
    throw PolicyError("correction: unknown name '" + std::string(name) +
                      "'; use increments, requested or doubling");
}

}  // namespace hal::replay
