#include "halcore/reserve/list_scheduler.h"

#include <algorithm>

namespace hal::reserve {
namespace {

constexpr AvailabilityProfile::Time kNever = AvailabilityProfile::kNever;
// Profiles begin before any time that a problem may hold.
constexpr AvailabilityProfile::Time kBegin = -(AvailabilityProfile::Time{1} << 43);

}  // namespace

ListScheduler::ListScheduler(const ReserveProblem& problem) : problem_(problem) {
    profiles_.reserve(problem.capacity.size());
    for (const Amount capacity : problem.capacity) profiles_.emplace_back(capacity, kBegin);
}

/// First time from which everything fixed of the request is free.
ListScheduler::Time ListScheduler::fixed_from(std::size_t request, Time from) const {
    const auto begin = static_cast<std::size_t>(problem_.fixed_first[request]);
    const auto end = static_cast<std::size_t>(problem_.fixed_first[request + 1]);
    for (bool settled = false; !settled;) {
        settled = true;
        for (std::size_t f = begin; f < end; ++f)
            for (std::size_t k = 0; k < problem_.resources; ++k) {
                const Amount amount = problem_.fixed_amount[f * problem_.resources + k];
                if (amount == 0) continue;
                const auto bin = static_cast<std::size_t>(problem_.fixed_bin[f]);
                const Time found = profile(bin, k).earliest(from, problem_.duration[request], amount);
                if (found == kNever) return kNever;
                settled = settled && found == from;
                from = found;
            }
    }
    return from;
}

/// Most tasks that an empty bin holds.
std::int64_t ListScheduler::most(std::size_t request, std::size_t bin) const {
    std::int64_t most = problem_.whole[request] ? 1 : problem_.tasks[request];
    for (std::size_t k = 0; k < problem_.resources; ++k)
        if (const Amount need = problem_.need(request, bin, k); need > 0)
            most = std::min(most, problem_.capacity[bin * problem_.resources + k] / need);
    return most;
}

/// Tasks that the bin holds throughout the request's time from `start` on.
std::int64_t ListScheduler::room(std::size_t request, std::size_t bin, Time start) const {
    std::int64_t room = problem_.whole[request] ? 1 : problem_.tasks[request];
    const Time end = start + problem_.duration[request];
    for (std::size_t k = 0; k < problem_.resources && room > 0; ++k)
        if (const Amount need = problem_.need(request, bin, k); need > 0)
            room = std::min(room, std::max<Amount>(0, profile(bin, k).min_free(start, end)) / need);
    return room;
}

/// First time at or after `from` from which the bin holds `count` tasks.
ListScheduler::Time ListScheduler::more_room(std::size_t request, std::size_t bin, Time from,
                                             std::int64_t count) const {
    for (bool settled = false; !settled;) {
        settled = true;
        for (std::size_t k = 0; k < problem_.resources; ++k)
            if (const Amount need = problem_.need(request, bin, k); need > 0) {
                const Time found = profile(bin, k).earliest(from, problem_.duration[request], need * count);
                if (found == kNever) return kNever;
                settled = settled && found == from;
                from = found;
            }
    }
    return from;
}

/// `from` if the group holds all tasks then (and how many more in `spare`), else a later time before which it
/// never does; `known` or later means that the answer does not matter any more.
ListScheduler::Time ListScheduler::group_from(std::size_t request, std::span<const std::int32_t> group,
                                              Time from, Time known, std::int64_t& spare) {
    const std::int64_t wanted = problem_.tasks[request];
    std::int64_t total = 0;
    gains_.clear();
    for (const std::int32_t b : group) {
        const auto bin = static_cast<std::size_t>(b);
        const std::int64_t now = room(request, bin, from);
        total += now;
        gains_.push_back({static_cast<Time>(bin), now});
    }
    if (total >= wanted) {
        spare = total - wanted;
        return from;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < gains_.size(); ++i) {
        const Gain entry = gains_[i];
        const auto bin = static_cast<std::size_t>(entry.time);
        const std::int64_t more = most(request, bin) - entry.more;
        if (more == 0) continue;
        const Time time = more_room(request, bin, from, entry.more + 1);
        if (time < known) gains_[kept++] = {time, more};
    }
    gains_.resize(kept);
    std::sort(gains_.begin(), gains_.end(), [](const Gain& a, const Gain& b) { return a.time < b.time; });
    // Until a bin's time it holds no more than now, from then on no more than when empty.
    for (const Gain& gain : gains_)
        if ((total += gain.more) >= wanted) return gain.time;
    return kNever;
}

void ListScheduler::choose(std::size_t request, std::span<const std::int32_t> group, Time start) {
    fits_.clear();
    for (const std::int32_t bin : group)
        if (const std::int64_t now = room(request, static_cast<std::size_t>(bin), start); now > 0)
            fits_.emplace_back(now, bin);
    std::sort(fits_.begin(), fits_.end());
    std::int64_t left = problem_.tasks[request];
    for (const auto& [now, bin] : fits_) {
        const std::int64_t here = std::min(left, now);
        bins_.insert(bins_.end(), static_cast<std::size_t>(here), bin);
        left -= here;
        if (left == 0) break;
    }
    std::sort(bins_.begin(), bins_.end());
}

ListScheduler::Time ListScheduler::earliest(std::size_t request, Time from) {
    bins_.clear();
    const Time last = problem_.deadline[request] - problem_.duration[request];
    from = std::max(from, problem_.release[request]);
    while (true) {
        from = fixed_from(request, from);
        if (from > last) return kNever;
        if (problem_.tasks[request] == 0) return from;
        Time next = kNever;
        std::int64_t best = -1;
        std::int64_t least = 0;
        for (std::int64_t g = problem_.groups_begin(request); g < problem_.groups_end(request); ++g) {
            std::int64_t spare = 0;
            const Time found = group_from(request, problem_.group(g), from, next, spare);
            if (found == from && (best < 0 || spare < least)) {
                best = g;
                least = spare;
            }
            next = std::min(next, found);
        }
        if (best >= 0) {
            choose(request, problem_.group(best), from);
            return from;
        }
        if (next > last) return kNever;
        from = next;
    }
}

void ListScheduler::take(std::size_t request, Time start, std::span<const std::int32_t> bins) {
    const Time end = start + problem_.duration[request];
    for (std::size_t i = 0; i < bins.size();) {
        std::size_t same = i;
        while (same < bins.size() && bins[same] == bins[i]) ++same;
        const auto bin = static_cast<std::size_t>(bins[i]);
        for (std::size_t k = 0; k < problem_.resources; ++k)
            profile(bin, k).add(start, end, -problem_.need(request, bin, k) * static_cast<Amount>(same - i));
        i = same;
    }
    for (auto f = static_cast<std::size_t>(problem_.fixed_first[request]);
         f < static_cast<std::size_t>(problem_.fixed_first[request + 1]); ++f)
        for (std::size_t k = 0; k < problem_.resources; ++k)
            profile(static_cast<std::size_t>(problem_.fixed_bin[f]), k)
                .add(start, end, -problem_.fixed_amount[f * problem_.resources + k]);
}

ReservePlan list_schedule(const ReserveProblem& problem, std::span<const std::int32_t> order,
                          std::span<const ReserveProblem::Time> not_before) {
    ListScheduler scheduler(problem);
    std::vector<std::vector<std::int32_t>> bins(problem.requests());
    ReservePlan plan;
    plan.start.assign(problem.requests(), kNever);
    for (const std::int32_t r : order) {
        const auto request = static_cast<std::size_t>(r);
        const auto start = scheduler.earliest(request, not_before[request]);
        if (start == kNever) continue;
        plan.start[request] = start;
        bins[request] = scheduler.bins();
        scheduler.take(request, start, bins[request]);
    }
    plan.first.push_back(0);
    for (const auto& own : bins) {
        plan.bin.insert(plan.bin.end(), own.begin(), own.end());
        plan.first.push_back(static_cast<std::int64_t>(plan.bin.size()));
    }
    return plan;
}

}  // namespace hal::reserve
