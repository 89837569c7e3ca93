#include "halcore/policies/rollouts.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "halcore/policies/lanes.h"
#include "halcore/policies/split_mix.h"

namespace hal {
namespace {

constexpr std::int32_t kWhole = 1000;
constexpr std::int64_t kCells = 64, kCpuSteps = 64;
constexpr std::size_t kLeastMemo = std::size_t{1} << 12, kMostMemo = std::size_t{1} << 21;

}  // namespace

std::int32_t drawn_milli(const TypicalTask& task) {
    return task.gpus == 1 && task.milli > 0 ? task.milli : kWhole;
}

bool allowed_on(const Cluster& cluster, ClassId node_class, const TypicalTask& task) {
    const auto& devices = cluster.classes()[node_class].devices;
    if (task.models.empty()) return !devices.empty();
    return std::any_of(devices.begin(), devices.end(), [&](const Device& device) {
        return std::binary_search(task.models.begin(), task.models.end(), device.model);
    });
}

Rollouts::Rollouts(const Cluster& cluster, GpuStates& states, const std::vector<TypicalTask>& tasks,
                   std::uint64_t seed)
    : cluster_(cluster),
      states_(states),
      tasks_(tasks),
      cpu_step_(std::max<std::int64_t>((cluster.largest(kCpu) + kCpuSteps - 1) / kCpuSteps, 1)),
      memo_(kLeastMemo),
      generation_(states.generation()) {
    if (tasks.empty()) return;
    const TaskLottery lottery(tasks);
    SplitMix64 random(seed);
    for (int i = 0; i < kSequences * kDraws; ++i) sequences_.push_back(lottery.draw(random));
}

Rollouts::Limits::Limits(std::vector<std::pair<std::int64_t, int>> needs) : draws(1) {
    std::sort(needs.begin(), needs.end());
    for (const auto& [need, draw] : needs) {
        if (value.empty() || value.back() != need) {
            value.push_back(need);
            draws.push_back(draws.back());
        }
        draws.back()[draw / kDraws] |= std::uint64_t{1} << draw % kDraws;
    }
}

const Rollouts::Profile& Rollouts::profile(ClassId node_class) {
    if (node_class >= profiles_.size()) profiles_.resize(node_class + 1);
    Profile& p = profiles_[node_class];
    if (p.known) return p;
    p.known = true;
    std::vector<std::uint8_t> here(tasks_.size());
    double wide = 0;
    for (std::size_t m = 0; m < tasks_.size(); ++m) {
        const TypicalTask& t = tasks_[m];
        here[m] = t.gpus == 0 || allowed_on(cluster_, node_class, t);
        if (t.gpus > 1) wide += t.p * t.gpus;
    }
    for (std::size_t m = 0; m < tasks_.size(); ++m) {
        const TypicalTask& t = tasks_[m];
        if (t.gpus < 2) continue;
        const auto weight = static_cast<std::int64_t>(t.p * t.gpus / wide * 1048576);
        p.wide.push_back({t.cpu, weight, t.milli, t.gpus, here[m] != 0});
    }
    std::vector<std::pair<std::int64_t, int>> cpu, share, whole;
    for (int i = 0; i < static_cast<int>(sequences_.size()); ++i) {
        const TypicalTask& t = tasks_[sequences_[i]];
        p.draws.push_back({static_cast<std::int32_t>(std::min<std::int64_t>(t.cpu, INT32_MAX)),
                           static_cast<std::int16_t>(t.gpus ? drawn_milli(t) : 0),
                           static_cast<std::int16_t>(t.gpus)});
        if (!here[sequences_[i]]) continue;
        cpu.emplace_back(t.cpu, i);
        if (t.gpus == 0) {
            p.no_gpu[i / kDraws] |= std::uint64_t{1} << i % kDraws;
        } else if (drawn_milli(t) == kWhole) {
            whole.emplace_back(t.gpus, i);
        } else {
            share.emplace_back(drawn_milli(t), i);
        }
    }
    tabulate(p, Limits(std::move(cpu)), Limits(std::move(share)), Limits(std::move(whole)));
    return p;
}

void Rollouts::tabulate(Profile& p, const Limits& cpu, const Limits& share, const Limits& whole) {
    const std::int64_t most = cpu.value.empty() ? 0 : cpu.value.back();
    while (most >> p.cpu_shift >= kCells) ++p.cpu_shift;
    for (std::int64_t cell = 0; cell < kCells; ++cell)
        p.cpu_cell.push_back(cpu.within(((cell + 1) << p.cpu_shift) - 1));
    for (std::int64_t milli = 0; milli <= kWhole; ++milli)
        p.share_rung.push_back(static_cast<std::uint16_t>(share.rung(milli)));
    const auto add = [&](const Words& shares, const Words& wholes) {
        Words& words = p.room.emplace_back(p.no_gpu);
        for (int i = 0; i < kSequences; ++i) words[i] |= shares[i] | wholes[i];
    };
    for (const Words& shares : share.draws) add(shares, {});
    for (int idle = 1; idle <= kMaxGpusPerNode; ++idle) add(share.draws.back(), whole.within(idle));
}

Rollouts::Outcome Rollouts::compute(StateId state, std::int64_t cpu) {
    const Profile& p = profile(states_.class_of(state));
    const auto free = states_.free(state);
    const std::int64_t total = states_.total(state);
    if (total == 0) return {};
    Outcome out;
    out.idle = static_cast<std::int32_t>(std::count(free.begin(), free.end(), kWhole));
    std::int64_t usable = 0;
    std::int32_t milli = -1, enough = 0;
    for (const Wide& w : p.wide) {
        if (milli != w.milli) {  // most ask for whole devices: the same answer for all of them
            milli = w.milli;
            enough = 0;
            usable = 0;
            for (const std::int32_t g : free) {
                if (g < milli) continue;
                ++enough;
                usable += g;
            }
        }
        const bool fits = w.allowed && enough >= w.gpus && cpu >= w.cpu;
        out.lost += w.weight * (fits ? total - usable : total);
    }
    out.waste = waste(p, free, cpu);
    return out;
}

std::int64_t Rollouts::waste(const Profile& p, std::span<const std::int32_t> free, std::int64_t cpu) {
    return free.size() <= 8 ? roll(p, EightLanes(free), free, cpu) : roll(p, Lanes(free), free, cpu);
}

template <class L>
std::int64_t Rollouts::roll(const Profile& p, const L& lanes, std::span<const std::int32_t> free,
                            std::int64_t cpu) {
    const auto idle = static_cast<int>(std::count(free.begin(), free.end(), kWhole));
    const std::int64_t total = std::accumulate(free.begin(), free.end(), std::int64_t{0});
    std::int64_t left[kSequences], all = 0, low = 0;
    for (int i = 0; i < kSequences; ++i) {
        left[i] = total - rollout(p, i, lanes, idle, cpu);
        all += left[i];
    }
    std::nth_element(left, left + kSequences / 2, left + kSequences);
    for (int i = 0; i < kSequences / 2; ++i) low += left[i];
    return all + 3 * low;  // 80 (0.4 all / 32 + 0.6 low / 16)
}

// The milli-GPU one sequence puts to use. What a step leaves no room for never fits again, and is dropped
// from `fitting` there and then. A task without GPU takes 0 of some device, a whole device is a share of
// 1000: that spares branches that cannot be foreseen.
template <class L>
std::int64_t Rollouts::rollout(const Profile& p, int sequence, L lanes, int idle, std::int64_t cpu) {
    const Draw* const draws = p.draws.data() + sequence * kDraws;
    const std::uint64_t no_gpu = p.no_gpu[sequence];
    const auto room = [&] {
        return p.cpu_cell[std::min(cpu >> p.cpu_shift, kCells - 1)][sequence] &
               p.room[p.share_rung[lanes.most()] + idle][sequence];
    };
    std::uint64_t fitting = room();
    std::int64_t used = 0;
    while (fitting & ~no_gpu) {
        const Draw& d = draws[std::countr_zero(fitting)];
        fitting &= fitting - 1;
        if (cpu < d.cpu) continue;
        cpu -= d.cpu;
        int more = d.gpus;
        do {
            idle -= (lanes.take(d.milli) == kWhole) & (d.milli > 0);
            used += d.milli;
        } while (--more > 0);
        fitting &= room();
    }
    return used;
}

std::size_t Rollouts::slot(StateId state, std::uint32_t step) const {
    std::uint64_t h = (step + (static_cast<std::uint64_t>(state) << 32)) * 0x9E3779B97F4A7C15ULL;
    std::size_t i = (h ^ h >> 32) & (memo_.size() - 1);
    while (memo_[i].state != UINT32_MAX && (memo_[i].state != state || memo_[i].step != step)) {
        i = (i + 1) & (memo_.size() - 1);
    }
    return i;
}

void Rollouts::grow() {
    std::vector<Entry> old(memo_.size() >= kMostMemo ? kLeastMemo : 2 * memo_.size());
    old.swap(memo_);
    used_ = 0;
    if (memo_.size() == kLeastMemo) return;  // full: start anew, which bounds the memory
    for (const Entry& e : old) {
        if (e.state == UINT32_MAX) continue;
        memo_[slot(e.state, e.step)] = e;
        ++used_;
    }
}

const Rollouts::Outcome& Rollouts::of(StateId state, std::int64_t cpu) {
    if (generation_ != states_.generation()) {
        memo_.assign(kLeastMemo, {});
        used_ = 0;
        generation_ = states_.generation();
    }
    const auto step = static_cast<std::uint32_t>(std::min<std::int64_t>(cpu / cpu_step_, UINT32_MAX));
    std::size_t i = slot(state, step);
    if (memo_[i].state == UINT32_MAX) {
        if (2 * ++used_ > memo_.size()) {
            grow();
            ++used_;
            i = slot(state, step);
        }
        memo_[i] = {state, step, compute(state, step * cpu_step_)};
    }
    return memo_[i].outcome;
}

}  // namespace hal
