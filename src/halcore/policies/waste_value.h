#pragma once

#include <memory>
#include <vector>

#include "halcore/policies/rollouts.h"

namespace hal {

/// What a node's free room is expected to lose, V = W + wide * F + eager * (idle devices).
///
/// W: what typical tasks leave idle (rollouts.h). F: the free share that tasks of several devices cannot use
/// (fragmentation.h), averaged over those tasks by popularity * devices: without it one wide task is refused
/// for many small ones. eager: a share then opens a device rather than fill a hole it fits badly. Devices run
/// out earlier, and with them the tasks that ask for most of one and leave a rest that nothing fills (0.81);
/// the holes are filled by what comes later.
/// Placing a task gains V_before - V_after - price, price = 0.4 * the task's milli-GPU * how much the class
/// is in demand: sum over the typical tasks it may run of (share of the demand) * (all GPUs / GPUs they may
/// use), so a task that may run anywhere leaves the sought models alone. Compared in steps of 20 milli-GPU.
/// V is an integer, in steps of 1/80 milli-GPU. Cost: two look-ups and some arithmetic.
class WasteValue {
  public:
    static constexpr std::int64_t kUnit = Rollouts::kUnit, kStep = 20 * kUnit;

    struct Weights {
        std::uint64_t seed;        // which sequences
        std::int64_t wide, eager;  // 1/1000; milli-GPU
    };
    /// The best way to place a task on a node: what it gains, in steps, and what it leaves.
    struct Landing {
        std::int64_t gain;
        StateId next;
        std::int32_t free;  // of the device that a share takes; 0 when there is no choice
    };

    WasteValue(const Cluster& cluster, GpuStates& states, const std::vector<TypicalTask>& tasks,
               Weights weights);
    /// The same tasks weighed differently. Shares the rollouts when the sequences are the same.
    WasteValue with(Weights weights) const;
    const Weights& weights() const { return weights_; }

    /// V of an interned state with this much CPU free.
    std::int64_t of(StateId state, std::int64_t cpu) {
        const Rollouts::Outcome& out = rollouts_->of(state, cpu);
        return out.waste + (out.lost * kUnit / 1000 * weights_.wide >> 20) +
               out.idle * weights_.eager * kUnit;
    }
    /// The device that gains most, the tightest of equals. Precondition: the task fits.
    Landing land(StateId state, std::int64_t cpu, std::int64_t task_cpu, std::int32_t milli, int gpus);

  private:
    std::int64_t price(ClassId node_class);

    const Cluster* cluster_;
    GpuStates* states_;
    const std::vector<TypicalTask>* tasks_;
    Weights weights_;
    std::shared_ptr<Rollouts> rollouts_;
    std::vector<std::int64_t> gpus_;    // in the cluster, by class
    std::vector<std::int64_t> prices_;  // by class, in 1/1024; -1: not known yet
};

}  // namespace hal
