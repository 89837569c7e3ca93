#pragma once

#include <array>
#include <utility>
#include <vector>

#include "halcore/policies/gpu_states.h"
#include "halcore/policies/typical.h"

namespace hal {

/// What typical tasks that keep coming leave idle on a node.
///
/// 32 sequences of 40 typical tasks, drawn once by popularity and the same for every node, are packed onto a
/// copy of the node: a task that does not fit is passed over, a share takes the tightest device, the CPU is
/// used up. left_i is what sequence i leaves idle. The scheduler chooses what lands on a node, so the better
/// half of the sequences counts for more: W = 0.4 mean(left) + 0.6 mean(the 16 least).
/// CPU is looked at in steps of 1/64 of the largest node, rounded down: nodes that differ by less share what
/// is computed. Cost: about 2 us the first time a (devices, CPU) is met, then a look-up. Shares of several
/// devices count as whole devices here.
class Rollouts {
  public:
    static constexpr int kSequences = 32, kDraws = 40;
    static constexpr std::int64_t kUnit = 80;  // W is in 1/80 milli-GPU

    /// What does not depend on how wide tasks and idle devices are weighed.
    struct Outcome {
        std::int64_t waste = 0;  // W
        std::int64_t lost = 0;   // F of wide tasks (waste_value.h), in 2^-20 milli-GPU
        std::int32_t idle = 0;   // devices
    };

    Rollouts(const Cluster& cluster, GpuStates& states, const std::vector<TypicalTask>& tasks,
             std::uint64_t seed);

    /// Of an interned state with this much CPU free; remembered.
    const Outcome& of(StateId state, std::int64_t cpu);

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
        std::uint32_t step = 0;  // of CPU
        Outcome outcome;
    };
    const Profile& profile(ClassId node_class);
    void tabulate(Profile& p) const;
    Outcome compute(StateId state, std::int64_t cpu);
    std::int64_t waste(const Profile& p, std::span<const std::int32_t> free, std::int64_t cpu) const;
    static std::int64_t rollout(const Profile& p, int sequence, std::uint64_t fitting, int idle,
                                const std::int32_t* open, int opened, std::int64_t cpu);
    std::size_t slot(StateId state, std::uint32_t step) const;
    void grow();

    const Cluster& cluster_;
    GpuStates& states_;
    const std::vector<TypicalTask>& tasks_;
    std::int64_t cpu_step_;
    std::vector<std::uint32_t> sequences_;  // kSequences x kDraws indices of tasks; empty without tasks
    std::vector<Profile> profiles_;         // by class
    std::vector<Entry> memo_;               // open addressing, a power of two
    std::size_t used_ = 0;
    std::uint32_t generation_ = 0;
};

/// Whether a task of these models (empty: any) may run on a device of the class.
bool allowed_on(const Cluster& cluster, ClassId node_class, const TypicalTask& task);
/// The share that a typical task takes of each device; whole ones when it takes several.
std::int32_t drawn_milli(const TypicalTask& task);

}  // namespace hal
