#include "halcore/policies/gpu_states.h"

#include <algorithm>

namespace hal {

StateId GpuStates::intern(ClassId node_class, std::span<const std::int32_t> free) {
    std::int32_t sorted[kMaxGpusPerNode];
    const std::size_t count = free.size();
    std::copy(free.begin(), free.end(), sorted);
    std::sort(sorted, sorted + count);
    std::uint64_t hash = node_class + 0x9E3779B97F4A7C15ULL;
    for (std::size_t i = 0; i < count; ++i) {
        hash = (hash ^ static_cast<std::uint64_t>(sorted[i])) * 0xD6E8FEB86659FD93ULL;
        hash ^= hash >> 32;
    }
    for (auto [it, end] = ids_.equal_range(hash); it != end; ++it) {
        const Info& info = info_[it->second];
        if (info.node_class == node_class && info.count == count &&
            std::equal(sorted, sorted + count, values_.data() + info.begin)) {
            return it->second;
        }
    }
    Info info{node_class, static_cast<std::uint32_t>(values_.size()), static_cast<std::uint32_t>(count), 0};
    for (std::size_t i = 0; i < count; ++i) {
        info.total += sorted[i];
        values_.push_back(sorted[i]);
    }
    const StateId id = size();
    info_.push_back(info);
    steps_.emplace_back();
    ids_.emplace(hash, id);
    return id;
}

std::uint32_t GpuStates::milli_index(std::int32_t milli) {
    std::uint32_t& index = milli_index_[milli];
    if (index == UINT32_MAX) index = milli_count_++;
    return index;
}

const std::vector<GpuStates::Step>& GpuStates::share_steps(StateId state, std::int32_t milli) {
    const std::uint32_t index = milli_index(milli);
    if (steps_[state].size() <= index) steps_[state].resize(index + 1);
    if (steps_[state][index].empty()) {
        std::vector<std::int32_t> after(free(state).begin(), free(state).end());
        std::vector<Step> steps;
        for (std::size_t g = 0; g < after.size(); ++g) {
            if (after[g] < milli || (g && after[g] == after[g - 1])) continue;
            const std::int32_t before = after[g];
            after[g] -= milli;
            steps.push_back({before, intern(class_of(state), after)});
            after[g] = before;
        }
        steps_[state][index] = std::move(steps);
    }
    return steps_[state][index];
}

StateId GpuStates::take(StateId state, std::int32_t milli, int count) {
    const std::uint64_t key = (static_cast<std::uint64_t>(state) << 17) |
                              (static_cast<std::uint64_t>(milli) << 7) | static_cast<std::uint64_t>(count);
    if (auto it = takes_.find(key); it != takes_.end()) return it->second;
    std::vector<std::int32_t> after(free(state).begin(), free(state).end());
    for (std::size_t g = 0, left = static_cast<std::size_t>(count); g < after.size() && left; ++g) {
        if (after[g] < milli) continue;
        after[g] -= milli;
        --left;
    }
    const StateId next = intern(class_of(state), after);
    takes_.emplace(key, next);
    return next;
}

void GpuStates::trim() {
    if (info_.size() < kLimit) return;
    ++generation_;
    nodes_.clear();
    info_.clear();
    values_.clear();
    ids_.clear();
    steps_.clear();
    takes_.clear();
}

}  // namespace hal
