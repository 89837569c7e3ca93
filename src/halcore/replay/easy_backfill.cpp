#include "halcore/replay/easy_backfill.h"

#include <algorithm>

namespace hal::replay {

void NoBackfill::schedule(QueueState& state) {
    state.sort_queue();
    const OrderedQueue& queue = state.queue();
    while (!queue.empty() && queue.procs(queue.head()) <= state.free()) state.start(queue.job(queue.head()));
}

void EasyBackfill::submitted(const QueueState& state, JobId job) {
    const JobRecord& record = state.jobs()[job];
    if (shortest_first_)
        by_length_.insert(
            {static_cast<double>(record.rank), job, record.procs, static_cast<std::int32_t>(record.fill)});
    arrived_.push_back(job);
}

void EasyBackfill::withdrawn(const QueueState& state, JobId job) {
    if (shortest_first_) by_length_.erase(static_cast<double>(state.jobs()[job].rank), job);
    stale_ = true;
}

void EasyBackfill::reserve_for_head(const QueueState& state) {
    const std::int64_t needed = state.jobs()[head_].procs;
    std::int64_t available = state.free();
    shadow_ = state.now();
    for (const RunningSet::Entry& entry : state.running()) {
        if (available >= needed && entry.end > shadow_) break;
        available += entry.procs;
        shadow_ = entry.end;
    }
    extra_ = available - needed;
}

bool EasyBackfill::may_start(const QueueState& state, JobId job) const {
    const JobRecord& record = state.jobs()[job];
    return record.procs <= state.free() && (state.now() + record.fill <= shadow_ || record.procs <= extra_);
}

void EasyBackfill::start(QueueState& state, JobId job) {
    const JobRecord& record = state.jobs()[job];
    if (shortest_first_) by_length_.erase(static_cast<double>(record.rank), job);
    if (state.now() + record.fill > shadow_) extra_ -= record.procs;
    state.start(job);
}

void EasyBackfill::fill_from(QueueState& state, const OrderedQueue& candidates, JobId head) {
    const auto narrow = [](std::int64_t value) {
        return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, -1, kMaxDuration));
    };
    const std::int32_t slack = narrow(shadow_ - state.now());
    for (std::size_t at = candidates.head();; ++at) {
        at = candidates.find_fit(at, narrow(state.free()), slack, narrow(extra_));
        if (at >= candidates.end()) return;
        if (candidates.job(at) != head) start(state, candidates.job(at));
    }
}

void EasyBackfill::schedule(QueueState& state) {
    state.sort_queue();
    const OrderedQueue& queue = state.queue();
    const bool same_head = !stale_ && state.order_is_static() && queue.job(queue.head()) == head_;
    if (same_head) {
        // Time only shortens the slack, so whoever could not start before cannot now.
        for (const JobId job : arrived_)
            if (may_start(state, job)) start(state, job);
        arrived_.clear();
        return;
    }
    arrived_.clear();
    stale_ = true;
    shadow_ = kNever;  // heads start without regard to any reservation
    while (!queue.empty() && queue.procs(queue.head()) <= state.free()) start(state, queue.job(queue.head()));
    if (queue.empty()) return;
    stale_ = false;
    head_ = queue.job(queue.head());
    reserve_for_head(state);
    fill_from(state, shortest_first_ ? by_length_ : queue, head_);
}

}  // namespace hal::replay
