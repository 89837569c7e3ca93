#include "halcore/engine/order_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace hal {

void OrderTree::Block::put(std::uint32_t i, std::uint64_t k, std::uint32_t to, const LaneSet& set) {
    key[i] = k;
    id[i] = to;
    for (std::size_t w = 0; w < LaneSet::kWords; ++w) lanes[w][i] = set.words[w];
}

void OrderTree::Block::clear(std::uint32_t i) {
    for (auto& word : lanes) word[i] = 0;
}

void OrderTree::Block::copy(std::uint32_t i, const Block& from, std::uint32_t j) {
    key[i] = from.key[j];
    id[i] = from.id[j];
    for (std::size_t w = 0; w < LaneSet::kWords; ++w) lanes[w][i] = from.lanes[w][j];
}

void OrderTree::Block::insert_at(std::uint32_t i, std::uint64_t k, std::uint32_t to, const LaneSet& set) {
    for (std::uint32_t j = count; j > i; --j) copy(j, *this, j - 1);
    ++count;
    put(i, k, to, set);
}

void OrderTree::Block::remove_at(std::uint32_t i) {
    --count;
    for (std::uint32_t j = i; j < count; ++j) copy(j, *this, j + 1);
    clear(count);
}

// The last entry whose key is not above k, or the first.
std::uint32_t OrderTree::Block::child(std::uint64_t k) const {
    std::uint32_t low = 0;
    for (std::uint32_t n = count; n > 1;) {
        const std::uint32_t half = n / 2;
        low = key[low + half] <= k ? low + half : low;
        n -= half;
    }
    return low;
}

LaneSet OrderTree::Block::set(std::uint32_t i) const {
    LaneSet set;
    for (std::size_t w = 0; w < LaneSet::kWords; ++w) set.words[w] = lanes[w][i];
    return set;
}

LaneSet OrderTree::Block::all() const {
    LaneSet set;
    for (std::size_t w = 0; w < LaneSet::kWords; ++w) {
        std::uint64_t word = 0;
        for (std::uint32_t i = 0; i < kWidth; ++i) word |= lanes[w][i];
        set.words[w] = word;
    }
    return set;
}

void OrderTree::clear() {
    blocks_.clear();
    unused_.clear();
    height_ = 0;
    all_ = {};
    way_.key = UINT64_MAX;
    root_ = new_block();
}

std::uint32_t OrderTree::new_block() {
    if (unused_.empty()) {
        blocks_.emplace_back();
        return static_cast<std::uint32_t>(blocks_.size() - 1);
    }
    const std::uint32_t block = unused_.back();
    unused_.pop_back();
    blocks_[block] = {};
    return block;
}

// The upper half of the parent's i-th child becomes its sibling. Precondition: the parent has room.
void OrderTree::split(std::uint32_t parent, std::uint32_t i, bool leaf) {
    const std::uint32_t sibling = new_block();
    Block& up = blocks_[parent];
    Block& low = blocks_[up.id[i]];
    Block& high = blocks_[sibling];
    std::uint32_t order[kWidth];
    std::iota(order, order + low.count, 0U);
    if (leaf) std::sort(order, order + low.count, [&](auto a, auto b) { return low.key[a] < low.key[b]; });
    const Block all = low;
    const std::uint32_t half = all.count / 2;
    low.count = half;
    high.count = all.count - half;
    for (std::uint32_t j = 0; j < half; ++j) low.copy(j, all, order[j]);
    for (std::uint32_t j = half; j < all.count; ++j) low.clear(j);
    for (std::uint32_t j = half; j < all.count; ++j) high.copy(j - half, all, order[j]);
    up.put(i, up.key[i], up.id[i], low.all());
    up.insert_at(i + 1, high.key[0], sibling, high.all());
}

