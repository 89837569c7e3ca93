#include "halcore/engine/fit_lanes.h"

#include <algorithm>
#include <bit>

namespace hal {

FitLanes::Ladder FitLanes::ladder(std::vector<std::pair<std::int64_t, std::size_t>> amounts,
                                  const LaneSet& always) {
    std::sort(amounts.begin(), amounts.end());
    Ladder ladder;
    ladder.sets.push_back(always);
    for (const auto& [amount, lane] : amounts) {
        if (ladder.at.empty() || ladder.at.back() != amount) {
            ladder.at.push_back(amount);
            ladder.sets.push_back(ladder.sets.back());
        }
        ladder.sets.back().add(lane);
    }
    return ladder;
}

FitLanes::Table FitLanes::table(Ladder ladder, std::int64_t limit) {
    Table table{std::move(ladder), {}};
    for (std::int64_t amount = 0; amount <= limit; ++amount) {
        const auto& at = table.ladder.at;
        table.rung.push_back(
            static_cast<std::uint16_t>(std::upper_bound(at.begin(), at.end(), amount) - at.begin()));
    }
    return table;
}

FitLanes::FitLanes(const Cluster& cluster, Matcher& matcher, ShapeId begin, ShapeId end)
    : cluster_(cluster), matcher_(matcher), begin_(begin), end_(end) {
    std::vector<std::pair<std::int64_t, std::size_t>> cpu, memory, idle, most;
    LaneSet no_gpu;
    for (ShapeId id = begin; id < end; ++id) {
        const Shape& s = cluster.shape(id);
        const std::size_t lane = id - begin;
        cpu.emplace_back(s.cpu, lane);
        memory.emplace_back(s.memory, lane);
        if (s.gpus == 0) {
            no_gpu.add(lane);
        } else if (s.whole()) {
            idle.emplace_back(s.gpus, lane);
        } else {
            most.emplace_back(s.milli, lane);
        }
    }
    cpu_ = ladder(std::move(cpu), {});
    memory_ = ladder(std::move(memory), {});
    idle_ = table(ladder(std::move(idle), no_gpu), kMaxGpusPerNode);
    most_ = table(ladder(std::move(most), {}), kWholeGpu.value());
}

void FitLanes::learn_class() {
    const auto c = static_cast<ClassId>(classes_.size());
    ClassLanes lanes;
    for (ShapeId id = begin_; id < end_; ++id) {
        const Shape& s = cluster_.shape(id);
        const Matcher::Match match = matcher_.match(id, c);
        if (match == Matcher::kNo) continue;
        lanes.may.add(id - begin_);
        if ((s.gpus > 0 && match == Matcher::kSome) || !s.extended.empty()) lanes.ask.add(id - begin_);
    }
    classes_.push_back(lanes);
}

// Empty nodes of one kind are alike, and where many are opened one comes after the other.
LaneSet FitLanes::of(NodeId node) {
    if (cluster_.task_count(node) > 0) return find(node);
    const KindId kind = cluster_.kind(node);
    if (empty_.size() <= kind) empty_.resize(cluster_.kinds().size());
    if (!empty_[kind]) empty_[kind] = find(node);
    return *empty_[kind];
}

LaneSet FitLanes::find(NodeId node) {
    const ClassId c = cluster_.class_of(node);
    while (classes_.size() <= c) learn_class();
    const ClassLanes& lanes = classes_[c];
    LaneSet fit =
        lanes.may & cpu_.served(cluster_.free(kCpu, node)) & memory_.served(cluster_.free(kMemory, node));
    fit &= idle_.served(cluster_.gpu_idle(node)) | most_.served(cluster_.gpu_max_free(node)) | lanes.ask;
    if (const LaneSet ask = fit & lanes.ask; ask.any()) {
        for (std::size_t w = 0; w < LaneSet::kWords; ++w) {
            for (std::uint64_t m = ask.words[w]; m; m &= m - 1) {
                const std::size_t lane = 64 * w + std::countr_zero(m);
                if (!matcher_.fits(begin_ + static_cast<ShapeId>(lane), node)) fit.remove(lane);
            }
        }
    }
    return fit;
}

}  // namespace hal
