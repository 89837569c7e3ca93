#include "halcore/replay/node_slots.h"

#include <algorithm>

#include "halcore/replay/slot_backfill.h"

namespace hal::replay {

NodeSlots::NodeSlots(std::shared_ptr<ClusterMachine> machine, const BackfillOptions& options,
                     std::vector<NodeHold> holds)
    : machine_(std::move(machine)), options_(options), holds_(std::move(holds)) {
    check_slots(options);
}

void NodeSlots::release(const QueueState& state, JobId job) {
    const auto found = std::find(held_.begin(), held_.end(), job);
    if (found == held_.end()) return;  // given back when its end by prediction had come
    held_.erase(found);
    machine_->give(state.jobs()[job].row);
}

void NodeSlots::finished(const QueueState& state, JobId job, Seconds) {
    release(state, job);
}

void NodeSlots::expired(const QueueState& state, JobId job) {
    // A replay knows that the job ends this second. A job that runs on unplanned keeps its nodes.
    const JobRecord& record = state.jobs()[job];
    if (record.run <= record.predicted) release(state, job);
}

/// The seconds of the slots that a span from now on touches, at least one.
Seconds NodeSlots::whole_slots(Seconds span) const {
    const Seconds slots = std::max<Seconds>(1, (span + options_.resolution - 1) / options_.resolution);
    return slots * options_.resolution;
}

/// What runs and what is held, rounded up to slots.
NodePlan NodeSlots::plan_of_this_moment(const QueueState& state) const {
    const Seconds now = state.now();
    std::vector<NodeHold> holds;
    for (const NodeHold& hold : holds_) {
        if (hold.end <= now) continue;
        const Seconds slot = hold.begin <= now ? 0 : (hold.begin - now) / options_.resolution;
        holds.push_back({now + slot * options_.resolution, now + whole_slots(hold.end - now), hold.tasks});
    }
    NodePlan plan(machine_, std::move(holds));
    for (const JobId job : held_) {
        const JobRecord& record = state.jobs()[job];
        plan.run(job, record.row, record.start, now + whole_slots(record.predicted_end() - now));
    }
    plan.refresh();
    return plan;
}

/// Whether a run from now to `end` comes upon a hold that begins after the window.
bool NodeSlots::reaches_unseen_hold(Seconds window_end, Seconds end) const {
    return std::any_of(holds_.begin(), holds_.end(),
                       [&](const NodeHold& hold) { return hold.begin >= window_end && hold.begin < end; });
}

void NodeSlots::schedule(QueueState& state) {
    state.sort_queue();
    const OrderedQueue& queue = state.queue();
    const Seconds now = state.now();
    const Seconds window_end = now + options_.window / options_.resolution * options_.resolution;
    NodePlan plan = plan_of_this_moment(state);
    std::int32_t examined = 0;
    for (std::size_t at = queue.head(); at < queue.end() && examined < options_.depth;
         at = queue.skip_gaps(at + 1)) {
        ++examined;
        const JobId job = queue.job(at);
        const JobRecord& record = state.jobs()[job];
        const Seconds length = whole_slots(record.predicted);
        auto found = plan.earliest(record.row, now, length, window_end, window_end);
        if (!found) continue;
        TaskList tasks = tasks_of(found->places);
        const bool waits = found->start > now || reaches_unseen_hold(window_end, now + record.predicted);
        if (!waits && machine_->take(record.row, std::move(found->places))) {
            held_.push_back(job);
            plan.run(job, record.row, now, now + length);
            state.start(job);
        } else {
            plan.plan(job, found->start, found->start + length, std::move(tasks));
        }
    }
    wake_ = kNever;  // ends wake the queue by themselves, except those of holds
    for (const NodeHold& hold : holds_)
        if (!queue.empty() && hold.end > now) wake_ = std::min(wake_, hold.end);
}

}  // namespace hal::replay
