#include "halcore/replay/node_backfill.h"

#include <algorithm>

#include "halcore/engine/transaction.h"
#include "halcore/replay/node_conservative.h"
#include "halcore/replay/node_slots.h"

namespace hal::replay {

void NodeBackfill::submitted(const QueueState& state, JobId job) {
    const JobRecord& record = state.jobs()[job];
    if (rule_ == Rule::EasySjbf)
        by_length_.insert(
            {static_cast<double>(record.rank), job, record.procs, static_cast<std::int32_t>(record.fill)});
    promise_.push_back(-1);
}

void NodeBackfill::withdrawn(const QueueState& state, JobId job) {
    if (rule_ == Rule::EasySjbf) by_length_.erase(static_cast<double>(state.jobs()[job].rank), job);
}

void NodeBackfill::release(const QueueState& state, JobId job) {
    const auto found = std::find(held_.begin(), held_.end(), job);
    if (found == held_.end()) return;  // given back when its end by prediction had come
    held_.erase(found);
    machine_->give(state.jobs()[job].row);
}

void NodeBackfill::finished(const QueueState& state, JobId job, Seconds) {
    release(state, job);
}

void NodeBackfill::expired(const QueueState& state, JobId job) {
    // A replay knows that the job ends this second. A job that runs on unplanned keeps its nodes.
    const JobRecord& record = state.jobs()[job];
    if (record.run <= record.predicted) release(state, job);
}

void NodeBackfill::start(QueueState& state, JobId job) {
    if (rule_ == Rule::EasySjbf) by_length_.erase(static_cast<double>(state.jobs()[job].rank), job);
    held_.push_back(job);
    state.start(job);
}

bool NodeBackfill::try_start(QueueState& state, JobId job) {
    if (!machine_->take(state.jobs()[job].row)) return false;
    start(state, job);
    return true;
}

std::vector<std::pair<Seconds, JobId>> NodeBackfill::ends(const QueueState& state) const {
    std::vector<std::pair<Seconds, JobId>> ends;
    ends.reserve(held_.size());
    for (const JobId job : held_)
        ends.emplace_back(std::max(state.jobs()[job].predicted_end(), state.now() + 1), job);
    std::sort(ends.begin(), ends.end());
    return ends;
}

Seconds NodeBackfill::shadow_time(const QueueState& state, JobId head) {
    const Transaction trial(machine_->cluster());
    const auto planned = ends(state);
    for (std::size_t i = 0; i < planned.size(); ++i) {
        machine_->give(state.jobs()[planned[i].second].row);
        const bool last_of_its_second = i + 1 == planned.size() || planned[i + 1].first > planned[i].first;
        if (last_of_its_second && machine_->fits(state.jobs()[head].row)) return planned[i].first;
    }
    return kNever;  // what is in its way is none of the queue's
}

bool NodeBackfill::starts_beside(QueueState& state, JobId job, JobId head, Seconds shadow) {
    Transaction start_of_job(machine_->cluster());
    if (!machine_->take(state.jobs()[job].row)) return false;
    {
        const Transaction trial(machine_->cluster());
        for (const auto& [end, other] : ends(state))
            if (end <= shadow) machine_->give(state.jobs()[other].row);
        if (!machine_->fits(state.jobs()[head].row)) return false;
    }
    start_of_job.keep();
    start(state, job);
    return true;
}

void NodeBackfill::fill(QueueState& state, const OrderedQueue& candidates, JobId head, Seconds shadow) {
    std::vector<std::uint32_t> refused;  // rows of jobs for which there was no room, one of each kind
    for (std::size_t at = candidates.head(); at < candidates.end(); at = candidates.skip_gaps(at + 1)) {
        const JobId job = candidates.job(at);
        if (job == head) continue;
        const std::uint32_t row = state.jobs()[job].row;
        if (std::any_of(refused.begin(), refused.end(),
                        [&](std::uint32_t other) { return machine_->alike(row, other); }))
            continue;
        if (shadow != kNever && state.now() + state.jobs()[job].fill > shadow)
            starts_beside(state, job, head, shadow);
        else if (!try_start(state, job))
            refused.push_back(row);
    }
}

void NodeBackfill::schedule(QueueState& state) {
    state.sort_queue();
    const OrderedQueue& queue = state.queue();
    while (!queue.empty() && try_start(state, queue.job(queue.head()))) {
    }
    if (queue.empty() || rule_ == Rule::None) return;
    const JobId head = queue.job(queue.head());
    const Seconds shadow = shadow_time(state, head);
    if (promise_[head] < 0 && shadow != kNever) promise_[head] = shadow;
    fill(state, rule_ == Rule::EasySjbf ? by_length_ : queue, head, shadow);
}

std::unique_ptr<Backfill> make_node_backfill(const std::string& name, std::shared_ptr<ClusterMachine> machine,
                                             const BackfillOptions& options, std::vector<NodeHold> holds) {
    using Rule = NodeBackfill::Rule;
    if (name == "conservative")
        return std::make_unique<NodeConservative>(std::move(machine), std::move(holds));
    if (name == "slots") return std::make_unique<NodeSlots>(std::move(machine), options, std::move(holds));
    if (!holds.empty()) refuse_holds(name);
    if (name == "none") return std::make_unique<NodeBackfill>(std::move(machine), Rule::None);
    if (name == "easy") return std::make_unique<NodeBackfill>(std::move(machine), Rule::Easy);
    if (name == "easy_sjbf") return std::make_unique<NodeBackfill>(std::move(machine), Rule::EasySjbf);
    refuse_backfill(name);
}

}  // namespace hal::replay
