#include "halcore/replay/conservative_backfill.h"

#include <algorithm>

namespace hal::replay {

void ConservativeBackfill::open_profile(const QueueState& state) {
    profile_.emplace(state.processors(), state.now());
    for (const RunningSet::Entry& entry : state.running())
        profile_->add(state.now(), entry.end, -entry.procs);
    for (const Hold& hold : holds_) profile_->add(hold.begin, hold.end, -hold.procs);
}

void ConservativeBackfill::submitted(const QueueState& state, JobId job) {
    if (!profile_) open_profile(state);
    const JobRecord& record = state.jobs()[job];
    reserve::AvailabilityProfile& profile = *profile_;
    const Seconds start = profile.earliest(state.now(), record.predicted, record.procs);
    profile.add(start, start + record.predicted, -record.procs);
    planned_.push_back(start);
    promise_.push_back(start);
    wake_ = std::min(wake_, start);
}

void ConservativeBackfill::finished(const QueueState& state, JobId job, Seconds planned_end) {
    if (planned_end <= state.now()) return;
    profile_->add(state.now(), planned_end, state.jobs()[job].procs);
    freed_ = true;
}

void ConservativeBackfill::extended(const QueueState& state, JobId job, Seconds old_end) {
    const JobRecord& record = state.jobs()[job];
    profile_->add(std::max(old_end, state.now()), record.predicted_end(), -record.procs);
    overbooked_ = true;
}

void ConservativeBackfill::withdrawn(const QueueState& state, JobId job) {
    const JobRecord& record = state.jobs()[job];
    profile_->add(planned_[job], planned_[job] + record.predicted, record.procs);
    freed_ = true;
}

void ConservativeBackfill::compress(const QueueState& state) {
    reserve::AvailabilityProfile& profile = *profile_;
    const OrderedQueue& queue = state.queue();
    const Seconds now = state.now();
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1)) {
        const JobId job = queue.job(at);
        const Seconds old = planned_[job];
        // Whatever starts earlier has the job's own room from its old start on.
        const Seconds start = profile.earliest(now, queue.predicted(at), queue.procs(at), old);
        if (start < old) {
            const Seconds end = start + queue.predicted(at);
            profile.add(std::max(end, old), old + queue.predicted(at), queue.procs(at));
            profile.add(start, std::min(end, old), -queue.procs(at));
            planned_[job] = start;
        }
        wake_ = std::min(wake_, planned_[job]);
    }
}

void ConservativeBackfill::plan_anew(const QueueState& state) {
    open_profile(state);
    reserve::AvailabilityProfile& profile = *profile_;
    const OrderedQueue& queue = state.queue();
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1)) {
        const JobId job = queue.job(at);
        planned_[job] = profile.earliest(state.now(), queue.predicted(at), queue.procs(at));
        profile.add(planned_[job], planned_[job] + queue.predicted(at), -queue.procs(at));
        wake_ = std::min(wake_, planned_[job]);
    }
}

void ConservativeBackfill::start_due(QueueState& state) {
    const OrderedQueue& queue = state.queue();
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1)) {
        const JobId job = queue.job(at);
        if (planned_[job] <= state.now())
            state.start(job);
        else
            wake_ = std::min(wake_, planned_[job]);
    }
}

void ConservativeBackfill::schedule(QueueState& state) {
    if (!profile_) open_profile(state);
    const Seconds now = state.now();
    profile_->forget_before(now);
    if (wake_ < now || (overbooked_ && profile_->min_free(now, kNever) < 0)) {
        state.sort_queue();
        plan_anew(state);
    } else if (freed_) {
        state.sort_queue();
        compress(state);
    }
    freed_ = false;
    overbooked_ = false;
    if (wake_ <= now) start_due(state);
}

}  // namespace hal::replay
