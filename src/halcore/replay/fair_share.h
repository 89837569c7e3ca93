#pragma once

#include <unordered_map>

#include "halcore/replay/order.h"

namespace hal::replay {

/// Who has used least is next: the key is the user's mean number of processors over all the past, weighted by
/// 2^-(age / half_life), running jobs up to now included; within a user by submission. The average is that of
/// `UseHistory`, kept for one level of users and charged while jobs run, not when they end.
/// Source: the half-life decay of Slurm's multifactor priority (PriorityDecayHalfLife).
class FairShare final : public Order {
  public:
    explicit FairShare(double half_life);
    bool is_static() const override { return false; }
    double key(const JobRecord& job, Seconds now) const override;
    void started(const JobRecord& job) override;
    void finished(const JobRecord& job) override;

  private:
    struct Use {
        double average = 0.0;    // at `at`
        std::int64_t procs = 0;  // held since then
        Seconds at = 0;
    };
    double average(const Use& use, Seconds now) const;
    void change(std::int32_t user, Seconds now, std::int64_t procs);

    double half_life_;
    std::unordered_map<std::int32_t, Use> users_;  // looked up, never iterated
};

}  // namespace hal::replay
