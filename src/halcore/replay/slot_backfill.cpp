#include "halcore/replay/slot_backfill.h"

#include <algorithm>
#include <string>
#include <utility>

#include "halcore/model/error.h"

namespace hal::replay {

void check_slots(const BackfillOptions& options) {
    constexpr Seconds kMostSlots = 1'000'000;
    if (options.depth < 1)
        throw PolicyError("slots: depth is " + std::to_string(options.depth) + "; give at least 1");
    if (options.resolution < 1)
        throw PolicyError("slots: resolution is " + std::to_string(options.resolution) +
                          " s; give at least 1");
    if (options.window < options.resolution || options.window / options.resolution > kMostSlots)
        throw PolicyError("slots: window is " + std::to_string(options.window) +
                          " s; give at least one and at most 1,000,000 times the resolution");
}

SlotBackfill::SlotBackfill(const BackfillOptions& options, std::vector<Hold> holds)
    : depth_(options.depth), resolution_(options.resolution), holds_(std::move(holds)) {
    check_slots(options);
    free_.resize(static_cast<std::size_t>(options.window / resolution_));
}

/// How many slots a span from now on touches, at most all.
std::size_t SlotBackfill::slots_until(Seconds span) const {
    if (span <= 0) return 0;
    const Seconds slots = (span - 1) / resolution_ + 1;
    return std::min(static_cast<std::size_t>(slots), free_.size());
}

void SlotBackfill::fill_slots(const QueueState& state) {
    const Seconds now = state.now();
    window_end_ = now + static_cast<Seconds>(free_.size()) * resolution_;
    std::fill(free_.begin(), free_.end(), 0);
    free_.front() = state.free();
    for (const RunningSet::Entry& entry : state.running()) {
        const std::size_t slot = slots_until(entry.end - now);
        if (slot < free_.size()) free_[slot] += entry.procs;
    }
    for (std::size_t slot = 1; slot < free_.size(); ++slot) free_[slot] += free_[slot - 1];
    for (const Hold& hold : holds_) {
        if (hold.end <= now) continue;
        const auto first = hold.begin <= now ? 0 : (hold.begin - now) / resolution_;
        for (auto slot = static_cast<std::size_t>(first); slot < slots_until(hold.end - now); ++slot)
            free_[slot] -= hold.procs;
    }
}

/// First slot from which `procs` are free for `length` slots, or to the end of the window.
std::size_t SlotBackfill::find(std::size_t length, std::int64_t procs) const {
    std::size_t begin = 0;
    for (std::size_t slot = 0; slot < free_.size() && slot - begin < length; ++slot)
        if (free_[slot] < procs) begin = slot + 1;
    return begin;
}

/// Whether a run from now to `end` comes upon a hold that begins after the window.
bool SlotBackfill::reaches_unseen_hold(Seconds end) const {
    return std::any_of(holds_.begin(), holds_.end(),
                       [&](const Hold& hold) { return hold.begin >= window_end_ && hold.begin < end; });
}

void SlotBackfill::schedule(QueueState& state) {
    state.sort_queue();
    fill_slots(state);
    const OrderedQueue& queue = state.queue();
    std::int32_t examined = 0;
    for (std::size_t at = queue.head(); at < queue.end() && examined < depth_; at = queue.skip_gaps(at + 1)) {
        ++examined;
        const std::int32_t procs = queue.procs(at);
        const std::size_t length = std::max<std::size_t>(1, slots_until(queue.predicted(at)));
        const std::size_t begin = find(length, procs);
        for (std::size_t slot = begin; slot < std::min(begin + length, free_.size()); ++slot)
            free_[slot] -= procs;
        if (begin == 0 && !reaches_unseen_hold(state.now() + queue.predicted(at))) state.start(queue.job(at));
    }
    wake_ = kNever;  // ends wake the queue by themselves, except those of holds
    for (const Hold& hold : holds_)
        if (!queue.empty() && hold.end > state.now()) wake_ = std::min(wake_, hold.end);
}

}  // namespace hal::replay
