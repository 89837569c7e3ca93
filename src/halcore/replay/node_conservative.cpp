#include "halcore/replay/node_conservative.h"

#include <algorithm>

namespace hal::replay {
namespace {

/// Nodes are held even by jobs that are predicted to take no time.
Seconds length(const JobRecord& record) {
    return std::max<Seconds>(1, record.predicted);
}

}  // namespace

void NodeConservative::reserve(const QueueState& state, JobId job) {
    const JobRecord& record = state.jobs()[job];
    auto found = plan_.earliest(record.row, state.now(), length(record));
    planned_[job] = {};
    if (!found) return;
    plan_.plan(job, found->start, found->start + length(record), tasks_of(found->places));
    planned_[job] = {found->start, std::move(found->places)};
    if (promise_[job] < 0) promise_[job] = found->start;
    wake_ = std::min(wake_, found->start);
}

void NodeConservative::submitted(const QueueState& state, JobId job) {
    look_outside();
    prolong(state);
    planned_.emplace_back();
    promise_.push_back(-1);
    if (doubtful_ && plan_.holds_together(state.now())) doubtful_ = false;
    if (!doubtful_) reserve(state, job);  // else it is planned with all others
}

void NodeConservative::release(const QueueState& state, JobId job) {
    if (!plan_.has(job)) return;  // given back when its end by prediction had come
    plan_.erase(job);
    look_outside();
    machine_->give(state.jobs()[job].row);
    version_ = machine_->cluster().version();
}

void NodeConservative::finished(const QueueState& state, JobId job, Seconds) {
    if (!plan_.has(job)) return;
    if (plan_.stay(job).end > state.now()) freed_ = true;
    release(state, job);
}

void NodeConservative::expired(const QueueState& state, JobId job) {
    // A replay knows that the job ends this second. A job that runs on unplanned keeps its nodes.
    const JobRecord& record = state.jobs()[job];
    if (record.run <= record.predicted) release(state, job);
}

void NodeConservative::extended(const QueueState& state, JobId job, Seconds) {
    if (!plan_.has(job)) return;
    Stay& stay = plan_.stay(job);
    stay.end = std::max(stay.end, state.jobs()[job].predicted_end());
    doubtful_ = true;
}

void NodeConservative::withdrawn(const QueueState&, JobId job) {
    plan_.erase(job);
    freed_ = true;
}

void NodeConservative::look_outside() {
    if (machine_->cluster().version() == version_) return;
    version_ = machine_->cluster().version();
    plan_.refresh();
    freed_ = doubtful_ = true;
}

/// A job that runs on beyond all predictions is taken to be halfway through.
void NodeConservative::prolong(const QueueState& state) {
    for (auto& [job, stay] : plan_.stays()) {
        if (!stay.booked || stay.end > state.now()) continue;
        stay.end = state.now() + std::max<Seconds>(1, state.now() - stay.begin);
        doubtful_ = true;
    }
}

void NodeConservative::compress(const QueueState& state) {
    const OrderedQueue& queue = state.queue();
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1)) {
        const JobId job = queue.job(at);
        const JobRecord& record = state.jobs()[job];
        Reservation& old = planned_[job];
        if (old.start == kNever) {
            reserve(state, job);
            continue;
        }
        Stay stay = std::move(plan_.stay(job));
        plan_.erase(job);
        if (auto found = plan_.earliest(record.row, state.now(), length(record), old.start)) {
            stay = {found->start, found->start + length(record), tasks_of(found->places)};
            old = {found->start, std::move(found->places)};
        }
        plan_.plan(job, stay.begin, stay.end, std::move(stay.tasks));
        wake_ = std::min(wake_, old.start);
    }
}

void NodeConservative::plan_anew(const QueueState& state) {
    const OrderedQueue& queue = state.queue();
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1))
        plan_.erase(queue.job(at));
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1))
        reserve(state, queue.job(at));
}

/// False when a job no longer fits where it was to start.
bool NodeConservative::start_due(QueueState& state) {
    const OrderedQueue& queue = state.queue();
    bool all = true;
    wake_ = kNever;
    for (std::size_t at = queue.head(); at < queue.end(); at = queue.skip_gaps(at + 1)) {
        const JobId job = queue.job(at);
        Reservation& reservation = planned_[job];
        if (reservation.start > state.now()) {
            wake_ = std::min(wake_, reservation.start);
            continue;
        }
        const std::uint32_t row = state.jobs()[job].row;
        plan_.erase(job);
        if (machine_->take(row, std::move(reservation.places))) {
            plan_.run(job, row, state.now(), state.now() + length(state.jobs()[job]));
            state.start(job);
        } else {
            reservation = {};
            all = false;
        }
    }
    version_ = machine_->cluster().version();
    return all;
}

void NodeConservative::schedule(QueueState& state) {
    look_outside();
    prolong(state);
    const Seconds now = state.now();
    if (wake_ < now || (doubtful_ && !plan_.holds_together(now))) {
        state.sort_queue();
        plan_anew(state);
    } else if (freed_) {
        state.sort_queue();
        compress(state);
    }
    freed_ = doubtful_ = false;
    if (wake_ <= now && !start_due(state)) {
        plan_anew(state);
        if (wake_ <= now) start_due(state);
    }
}

}  // namespace hal::replay