// Where deletion left few entries, two siblings become one. An empty child goes,
// unless it is the only one.
void OrderTree::merge_few(std::uint32_t parent, std::uint32_t i, bool leaf) {
    Block& up = blocks_[parent];
    if (up.count == 1) return;
    if (blocks_[up.id[i]].count > 0) {
        if (i + 1 == up.count) --i;
        Block& low = blocks_[up.id[i]];
        Block& high = blocks_[up.id[i + 1]];
        if (low.count + high.count > kWidth - kFew) return;
        if (!leaf) high.key[0] = up.key[i + 1];
        for (std::uint32_t j = 0; j < high.count; ++j) low.copy(low.count + j, high, j);
        low.count += high.count;
        up.put(i, up.key[i], up.id[i], up.set(i) | up.set(i + 1));
        ++i;
    }
    unused_.push_back(up.id[i]);
    up.remove_at(i);
}

void OrderTree::insert(std::uint64_t key, std::uint32_t id, const LaneSet& lanes) {
    way_.key = UINT64_MAX;
    if (blocks_[root_].count == kWidth) {
        const std::uint32_t top = new_block();
        blocks_[top].insert_at(0, 0, root_, all_);
        root_ = top;
        ++height_;
        split(root_, 0, height_ == 1);
    }
    all_ |= lanes;
    std::uint32_t at = root_;
    for (std::uint32_t level = height_; level > 0; --level) {
        std::uint32_t i = blocks_[at].child(key);
        if (blocks_[blocks_[at].id[i]].count == kWidth) {
            split(at, i, level == 1);
            i = blocks_[at].child(key);
        }
        Block& block = blocks_[at];
        for (std::size_t w = 0; w < LaneSet::kWords; ++w) block.lanes[w][i] |= lanes.words[w];
        at = block.id[i];
    }
    Block& leaf = blocks_[at];
    leaf.put(leaf.count++, key, id, lanes);
}

void OrderTree::find(std::uint64_t key) {
    way_.depth = 0;
    std::uint32_t at = root_;
    for (std::uint32_t level = height_; level > 0; --level) {
        const std::uint32_t i = blocks_[at].child(key);
        way_.path[way_.depth++] = {at, i};
        at = blocks_[at].id[i];
    }
    way_.leaf = at;
    way_.at = 0;
    while (blocks_[at].key[way_.at] != key) ++way_.at;
}

void OrderTree::erase(std::uint64_t key) {
    if (way_.key != key) find(key);
    way_.key = UINT64_MAX;
    Block& leaf = blocks_[way_.leaf];
    --leaf.count;
    if (way_.at != leaf.count) leaf.copy(way_.at, leaf, leaf.count);
    leaf.clear(leaf.count);
    for (std::uint32_t depth = way_.depth; depth-- > 0;) {
        const auto [parent, child] = way_.path[depth];
        Block& up = blocks_[parent];
        const Block& below = blocks_[up.id[child]];
        const LaneSet now = below.all();
        const bool few = below.count < kFew;
        if (!few && now == up.set(child)) return;  // nothing above changes either
        up.put(child, up.key[child], up.id[child], now);
        if (few) merge_few(parent, child, depth + 1 == height_);
    }
    while (height_ > 0 && blocks_[root_].count <= 1) {
        unused_.push_back(root_);
        root_ = blocks_[root_].id[0];
        --height_;
    }
    all_ = blocks_[root_].all();
}

std::optional<OrderTree::Entry> OrderTree::first(std::size_t lane) {
    if (!all_.has(lane)) return std::nullopt;
    const std::size_t w = lane / 64;
    const std::uint64_t bit = std::uint64_t{1} << lane % 64;
    way_.depth = 0;
    std::uint32_t at = root_;
    for (std::uint32_t level = height_; level > 0; --level) {
        const Block& block = blocks_[at];
        std::uint32_t i = 0;
        while (!(block.lanes[w][i] & bit)) ++i;
        way_.path[way_.depth++] = {at, i};
        at = block.id[i];
    }
    const Block& leaf = blocks_[at];
    way_.leaf = at;
    way_.key = UINT64_MAX;
    for (std::uint32_t serving = leaf.serving(lane); serving; serving &= serving - 1) {
        const auto i = static_cast<std::uint32_t>(std::countr_zero(serving));
        if (leaf.key[i] < way_.key) {
            way_.key = leaf.key[i];
            way_.at = i;
        }
    }
    return Entry{way_.key, leaf.id[way_.at]};
}

}  // namespace hal
