#include "halcore/reserve/profile.h"

#include <algorithm>
#include <utility>

namespace hal::reserve {
namespace {

/// Index of the last of `count` increasing times that is not after `time`, 0 if all are. Written so that it
/// compiles without branches: half of those of a common binary search are mispredicted.
std::size_t last_at_or_before(const std::int64_t* times, std::size_t count, std::int64_t time) {
    const std::int64_t* base = times;
    while (count > 1) {
        const std::size_t half = count / 2;
        base += base[half] <= time ? half : 0;
        count -= half;
    }
    return static_cast<std::size_t>(base - times);
}

}  // namespace

AvailabilityProfile::AvailabilityProfile(Amount capacity, Time begin) {
    blocks_.push_back(std::make_unique<Block>());
    blocks_.front()->count = 1;
    blocks_.front()->time[0] = begin;
    blocks_.front()->free[0] = capacity;
    first_.push_back(begin);
    least_.push_back(capacity);
    greatest_.push_back(capacity);
    pending_.push_back(0);
}

std::size_t AvailabilityProfile::steps() const {
    std::size_t total = 0;
    for (const auto& block : blocks_) total += static_cast<std::size_t>(block->count);
    return total;
}

AvailabilityProfile::Place AvailabilityProfile::locate(Time time) const {
    const std::size_t block = last_at_or_before(first_.data(), first_.size(), time);
    const Block& steps = *blocks_[block];
    return {block,
            static_cast<int>(last_at_or_before(steps.time, static_cast<std::size_t>(steps.count), time))};
}

AvailabilityProfile::Place AvailabilityProfile::before(Place place) const {
    if (place.index > 0) return {place.block, place.index - 1};
    return {place.block - 1, blocks_[place.block - 1]->count - 1};
}

AvailabilityProfile::Amount AvailabilityProfile::free_at(Time time) const {
    return at(locate(time));
}

template <class Pick>
AvailabilityProfile::Amount AvailabilityProfile::extreme(Time begin, Time end,
                                                         const std::vector<Amount>& summary,
                                                         Pick pick) const {
    const Place first = locate(begin);
    const Place last = locate(end - 1);
    Amount answer = at(first);
    for (std::size_t b = first.block; b <= last.block; ++b) {
        const int from = b == first.block ? first.index : 0;
        const int to = b == last.block ? last.index + 1 : blocks_[b]->count;
        if (from == 0 && to == blocks_[b]->count) {
            answer = pick(answer, summary[b]);
            continue;
        }
        Amount inside = blocks_[b]->free[from];
        for (int i = from + 1; i < to; ++i) inside = pick(inside, blocks_[b]->free[i]);
        answer = pick(answer, inside + pending_[b]);
    }
    return answer;
}

AvailabilityProfile::Amount AvailabilityProfile::min_free(Time begin, Time end) const {
    return extreme(begin, end, least_, [](Amount a, Amount b) { return std::min(a, b); });
}

AvailabilityProfile::Amount AvailabilityProfile::max_free(Time begin, Time end) const {
    return extreme(begin, end, greatest_, [](Amount a, Amount b) { return std::max(a, b); });
}

void AvailabilityProfile::summarise(std::size_t block) {
    const Block& steps = *blocks_[block];
    Amount least = steps.free[0];
    Amount greatest = steps.free[0];
    for (int i = 1; i < steps.count; ++i) {
        least = std::min(least, steps.free[i]);
        greatest = std::max(greatest, steps.free[i]);
    }
    least_[block] = least + pending_[block];
    greatest_[block] = greatest + pending_[block];
}

void AvailabilityProfile::divide(std::size_t block) {
    auto upper = std::make_unique<Block>();
    Block& lower = *blocks_[block];
    const int half = lower.count / 2;
    upper->count = lower.count - half;
    std::copy(lower.time + half, lower.time + lower.count, upper->time);
    std::copy(lower.free + half, lower.free + lower.count, upper->free);
    lower.count = half;
    const auto next = static_cast<std::ptrdiff_t>(block) + 1;
    first_.insert(first_.begin() + next, upper->time[0]);
    pending_.insert(pending_.begin() + next, pending_[block]);
    least_.insert(least_.begin() + next, 0);
    greatest_.insert(greatest_.begin() + next, 0);
    blocks_.insert(blocks_.begin() + next, std::move(upper));
    summarise(block);
    summarise(block + 1);
}

/// Makes a step begin at `time`, which must not be before the profile.
AvailabilityProfile::Place AvailabilityProfile::split(Time time) {
    Place place = locate(time);
    if (blocks_[place.block]->time[place.index] == time) return place;
    if (blocks_[place.block]->count == kBlock) {
        divide(place.block);
        place = locate(time);
    }
    Block& steps = *blocks_[place.block];
    const int index = place.index + 1;
    std::copy_backward(steps.time + index, steps.time + steps.count, steps.time + steps.count + 1);
    std::copy_backward(steps.free + index, steps.free + steps.count, steps.free + steps.count + 1);
    steps.time[index] = time;
    steps.free[index] = steps.free[place.index];
    ++steps.count;
    return {place.block, index};
}

AvailabilityProfile::Place AvailabilityProfile::after(Place place) const {
    if (place.index + 1 < blocks_[place.block]->count) return {place.block, place.index + 1};
    return {place.block + 1, 0};
}

/// Joins a step to the one before it if they are equal.
void AvailabilityProfile::merge(Place place) {
    if (place.block == 0 && place.index == 0) return;
    if (at(before(place)) != at(place)) return;
    Block& steps = *blocks_[place.block];
    std::copy(steps.time + place.index + 1, steps.time + steps.count, steps.time + place.index);
    std::copy(steps.free + place.index + 1, steps.free + steps.count, steps.free + place.index);
    --steps.count;
    if (steps.count > 0) {
        first_[place.block] = steps.time[0];
        if (place.index == 0) summarise(place.block);  // within a block the amount is still there
        return;
    }
    const auto gone = static_cast<std::ptrdiff_t>(place.block);
    first_.erase(first_.begin() + gone);
    least_.erase(least_.begin() + gone);
    greatest_.erase(greatest_.begin() + gone);
    pending_.erase(pending_.begin() + gone);
    blocks_.erase(blocks_.begin() + gone);
}

void AvailabilityProfile::add(Time begin, Time end, Amount change) {
    begin = std::max(begin, this->begin());
    if (begin >= end || change == 0) return;
    Place first = split(begin);
    Place behind{blocks_.size(), 0};
    if (end != kNever) {
        const std::size_t blocks = blocks_.size();
        behind = split(end);
        if (blocks_.size() != blocks) first = locate(begin);
    }
    const Place last = before(behind);
    for (std::size_t b = first.block; b <= last.block; ++b) {
        const int from = b == first.block ? first.index : 0;
        const int to = b == last.block ? last.index + 1 : blocks_[b]->count;
        if (from == 0 && to == blocks_[b]->count) {
            pending_[b] += change;
            least_[b] += change;
            greatest_[b] += change;
            continue;
        }
        for (int i = from; i < to; ++i) blocks_[b]->free[i] += change;
        summarise(b);
    }
    if (end != kNever) merge(behind);
    merge(first);
}

/// Moves `place` to the first step at or after it with at least `amount` free, passing over starts whose
/// window has less in a block that lies in it as a whole.
bool AvailabilityProfile::next_start(Place& place, Time from, Time duration, Amount amount, Time cap) const {
    while (place.block < blocks_.size()) {
        if (greatest_[place.block] < amount) {
            place = {place.block + 1, 0};
            continue;
        }
        const Block& steps = *blocks_[place.block];
        // Whatever start is found in this block, its window reaches as far as that of the first.
        const Time start = std::max(from, steps.time[place.index]);
        const Time end = start > cap - duration ? cap : start + duration;
        std::size_t whole =
            place.block + last_at_or_before(first_.data() + place.block, first_.size() - place.block, end);
        while (whole > place.block + 1 && least_[whole - 1] >= amount) --whole;
        if (whole > place.block + 1) {
            --whole;
            place = after({whole, last_below(whole, blocks_[whole]->count - 1, 0, amount)});
            continue;
        }
        const Amount wanted = amount - pending_[place.block];
        while (place.index < steps.count && steps.free[place.index] < wanted) ++place.index;
        if (place.index < steps.count) return true;
        place = {place.block + 1, 0};
    }
    return false;
}

/// The last step of a block, from `last` down to `first`, with less than `amount` free; -1: none.
int AvailabilityProfile::last_below(std::size_t block, int last, int first, Amount amount) const {
    const Amount wanted = amount - pending_[block];
    for (int i = last; i >= first; --i)
        if (blocks_[block]->free[i] < wanted) return i;
    return -1;
}

/// Finds the last step in [first, last] with less than `amount` free.
bool AvailabilityProfile::last_below(Place first, Place last, Amount amount, Place& found) const {
    for (std::size_t b = last.block + 1; b-- > first.block;) {
        if (least_[b] >= amount) continue;
        const int i = last_below(b, b == last.block ? last.index : blocks_[b]->count - 1,
                                 b == first.block ? first.index : 0, amount);
        if (i < 0) continue;
        found = {b, i};
        return true;
    }
    return false;
}

AvailabilityProfile::Time AvailabilityProfile::earliest(Time from, Time duration, Amount amount,
                                                        Time cap) const {
    from = std::max(from, begin());
    if (from >= cap) return cap;
    if (from >= cap - duration) {  // every window reaches the cap: the last violation decides
        const Place last = locate(cap - 1);
        if (at(last) < amount) return cap;
        Place found{};
        if (!last_below(locate(from), last, amount, found)) return from;
        found = after(found);
        return blocks_[found.block]->time[found.index];
    }
    Place place = locate(from);
    while (next_start(place, from, duration, amount, cap)) {
        const Block& steps = *blocks_[place.block];
        const Time start = std::max(from, steps.time[place.index]);
        if (start >= cap) return cap;
        const Time end = start > cap - duration ? cap : start + duration;
        // A near violation is found sooner by walking on than by looking back from the end of the window.
        constexpr int kNear = 12;
        const Amount wanted = amount - pending_[place.block];
        const int near = std::min(steps.count, place.index + kNear);
        int next = place.index + 1;
        while (next < near && steps.time[next] < end && steps.free[next] >= wanted) ++next;
        if (next < near) {
            if (steps.time[next] >= end) return start;
            place.index = next;
            continue;
        }
        // The last violation in the window rules out the most starts.
        const Place last = end > start ? locate(end - 1) : place;
        if (!last_below(place, last, amount, place)) return start;
        place = after(place);
    }
    return cap;
}

void AvailabilityProfile::forget_before(Time time) {
    std::size_t past = 0;
    while (past + 1 < first_.size() && first_[past + 1] <= time) ++past;
    if (past > 0) {
        const auto count = static_cast<std::ptrdiff_t>(past);
        first_.erase(first_.begin(), first_.begin() + count);
        least_.erase(least_.begin(), least_.begin() + count);
        greatest_.erase(greatest_.begin(), greatest_.begin() + count);
        pending_.erase(pending_.begin(), pending_.begin() + count);
        blocks_.erase(blocks_.begin(), blocks_.begin() + count);
    }
    Block& steps = *blocks_.front();
    constexpr int kWorthIt = 8;  // steps in the past slow every search down, but moving the others costs too
    if (steps.count <= kWorthIt || steps.time[kWorthIt] > time) return;
    const int keep = locate(time).index;
    std::copy(steps.time + keep, steps.time + steps.count, steps.time);
    std::copy(steps.free + keep, steps.free + steps.count, steps.free);
    steps.count -= keep;
    first_.front() = steps.time[0];
    summarise(0);
}

}  // namespace hal::reserve
