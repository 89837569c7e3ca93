#pragma once

#include <array>
#include <utility>
#include <vector>

#include "halcore/policies/gpu_states.h"
#include "halcore/policies/typical.h"

namespace hal {

/// What a node's free room is expected to lose: the milli-GPU that stay idle when typical tasks keep coming.
///
/// 32 sequences of 40 typical tasks, drawn once by popularity and the same for every node, are packed onto a
/// copy of the node: a task that does not fit is passed over, a share takes the tightest device, the CPU is
/// used up. left_i is what sequence i leaves idle. The scheduler chooses what lands on a node, so the better
/// half of the sequences counts for more: W = 0.4 mean(left) + 0.6 mean(the 16 least).
/// V = W + wide * F, F the share that tasks of several devices cannot use (fragmentation.h), averaged over
/// those tasks by popularity * devices: without it one wide task is refused for many small ones.
/// Placing a task gains V_before - V_after - price, price = 0.4 * the task's milli-GPU * how much the class
/// is in demand: sum over the typical tasks it may run of (share of the demand) * (all GPUs / GPUs they may
/// use), so a task that may run anywhere leaves the sought models alone. Compared in steps of 20 milli-GPU.
/// V is an integer, in steps of 1/80 milli-GPU. Cost: about 7 us the first time a (devices, CPU) is met, then
/// a look-up. Shares of several devices count as whole devices here.
class WasteValue {
  public:
    static constexpr int kSequences = 32, kDraws = 40;
    static constexpr std::int64_t kUnit = 80;  // V is in 1/80 milli-GPU
    static constexpr std::int64_t kStep = 20 * kUnit;

    /// The best way to place a task on a node: what it gains, in steps, and what it leaves.
    struct Landing {
        std::int64_t gain;
        StateId next;
        std::int32_t free;  // of the device that a share takes; 0 when there is no choice
    };

    /// wide: in 1/1000.
    WasteValue(const Cluster& cluster, GpuStates& states, const std::vector<TypicalTask>& tasks,
               std::uint64_t seed, std::int64_t wide);

    /// V of an interned state with this much CPU free; remembered.
    std::int64_t of(StateId state, std::int64_t cpu);
    /// The device that gains most, the tightest of equals. Precondition: the task fits.
    Landing land(StateId state, std::int64_t cpu, std::int64_t task_cpu, std::int32_t milli, int gpus);
    /// V of free shares on a node of the class. Plain: nothing is remembered.
    std::int64_t compute(ClassId node_class, std::span<const std::int32_t> free, std::int64_t cpu);

  private:
    struct Draw {
        std::int64_t cpu;
        std::int32_t milli, gpus;  // milli 1000: whole devices
    };
    struct Wide {
        std::int64_t cpu, weight;  // weights of all wide tasks: 2^20
        std::int32_t milli, gpus;
        bool allowed;
    };
    using Words = std::array<std::uint64_t, kSequences>;
    struct Limits {
        std::vector<std::int64_t> value;  // sorted
        std::vector<Words> draws;         // by number of values that are small enough
        void build(std::vector<std::pair<std::int64_t, int>> needs);  // (value, draw)
        const Words& within(std::int64_t limit) const;
    };
    /// What may run on a class of nodes.
    struct Profile {
        bool known = false;
        std::int64_t price;        // in 1/1024
        std::int64_t least_cpu;    // of a task that uses a GPU here
        std::int32_t least_milli;  // of a share
        std::vector<Draw> draws;   // kSequences x kDraws
        // Bit j of word i: draw j of sequence i needs no more than this. What does not fit at the start of a
        // rollout never will, so it is skipped 64 draws at a time.
        Limits cpu, share, whole;
        Words no_gpu{};
        // The same during a rollout, by tables. CPU in cells of 2^cpu_shift: what fits somewhere in the cell.
        int cpu_shift = 0;
        std::vector<Words> cpu_cell;
        std::vector<Words> with_idle;           // by idle devices: whole ones and all others
        std::vector<std::uint16_t> share_rung;  // by milli: index into share.draws
        std::vector<Wide> wide;
    };
    struct Entry {
        StateId state = UINT32_MAX;
        std::int64_t cpu = 0, value = 0;
    };
    const Profile& profile(ClassId node_class);
    std::int64_t price(ClassId node_class) const;
    void tabulate(Profile& p) const;
    std::int64_t waste(const Profile& p, std::span<const std::int32_t> free, std::int64_t cpu) const;
    static std::int64_t rollout(const Profile& p, int sequence, std::uint64_t fitting, int idle,
                                const std::int32_t* open, int opened, std::int64_t cpu);
    std::size_t slot(StateId state, std::int64_t cpu) const;
    void grow();

    const Cluster& cluster_;
    GpuStates& states_;
    const std::vector<TypicalTask>& tasks_;
    std::int64_t wide_;
    std::vector<std::int64_t> gpus_;        // in the cluster, by class
    std::vector<std::uint32_t> sequences_;  // kSequences x kDraws indices of tasks; empty without tasks
    std::vector<Profile> profiles_;         // by class
    std::vector<Entry> memo_;               // open addressing, a power of two
    std::size_t used_ = 0;
    std::uint32_t generation_ = 0;
};

/// Whether a task of these models (empty: any) may run on a device of the class.
bool allowed_on(const Cluster& cluster, ClassId node_class, const TypicalTask& task);

}  // namespace hal
