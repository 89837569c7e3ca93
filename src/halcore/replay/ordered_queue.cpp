#include "halcore/replay/ordered_queue.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace hal::replay {
namespace {

constexpr std::int32_t kGap = std::numeric_limits<std::int32_t>::max();

bool before(double key_a, JobId a, double key_b, JobId b) {
    return (key_a < key_b) | ((key_a == key_b) & (a < b));
}

}  // namespace

std::size_t OrderedQueue::skip_gaps(std::size_t at) const {
    while (at < jobs_.size() && procs_[at] == kGap) ++at;
    return at;
}

std::size_t OrderedQueue::find(double key, JobId job) const {
    std::size_t low = head_;
    std::size_t high = jobs_.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (before(keys_[middle], jobs_[middle], key, job))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void OrderedQueue::insert(const Item& item) {
    if (jobs_.size() > 2 * live_ + 32) compact();
    std::size_t at = jobs_.size();
    if (at > head_ && before(item.key, item.job, keys_.back(), jobs_.back())) at = find(item.key, item.job);
    const auto offset = static_cast<std::ptrdiff_t>(at);
    keys_.insert(keys_.begin() + offset, item.key);
    jobs_.insert(jobs_.begin() + offset, item.job);
    procs_.insert(procs_.begin() + offset, item.procs);
    predicted_.insert(predicted_.begin() + offset, item.predicted);
    ++live_;
    head_ = skip_gaps(head_);
}

void OrderedQueue::erase_at(std::size_t at) {
    procs_[at] = kGap;
    --live_;
    head_ = skip_gaps(head_);
}

void OrderedQueue::erase(double key, JobId job) {
    erase_at(find(key, job));
}

void OrderedQueue::compact() {
    std::size_t kept = 0;
    for (std::size_t i = head_; i < jobs_.size(); ++i) {
        if (procs_[i] == kGap) continue;
        keys_[kept] = keys_[i];
        jobs_[kept] = jobs_[i];
        procs_[kept] = procs_[i];
        predicted_[kept] = predicted_[i];
        ++kept;
    }
    keys_.resize(kept);
    jobs_.resize(kept);
    procs_.resize(kept);
    predicted_.resize(kept);
    head_ = 0;
}

void OrderedQueue::rekey(std::span<const double> keys) {
    std::vector<Item> items;
    items.reserve(live_);
    for (std::size_t i = head_; i < jobs_.size(); ++i)
        if (procs_[i] != kGap) items.push_back({keys[i - head_], jobs_[i], procs_[i], predicted_[i]});
    std::sort(items.begin(), items.end(),
              [](const Item& a, const Item& b) { return before(a.key, a.job, b.key, b.job); });
    keys_.resize(items.size());
    jobs_.resize(items.size());
    procs_.resize(items.size());
    predicted_.resize(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        keys_[i] = items[i].key;
        jobs_[i] = items[i].job;
        procs_[i] = items[i].procs;
        predicted_[i] = items[i].predicted;
    }
    head_ = 0;
}

std::size_t OrderedQueue::find_fit(std::size_t at, std::int32_t free, std::int32_t slack,
                                   std::int32_t extra) const {
    constexpr std::size_t kBlock = 16;
    const std::size_t count = jobs_.size();
    const std::int32_t* procs = procs_.data();
    const std::int32_t* predicted = predicted_.data();
    const auto fits = [=](std::size_t i) {
        return static_cast<int>(procs[i] <= free) &
               (static_cast<int>(predicted[i] <= slack) | static_cast<int>(procs[i] <= extra));
    };
    for (; at + kBlock <= count; at += kBlock) {
        int any = 0;  // no early exit within a block: that is what lets the compiler use vectors
        for (std::size_t i = 0; i < kBlock; ++i) any |= fits(at + i);
        if (any) break;
    }
    while (at < count && !fits(at)) ++at;
    return at;
}

}  // namespace hal::replay
