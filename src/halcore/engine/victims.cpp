#include "halcore/engine/victims.h"

#include <algorithm>
#include <bit>

#include "halcore/engine/transaction.h"
#include "halcore/policies/devices.h"

namespace hal {

VictimCost add_victim(VictimCost cost, const VictimCandidate& candidate, const VictimOption& option) {
    const auto tasks = static_cast<std::int64_t>(option.tasks.size());
    ++cost.jobs;
    cost.worst = std::max<std::int64_t>(cost.worst, candidate.priority);
    cost.priorities += candidate.priority;
    cost.lost += candidate.lost_each * tasks;
    cost.tasks += tasks;
    return cost;
}

VictimSearch::Amounts VictimSearch::lacking() const {
    const Shape& s = cluster_.shape(shape_);
    Amounts lacking(cluster_.resource_count() + 1, 0);
    const auto need = [&](ResourceId r, std::int64_t amount) {
        lacking[r] = std::max<std::int64_t>(0, amount - cluster_.free(r, node_));
    };
    need(kCpu, s.cpu);
    need(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) need(r, amount);
    if (s.gpus) {
        const int fitting = std::popcount(fitting_devices(cluster_, s, node_, eligible_));
        lacking.back() = std::max(0, s.gpus - fitting);
    }
    return lacking;
}

// An upper bound for devices: each one that the option uses may become one that fits.
VictimSearch::Amounts VictimSearch::freed(const VictimOption& option) const {
    Amounts freed(cluster_.resource_count() + 1, 0);
    for (const TaskPlace& task : option.places) {
        if (task.node != node_) continue;
        const Shape& s = cluster_.shape(task.shape);
        freed[kCpu] += s.cpu;
        freed[kMemory] += s.memory;
        for (const auto& [r, amount] : s.extended) freed[r] += amount;
        freed.back() += std::popcount(task.devices & eligible_);
    }
    return freed;
}

std::optional<VictimSet> VictimSearch::spare(const Fits& fits, const Allowed& allowed) const {
    const auto& candidates = *candidates_;
    Transaction trial(cluster_);
    VictimPicks picks;
    for (std::uint32_t i = 0; i < candidates.size(); ++i) {
        picks.emplace_back(i, static_cast<std::uint32_t>(candidates[i].options.size() - 1));
        for (const TaskPlace& task : candidates[i].options.back().places) cluster_.give(task);
    }
    if (!fits()) return std::nullopt;
    for (std::size_t i = picks.size(); i-- > 0;) {
        const auto& places = candidates[picks[i].first].options[picks[i].second].places;
        for (const TaskPlace& task : places) cluster_.take(task);
        if (fits()) {
            picks.erase(picks.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            for (const TaskPlace& task : places) cluster_.give(task);
        }
    }
    VictimSet set{picks, {}, false};
    for (const auto& [c, o] : picks) set.cost = add_victim(set.cost, candidates[c], candidates[c].options[o]);
    if (!allowed(picks)) set.picks.clear(), set.cost = VictimCost::most();  // room there is, but not this way
    return set;
}

bool VictimSearch::try_picks(const VictimPicks& picks) const {
    Transaction trial(cluster_);
    for (const auto& [c, o] : picks) {
        for (const TaskPlace& task : (*candidates_)[c].options[o].places) cluster_.give(task);
    }
    return (*fits_)();
}

std::int64_t VictimSearch::least_victims() const {
    std::int64_t least = 0;
    Amounts column;
    for (std::size_t r = 0; r < lacking_.size(); ++r) {
        if (lacking_[r] == 0) continue;
        column.clear();
        for (const auto& options : freed_) {
            std::int64_t most = 0;
            for (const Amounts& f : options) most = std::max(most, f[r]);
            column.push_back(most);
        }
        std::sort(column.rbegin(), column.rend());
        std::int64_t sum = 0, count = 0;
        while (sum < lacking_[r] && count < static_cast<std::int64_t>(column.size())) sum += column[count++];
        if (sum < lacking_[r]) return std::numeric_limits<std::int64_t>::max();
        least = std::max(least, count);
    }
    return std::max<std::int64_t>(least, 1);
}

void VictimSearch::descend(std::size_t from, std::int64_t left, const VictimCost& cost) {
    if (left == 0) {
        if (!(cost < limit_)) return;
        ++tries_;
        if ((*allowed_)(picks_) && try_picks(picks_)) {
            best_ = VictimSet{picks_, cost, true};
            limit_ = cost;
        }
        return;
    }
    const auto& candidates = *candidates_;
    for (std::size_t i = from; i + static_cast<std::size_t>(left) <= candidates.size(); ++i) {
        if (tries_ >= effort_) return;
        for (std::size_t r = 0; r < lacking_.size(); ++r) {
            if (lacking_[r] > left * most_[i][r]) return;  // those after free even less
        }
        // Sorted by priority: what comes is no better than this one, left times.
        VictimCost bound = cost;
        bound.jobs += left;
        bound.worst = std::max<std::int64_t>(bound.worst, candidates[i].priority);
        bound.priorities += left * candidates[i].priority;
        if (!(bound < limit_)) return;
        for (std::uint32_t o = 0; o < candidates[i].options.size(); ++o) {
            const Amounts& freed = freed_[i][o];
            for (std::size_t r = 0; r < lacking_.size(); ++r) lacking_[r] -= freed[r];
            picks_.emplace_back(static_cast<std::uint32_t>(i), o);
            ++tries_;
            descend(i + 1, left - 1, add_victim(cost, candidates[i], candidates[i].options[o]));
            picks_.pop_back();
            for (std::size_t r = 0; r < lacking_.size(); ++r) lacking_[r] += freed[r];
        }
    }
}

std::optional<VictimSet> VictimSearch::run(ShapeId shape, NodeId node, std::uint64_t eligible,
                                           const std::vector<VictimCandidate>& candidates, const Fits& fits,
                                           const Allowed& allowed, const VictimCost& below) {
    shape_ = shape, node_ = node, eligible_ = eligible;
    tries_ = 0, effort_ = std::min(share_, left_);
    clears_ = false;
    candidates_ = &candidates, fits_ = &fits, allowed_ = &allowed;
    freed_.clear();
    for (const auto& candidate : candidates) {
        auto& options = freed_.emplace_back();
        for (const auto& option : candidate.options) options.push_back(freed(option));
    }
    lacking_ = lacking();
    const std::int64_t least = least_victims();
    if (least > static_cast<std::int64_t>(candidates.size())) return std::nullopt;
    clears_ = true;  // so it seems; a search cut short by a cheaper node elsewhere does not look closer
    if (least > below.jobs) return std::nullopt;
    std::optional<VictimSet> spared = spare(fits, allowed);
    clears_ = spared.has_value();
    if (!spared) return std::nullopt;

    most_.assign(candidates.size(), Amounts(lacking_.size(), 0));
    for (std::size_t i = candidates.size(); i-- > 0;) {
        if (i + 1 < candidates.size()) most_[i] = most_[i + 1];
        for (const Amounts& f : freed_[i]) {
            for (std::size_t r = 0; r < f.size(); ++r) most_[i][r] = std::max(most_[i][r], f[r]);
        }
    }
    best_.reset();
    limit_ = below;
    if (spared->cost < limit_) best_ = spared, limit_ = spared->cost;
    const std::int64_t most = std::min(limit_.jobs, static_cast<std::int64_t>(candidates.size()));
    for (std::int64_t k = least; k <= most && k <= limit_.jobs && tries_ < effort_; ++k) descend(0, k, {});
    left_ -= tries_;
    if (best_) best_->exact = !exhausted();
    return best_;
}

}  // namespace hal
