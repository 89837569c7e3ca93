#include "halcore/engine/slots.h"

#include <algorithm>
#include <functional>

#include "halcore/engine/prefetch.h"

namespace hal {

std::uint32_t tie_rank(NodeId node, std::uint64_t seed) {
    if (seed == 0) return node;
    // Each step is a bijection on 32 bits, so no two nodes share a rank.
    std::uint32_t x = node ^ static_cast<std::uint32_t>(seed);
    x = (x ^ (x >> 16)) * 0x7FEB352DU;
    x = (x ^ (x >> 15)) * 0x846CA68BU;
    x ^= static_cast<std::uint32_t>(seed >> 32);
    x = (x ^ (x >> 16)) * 0x9E3779B1U;
    return x ^ (x >> 15);
}

std::uint32_t Slots::new_slot(NodeId n) {
    if (unused_.empty()) {
        node_.push_back(n);
        changes_.add();
        return size() - 1;
    }
    const std::uint32_t slot = unused_.back();
    unused_.pop_back();
    node_[slot] = n;
    changes_.touch(slot, true);
    return slot;
}

void Slots::soil(KindId kind) {
    if (groups_[kind].dirty) return;
    groups_[kind].dirty = true;
    dirty_.push_back(kind);
}

void Slots::leave(NodeId n) {
    if (const KindId kind = home_[n].group; kind != kNone) {
        home_[n].group = kNone;
        soil(kind);
    }
    if (const std::uint32_t slot = home_[n].slot; slot != kNone) {
        home_[n].slot = kNone;
        node_[slot] = kNoNode;
        unused_.push_back(slot);
        changes_.touch(slot, true);
    }
}

void Slots::join(NodeId n, KindId kind) {
    if (home_[n].group == kind) return;
    leave(n);
    home_[n].group = kind;
    auto& heap = groups_[kind].heap;
    heap.emplace_back(rank(n), n);
    std::push_heap(heap.begin(), heap.end(), std::greater<>{});
    soil(kind);
}

// The node of the lowest rank.
NodeId Slots::first(Group& group, KindId kind) {
    auto& heap = group.heap;
    if (heap.size() > 64 && heap.size() > 2 * static_cast<std::size_t>(cluster_.kind_size(kind))) {
        // Nodes that came and went left duplicates behind.
        std::erase_if(heap, [&](const auto& entry) { return home_[entry.second].group != kind; });
        std::sort(heap.begin(), heap.end());
        heap.erase(std::unique(heap.begin(), heap.end()), heap.end());
    }
    while (!heap.empty() && home_[heap.front().second].group != kind) {
        std::pop_heap(heap.begin(), heap.end(), std::greater<>{});
        heap.pop_back();
    }
    // A node of the run that comes back is in the heap; one that is still there may be in both.
    while (group.gone < group.run.size() && home_[group.run[group.gone]].group != kind) ++group.gone;
    const NodeId fresh = group.gone < group.run.size() ? group.run[group.gone] : kNoNode;
    return heap.empty() ? fresh : std::min(fresh, heap.front().second);  // kNoNode is the last
}

// Those that come next, long before their turn: first what is known of them, then the devices, which that
// tells.
void Slots::fetch(const Group& group) const {
    const auto next = [&](std::size_t i) {
        return group.gone + i < group.run.size() ? group.run[group.gone + i] : kNoNode;
    };
    if (const NodeId n = next(1); n != kNoNode) __builtin_prefetch(cluster_.gpu_free(n).data(), 1);
    if (const NodeId n = next(2); n != kNoNode) {
        prefetch(cluster_, n);
        __builtin_prefetch(home_.data() + n, 1);
    }
}

void Slots::settle(Group& group, KindId kind) {
    group.dirty = false;
    const NodeId best = first(group, kind);
    fetch(group);
    if (group.slot == kNone) {
        if (best != kNoNode) group.slot = new_slot(best);
    } else if (node_[group.slot] != best) {
        // Another node of the kind, equally empty: room only where there was none.
        const bool frees = node_[group.slot] == kNoNode;
        node_[group.slot] = best;
        changes_.touch(group.slot, frees);
    }
}

void Slots::visit(NodeId n) {
    if (!cluster_.present(n)) {
        leave(n);
    } else if (shared_ && cluster_.task_count(n) == 0) {
        join(n, cluster_.kind(n));
    } else if (home_[n].slot == kNone) {
        leave(n);
        home_[n].slot = new_slot(n);
    } else {
        changes_.touch(home_[n].slot, cluster_.changes().freed(n) > seen_);
    }
}

void Slots::sync() {
    const ChangeList& changes = cluster_.changes();
    if (changes.clock() == seen_) return;
    const std::size_t nodes = cluster_.node_slots();
    if (home_.size() != nodes) home_.resize(nodes);
    if (groups_.size() != cluster_.kinds().size()) groups_.resize(cluster_.kinds().size());
    if (seen_ == 0) {  // a heap at once, not node by node
        for (KindId kind = 0; kind < groups_.size() && shared_; ++kind) {
            if (tie_seed_) groups_[kind].heap.reserve(cluster_.kind_size(kind));
            if (!tie_seed_) groups_[kind].run.reserve(cluster_.kind_size(kind));
        }
        for (NodeId n = 0; n < nodes; ++n) {
            if (shared_ && cluster_.present(n) && cluster_.task_count(n) == 0) {
                home_[n].group = cluster_.kind(n);
                Group& group = groups_[home_[n].group];
                if (tie_seed_) group.heap.emplace_back(rank(n), n);
                if (!tie_seed_) group.run.push_back(n);  // they ascend
            } else {
                visit(n);
            }
        }
        for (KindId kind = 0; kind < groups_.size(); ++kind) {
            auto& heap = groups_[kind].heap;
            std::make_heap(heap.begin(), heap.end(), std::greater<>{});
            if (!heap.empty() || !groups_[kind].run.empty()) soil(kind);
        }
    } else {
        changes.since(seen_, [&](NodeId n) { visit(n); });
    }
    seen_ = changes.clock();
    for (const KindId kind : dirty_) settle(groups_[kind], kind);
    dirty_.clear();
}

}  // namespace hal
