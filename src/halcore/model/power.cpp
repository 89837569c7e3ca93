#include "halcore/model/power.h"

#include <algorithm>

#include "halcore/model/error.h"

namespace hal {

namespace {
constexpr std::int64_t kMostMilliwatts = 1'000'000'000;

void check_milliwatts(const std::string& field, std::int64_t value) {
    if (value < 0 || value > kMostMilliwatts)
        throw InvalidModel(field + ": " + std::to_string(value) + " mW, must be from 0 to 1 MW");
}
}  // namespace

PowerCurve::PowerCurve(std::vector<std::pair<std::int32_t, std::int64_t>> points)
    : points_(std::move(points)) {
    if (points_.size() < 2 || points_.front().first != 0 || points_.back().first != 1000)
        throw InvalidModel("power curve: needs points from load 0 to load 1000 (thousandths)");
    for (std::size_t i = 0; i < points_.size(); ++i) {
        check_milliwatts("power curve", points_[i].second);
        if (i && (points_[i].first <= points_[i - 1].first || points_[i].second < points_[i - 1].second))
            throw InvalidModel("power curve: loads must rise and power must not fall, see point " +
                               std::to_string(i));
    }
}

std::int64_t PowerCurve::at(std::int64_t load) const {
    if (load <= 0) return idle();  // most devices are idle or full
    if (load >= 1000) return full();
    std::size_t i = 1;
    while (points_[i].first < load) ++i;
    const auto [x0, y0] = points_[i - 1];
    const auto [x1, y1] = points_[i];
    return y0 + (y1 - y0) * (load - x0) / (x1 - x0);
}

std::int64_t CpuPower::watts(std::int64_t capacity, std::int64_t free) const {
    // Whole cores: a core counts as idle when all of it is.
    const std::int64_t all = (capacity + milli_per_core - 1) / milli_per_core;
    const std::int64_t busy = all - free / milli_per_core;
    const std::int64_t sockets = (all + cores - 1) / cores;
    const std::int64_t filled = busy / cores, rest = busy % cores;
    std::int64_t sum = filled * socket.full() + (sockets - filled) * socket.idle();
    if (rest > 0) sum += socket.at((rest * 1000 + cores - 1) / cores) - socket.idle();
    return sum;
}

void PowerModel::check() const {
    if (cpu.cores < 1 || cpu.cores > 4096)
        throw InvalidModel("power.cpu.cores: " + std::to_string(cpu.cores) + " is not from 1 to 4096");
    if (cpu.milli_per_core < 1 || cpu.milli_per_core > 1'000'000)
        throw InvalidModel("power.cpu.milli_per_core: " + std::to_string(cpu.milli_per_core) +
                           " is not from 1 to 1000000");
    if (gpus.empty()) throw InvalidModel("power.gpus: is empty; give the figures of at least one model");
    for (const SleepState& state : sleep) {
        check_milliwatts("power.sleep", state.milliwatts);
        if (state.wake_micros < 0)
            throw InvalidModel("power.sleep: wake is " + std::to_string(state.wake_micros) + " µs, below 0");
        if (state.waking != SleepState::kAsIdle) check_milliwatts("power.sleep.waking", state.waking);
    }
}

PowerModel published_power() {
    const auto gpu = [](std::int64_t idle, std::int64_t full) {
        return PowerCurve::step(1000 * idle, 1000 * full);
    };
    return {CpuPower{PowerCurve::step(15'000, 120'000)},
            {{"T4", gpu(10, 70)},
             {"A10", gpu(30, 150)},
             {"G2", gpu(30, 150)},
             {"P100", gpu(25, 250)},
             {"V100", gpu(30, 300)},
             {"V100M16", gpu(30, 300)},
             {"V100M32", gpu(30, 300)},
             {"A100", gpu(50, 400)},
             {"G3", gpu(50, 400)}},
            {},
            0};
}

NodePower::NodePower(const PowerModel& model, const Cluster& cluster) : cluster_(cluster), model_(model) {
    const auto hungriest =
        std::max_element(model_.gpus.begin(), model_.gpus.end(),
                         [](const auto& a, const auto& b) { return a.second.full() < b.second.full(); });
    for (std::uint32_t id = 0; id < cluster.models().size(); ++id) {
        const auto known = model_.gpus.find(cluster.models().name(id));
        curves_.push_back(&(known == model_.gpus.end() ? hungriest : known)->second);
    }
    for (const SleepState& state : model_.sleep) {
        if (state.wake_micros > model_.most_wake_micros) continue;
        if (!state_ || state.milliwatts < state_->milliwatts) state_ = &state;
    }
}

std::int64_t NodePower::at(NodeId node, std::int64_t cpu_free, std::span<const std::int32_t> gpu_free) const {
    std::int64_t sum = model_.cpu.watts(cluster_.capacity(kCpu, node), cpu_free);
    for (std::size_t g = 0; g < gpu_free.size(); ++g)
        sum += curve(node, static_cast<int>(g)).at(kWholeGpu.value() - gpu_free[g]);
    return sum;
}

std::int64_t NodePower::of(NodeId node) const {
    const SleepState* const state = asleep(node);
    return state ? state->milliwatts : at(node, cluster_.free(kCpu, node), cluster_.gpu_free(node));
}

const SleepState* NodePower::asleep(NodeId node) const {
    if (!state_ || cluster_.task_count(node) != 0) return nullptr;
    const std::int64_t awake = at(node, cluster_.free(kCpu, node), cluster_.gpu_free(node));
    return state_->milliwatts < awake ? state_ : nullptr;
}

std::int64_t NodePower::waking(NodeId node) const {
    const std::int64_t draws = state_->waking == SleepState::kAsIdle
                                   ? at(node, cluster_.free(kCpu, node), cluster_.gpu_free(node))
                                   : state_->waking;
    return std::max<std::int64_t>(0, draws - state_->milliwatts);
}

std::int64_t NodePower::idle(const NodeKind& kind) const {
    const std::int64_t cpu = kind.capacity.empty() ? 0 : kind.capacity[kCpu];
    std::int64_t sum = model_.cpu.watts(cpu, cpu);
    for (const Device& d : cluster_.classes()[kind.node_class].devices) sum += curves_[d.model]->idle();
    return sum;
}

std::int64_t NodePower::most_waking() const {
    if (!state_) return 0;
    std::int64_t most = std::max<std::int64_t>(0, state_->waking - state_->milliwatts);
    if (state_->waking != SleepState::kAsIdle) return most;
    for (KindId k = 0; k < cluster_.kinds().size(); ++k)
        most = std::max(most, idle(cluster_.kinds()[k]) - state_->milliwatts);
    return most;
}

std::int64_t NodePower::most_added(const Shape& shape) const {
    const PowerCurve& socket = model_.cpu.socket;
    // A task touches at most one socket more than it fills; waking an empty node adds what it saved.
    const std::int64_t a_socket = std::int64_t{model_.cpu.cores} * model_.cpu.milli_per_core;
    std::int64_t most = (shape.cpu / a_socket + 2) * (socket.full() - socket.idle());
    std::int64_t device = 0, woken = 0;
    for (const PowerCurve* curve : curves_) device = std::max(device, curve->full() - curve->idle());
    most += shape.gpus * device;
    if (state_) {
        for (KindId k = 0; k < cluster_.kinds().size(); ++k)
            woken = std::max(woken, idle(cluster_.kinds()[k]) - state_->milliwatts);
    }
    return most + woken;
}

}  // namespace hal
