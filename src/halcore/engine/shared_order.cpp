#include "halcore/engine/shared_order.h"

#include <algorithm>
#include <cmath>

namespace hal {

void SharedOrder::leave(Bank& bank, std::uint32_t slot) {
    std::uint64_t& key = bank.keys[slot];
    if (key != kOut) bank.tree.erase(key);
    key = kOut;
}

void SharedOrder::enter(Bank& bank, std::uint32_t slot) {
    const NodeId node = slots_.node(slot);
    if (node == kNoNode) return;
    const LaneSet lanes = bank.lanes->of(node);
    if (!lanes.any()) return;
    bank.keys[slot] = key(node);
    bank.tree.insert(bank.keys[slot], slot, lanes);
}

void SharedOrder::build(Bank& bank, ShapeId begin) {
    const auto end = std::min(begin + static_cast<ShapeId>(LaneSet::kLanes), cluster_.shape_count());
    Bank fresh;
    fresh.lanes = std::make_unique<FitLanes>(cluster_, matcher_, begin, end);
    fresh.keys.assign(slots_.size(), kOut);
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) enter(fresh, slot);
    fresh.synced = slots_.changes().clock();
    bank = std::move(fresh);
}

void SharedOrder::follow(Bank& bank) {
    const ChangeList& changes = slots_.changes();
    if (bank.synced == changes.clock()) return;
    bank.keys.resize(slots_.size(), kOut);
    // All leave before one enters: a node that went from one slot to another must not be there twice.
    changes.since(bank.synced, [&](std::uint32_t slot) { leave(bank, slot); });
    changes.since(bank.synced, [&](std::uint32_t slot) { enter(bank, slot); });
    bank.synced = changes.clock();
}

SharedOrder::Found SharedOrder::scan(ShapeId shape) const {
    Found best;
    std::uint64_t least = kOut;
    const Matcher::Probe fits(matcher_, shape);
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        const NodeId node = slots_.node(slot);
        if (node == kNoNode || !fits(node)) continue;
        if (score_.truncated() > 0) {
            better(best, {node, score_.truncated_total(shape, node)});
        } else if (const std::uint64_t k = key(node); k < least) {
            least = k;
            best = {node, score_.total(shape, score_.cost(node))};
        }
    }
    return best;
}

void SharedOrder::better(Found& best, const Found& other) const {
    if (best.node == kNoNode || other.score > best.score ||
        (other.score == best.score && slots_.rank(other.node) < slots_.rank(best.node)))
        best = other;
}

// Costs are rounded, so what the truncated score is next to a border of steps only the scorer knows.
SharedOrder::Found SharedOrder::best_of_step(const Bank& bank, ShapeId shape,
                                             const OrderTree::Entry& first) const {
    constexpr std::int64_t kMargin = 4;
    const NodeId node = slots_.node(first.id);
    const Found start{node, score_.truncated_total(shape, node)};
    const auto steps = static_cast<double>(score_.truncated());
    const auto border = [&](double step) {
        return score_.base(shape) - std::llround(step / steps * static_cast<double>(SharedScore::kSteps));
    };
    const double step = std::round(start.score * steps);
    const std::int64_t low = border(step + 1) + kMargin, high = border(step) - kMargin;
    const auto last = static_cast<std::uint64_t>(high + 2 * kMargin + 1) << 32;
    Found best = start;
    bank.tree.each(shape - bank.lanes->begin(), last, [&](const OrderTree::Entry& entry) {
        const auto cost = static_cast<std::int64_t>(entry.key >> 32);
        const NodeId other = slots_.node(entry.id);
        const bool inside = cost > low && cost < high;
        better(best, {other, inside ? start.score : score_.truncated_total(shape, other)});
    });
    return best;
}

SharedOrder::Found SharedOrder::best(ShapeId shape) {
    const std::size_t at = shape / LaneSet::kLanes;
    if (banks_.size() <= at) banks_.resize(at + 1);
    if (!banks_[at]) banks_[at] = std::make_unique<Bank>();
    Bank& bank = *banks_[at];
    const auto begin = static_cast<ShapeId>(at * LaneSet::kLanes);
    if (!bank.lanes) {
        build(bank, begin);
    } else if (shape >= bank.lanes->end()) {
        if (++bank.strangers <= kPatience) return scan(shape);
        build(bank, begin);
    } else {
        follow(bank);
    }
    const auto first = bank.tree.first(shape - begin);
    if (!first) return {};
    if (score_.truncated() > 0) return best_of_step(bank, shape, *first);
    return {slots_.node(first->id), score_.total(shape, static_cast<std::uint32_t>(first->key >> 32))};
}

std::size_t SharedOrder::bytes() const {
    std::size_t total = 0;
    for (const auto& bank : banks_) {
        if (bank) total += bank->tree.bytes() + bank->keys.capacity() * sizeof(std::uint64_t);
    }
    return total;
}

}  // namespace hal
