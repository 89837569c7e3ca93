#pragma once

#include <algorithm>
#include <vector>

#include "halcore/replay/job_table.h"

namespace hal::replay {

/// The running jobs that still hold processors by prediction, sorted by predicted end (ties: lower id).
///
/// A flat sorted array: the earliest ends, which every pass reads, lie together, and a machine runs hundreds
/// to thousands of jobs at once, for which moving half the array costs less than walking a tree.
class RunningSet {
  public:
    struct Entry {
        Seconds end;
        std::int32_t procs;
        JobId job;
        friend bool operator<(const Entry& a, const Entry& b) {
            return (a.end < b.end) | ((a.end == b.end) & (a.job < b.job));
        }
    };

    std::int64_t held() const { return held_; }
    bool empty() const { return first_ == entries_.size(); }
    const Entry* begin() const { return entries_.data() + first_; }
    const Entry* end() const { return entries_.data() + entries_.size(); }

    void insert(const Entry& entry) {
        entries_.insert(std::upper_bound(entries_.begin() + first_, entries_.end(), entry), entry);
        held_ += entry.procs;
    }

    /// False when the job is not in the set, because its predicted end has passed.
    bool erase(const Entry& entry) {
        const auto found = std::lower_bound(entries_.begin() + first_, entries_.end(), entry);
        if (found == entries_.end() || found->job != entry.job || found->end != entry.end) return false;
        entries_.erase(found);
        held_ -= entry.procs;
        return true;
    }

    Entry pop_front() {
        const Entry front = entries_[first_++];
        held_ -= front.procs;
        if (first_ == entries_.size() || first_ >= 64) {
            entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
        return front;
    }

  private:
    std::vector<Entry> entries_;
    std::size_t first_ = 0;  // entries before it are popped
    std::int64_t held_ = 0;
};

}  // namespace hal::replay
