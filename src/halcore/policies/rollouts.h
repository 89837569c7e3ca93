#pragma once

#include <algorithm>
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
        std::int32_t cpu;
        std::int16_t milli, gpus;  // milli 1000: whole devices; 0: none
    };
    struct Wide {
        std::int64_t cpu, weight;  // weights of all wide tasks: 2^20
        std::int32_t milli, gpus;
        bool allowed;
    };
    using Words = std::array<std::uint64_t, kSequences>;
    /// Bit j of word i: draw j of sequence i needs no more than this.
    struct Limits {
        std::vector<std::int64_t> value;  // sorted
        std::vector<Words> draws;         // by number of values that are small enough
        explicit Limits(std::vector<std::pair<std::int64_t, int>> needs);  // (value, draw)
        std::size_t rung(std::int64_t limit) const {
            return static_cast<std::size_t>(std::upper_bound(value.begin(), value.end(), limit) -
                                            value.begin());
        }
        const Words& within(std::int64_t limit) const { return draws[rung(limit)]; }
    };
    /// What may run on a class of nodes. What does not fit now never will again in a rollout, so it is
    /// dropped 64 draws at a time, by tables of the draws that may fit.
    struct Profile {
        bool known = false;
        std::vector<Draw> draws;  // kSequences x kDraws
        Words no_gpu{};
        int cpu_shift = 0;
        std::vector<Words> cpu_cell;  // by CPU in cells of 2^cpu_shift: what fits somewhere in the cell
        std::vector<std::uint16_t> share_rung;  // by the largest free share
        std::vector<Words> room;                // by its rung + idle devices
        std::vector<Wide> wide;
    };
    struct Entry {
        StateId state = UINT32_MAX;
        std::uint32_t step = 0;  // of CPU
        Outcome outcome;
    };
    const Profile& profile(ClassId node_class);
    static void tabulate(Profile& p, const Limits& cpu, const Limits& share, const Limits& whole);
    Outcome compute(StateId state, std::int64_t cpu);
    static std::int64_t waste(const Profile& p, std::span<const std::int32_t> free, std::int64_t cpu);
    template <class L>
    static std::int64_t roll(const Profile& p, const L& lanes, std::span<const std::int32_t> free,
                             std::int64_t cpu);
    template <class L>
    static std::int64_t rollout(const Profile& p, int sequence, L lanes, int idle, std::int64_t cpu);
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
