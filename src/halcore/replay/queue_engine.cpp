#include "halcore/replay/queue_engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "halcore/model/error.h"

namespace hal::replay {
namespace {

void check_job(const JobSpec& job, std::int64_t processors) {
    const auto fail = [](const std::string& what) { throw InvalidModel("job: " + what); };
    const auto check_duration = [&](const char* name, Seconds value) {
        if (value < 0 || value > kMaxDuration)
            fail(std::string(name) + " is " + std::to_string(value) + " s; give 0 to " +
                 std::to_string(kMaxDuration));
    };
    check_duration("run", job.run);
    check_duration("requested", job.requested);
    check_duration("given prediction", job.given.hold);
    check_duration("given prediction for filling", job.given.fill);
    check_duration("given prediction for ranking", job.given.rank);
    if (job.procs < 1) fail("procs is " + std::to_string(job.procs) + "; give at least 1");
    if (job.procs > processors)
        fail("procs is " + std::to_string(job.procs) + ", wider than the machine of " +
             std::to_string(processors) + "; leave the job out or give a larger machine");
}

void check_guess(const Guess& guess) {
    for (const Seconds value : {guess.hold, guess.fill, guess.rank})
        if (value < 0 || value > kMaxDuration)
            throw PolicyError("prediction: a runtime of " + std::to_string(value) + " s; return 0 to " +
                              std::to_string(kMaxDuration));
}

}  // namespace

void QueueState::sort_queue_now() {
    if (queue_.size() < 2) return;
    const std::size_t first = queue_.head();
    std::vector<JobId> waiting;
    std::vector<std::size_t> place;
    for (std::size_t at = first; at < queue_.end(); at = queue_.skip_gaps(at + 1)) {
        waiting.push_back(queue_.job(at));
        place.push_back(at - first);
    }
    std::vector<double> keys(waiting.size());
    order_->keys(jobs_, waiting, now_, keys);
    std::vector<double> by_place(queue_.end() - first, 0.0);
    for (std::size_t i = 0; i < waiting.size(); ++i) by_place[place[i]] = keys_[waiting[i]] = keys[i];
    queue_.rekey(by_place);
}

void QueueState::start(JobId job) {
    JobRecord& record = jobs_[job];
    record.start = now_;
    queue_.erase(keys_[job], job);
    // A run predicted to take no time never holds processors; `advance` corrects it if it goes on.
    if (record.predicted > 0) running_.insert({record.predicted_end(), record.procs, job});
    started_.push_back(job);
}

QueueEngine::QueueEngine(QueueParts parts)
    : state_(parts.processors, std::move(parts.order)),
      backfill_(std::move(parts.backfill)),
      prediction_(std::move(parts.prediction)),
      correction_(std::move(parts.correction)),
      runs_known_(parts.runs_known) {
    if (parts.processors < 1 || parts.processors > kMaxDuration)
        throw InvalidModel("processors is " + std::to_string(parts.processors) + "; give 1 to " +
                           std::to_string(kMaxDuration));
}

void QueueEngine::reserve(std::size_t jobs) {
    state_.jobs_.reserve(jobs);
    state_.keys_.reserve(jobs);
}

void QueueEngine::correct(JobId job) {
    JobRecord& record = state_.jobs_[job];
    const Seconds elapsed = state_.now_ - record.start;
    const Seconds old_end = record.predicted_end();
    if (!runs_known_ || record.run > record.predicted) {
        Seconds longer = correction_->next(record);
        // A live machine is never promised twice: a job counts until its end is reported.
        if (!runs_known_) longer = std::max(longer, elapsed + 1);
        if (longer > record.predicted) {
            record.predicted = longer;
            ++record.corrections;
            state_.running_.insert({record.predicted_end(), record.procs, job});
            backfill_->extended(state_, job, old_end);
            return;  // if that has passed too, the caller meets the job again
        }
    }
    backfill_->expired(state_, job);
}

void QueueEngine::advance(Seconds now) {
    if (now < state_.now_)
        throw InvalidModel("time " + std::to_string(now) + " is before the last event at " +
                           std::to_string(state_.now_) + "; report events in order of time");
    state_.now_ = now;
    for (const JobId job : state_.started_)
        if (state_.jobs_[job].predicted == 0) correct(job);
    state_.started_.clear();
    while (!state_.running_.empty() && state_.running_.begin()->end <= now)
        correct(state_.running_.pop_front().job);
}

void QueueEngine::schedule() {
    backfill_->schedule(state_);
    for (const JobId job : state_.started_) {
        prediction_->started(job, state_.jobs_[job]);
        state_.order_->started(state_.jobs_[job]);
    }
}

JobId QueueEngine::submit(Seconds now, const JobSpec& spec) {
    check_job(spec, state_.processors_);
    advance(now);
    const auto job = static_cast<JobId>(state_.jobs_.size());
    JobRecord& record = state_.jobs_.emplace_back();
    static_cast<JobSpec&>(record) = spec;
    record.submit = now;
    Guess guess = prediction_->at_submit(job, record);
    check_guess(guess);
    // What is believed to take no time would hold nothing while others start beside it.
    if (!runs_known_) guess.hold = std::max<Seconds>(1, guess.hold);
    record.predicted = record.first_guess = guess.hold;
    record.fill = backfill_->fills_apart() ? guess.fill : guess.hold;
    record.rank = guess.rank;
    const double key = state_.order_is_static_ ? state_.order_->key(record, now) : 0.0;
    state_.keys_.push_back(key);
    state_.queue_.insert({key, job, record.procs, static_cast<std::int32_t>(record.fill)});
    backfill_->submitted(state_, job);
    schedule();
    return job;
}

/// Returns when the job was to end by prediction.
Seconds QueueEngine::take_off(Seconds now, JobId job, const char* why) {
    if (job >= state_.jobs_.size() || !state_.jobs_[job].runs())
        throw InvalidModel("job " + std::to_string(job) + " is not running; only a running job can " + why);
    advance(now);
    JobRecord& record = state_.jobs_[job];
    record.end = now;
    state_.running_.erase({record.predicted_end(), record.procs, job});
    return record.predicted_end();
}

void QueueEngine::finish(Seconds now, JobId job) {
    const Seconds planned_end = take_off(now, job, "finish");
    const JobRecord& record = state_.jobs_[job];
    prediction_->finished(job, record, now - record.start);
    state_.order_->finished(record);
    backfill_->finished(state_, job, planned_end);
    schedule();
}

void QueueEngine::stop(Seconds now, JobId job) {
    const Seconds planned_end = take_off(now, job, "stop");
    prediction_->withdrawn(job);
    state_.order_->finished(state_.jobs_[job]);
    backfill_->finished(state_, job, planned_end);
    schedule();
}

void QueueEngine::cancel(Seconds now, JobId job) {
    if (job >= state_.jobs_.size() || !state_.jobs_[job].waits())
        throw InvalidModel("job " + std::to_string(job) +
                           " is not waiting; only a waiting job can be cancelled");
    advance(now);
    state_.queue_.erase(state_.keys_[job], job);
    state_.jobs_[job].end = now;
    prediction_->withdrawn(job);
    backfill_->withdrawn(state_, job);
    schedule();
}

void QueueEngine::tick(Seconds now) {
    advance(now);
    schedule();
}

}  // namespace hal::replay
