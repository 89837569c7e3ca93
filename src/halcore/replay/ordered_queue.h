#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "halcore/replay/job_table.h"

namespace hal::replay {

/// Waiting jobs sorted by (key, id), in columns so that a pass over thousands of them is a few vector
/// instructions. Erased jobs stay as gaps until the next insertion that finds the gaps in the majority;
/// positions are therefore stable within a pass.
class OrderedQueue {
  public:
    struct Item {
        double key;
        JobId job;
        std::int32_t procs;
        std::int32_t predicted;
    };

    bool empty() const { return live_ == 0; }
    std::size_t size() const { return live_; }

    /// Position of the first job; call only if not empty. `end()` is one past the last.
    std::size_t head() const { return head_; }
    std::size_t end() const { return jobs_.size(); }
    /// First job at or after `at`, or end().
    std::size_t skip_gaps(std::size_t at) const;

    JobId job(std::size_t at) const { return jobs_[at]; }
    std::int32_t procs(std::size_t at) const { return procs_[at]; }
    std::int32_t predicted(std::size_t at) const { return predicted_[at]; }

    void insert(const Item& item);
    void erase(double key, JobId job);
    void erase_at(std::size_t at);
    /// Sorts again with new keys, one for each job from head() to end() (those of gaps are ignored).
    void rekey(std::span<const double> keys);

    /// First job from `at` on that needs at most `free` processors and either ends within `slack` seconds or
    /// needs at most `extra`; end() if none.
    std::size_t find_fit(std::size_t at, std::int32_t free, std::int32_t slack, std::int32_t extra) const;

  private:
    std::size_t find(double key, JobId job) const;
    void compact();

    std::vector<double> keys_;
    std::vector<JobId> jobs_;
    std::vector<std::int32_t> procs_;  // kGap where erased: larger than any machine, so that it never fits
    std::vector<std::int32_t> predicted_;
    std::size_t head_ = 0;
    std::size_t live_ = 0;
};

}  // namespace hal::replay
