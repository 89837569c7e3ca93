#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace hal {

/// The largest of n keys, kept under point updates: a tree of width 16. An update that does not touch a
/// block's maximum stops at once; one that lowers it rescans 16 keys. O(1) expected, O(16 log16 n) worst; of
/// many updates at once, O(16) for each block that they touch, and O(n / 1024).
class MaxIndex {
  public:
    static constexpr std::size_t kWidth = 16;

    MaxIndex() { build({}); }

    std::size_t size() const { return size_; }
    std::uint64_t key(std::size_t i) const { return levels_[0][i]; }
    std::uint64_t top() const { return top_; }

    /// The position of the largest key. Precondition: top() is not 0.
    std::size_t arg_top() const {
        std::size_t i = 0;
        for (std::size_t l = levels_.size(); l-- > 0;) {
            i *= kWidth;
            while (levels_[l][i] != top_) ++i;
        }
        return i;
    }
    void set(std::size_t i, std::uint64_t key) {
        std::uint64_t old = levels_[0][i];
        if (old == key) return;
        levels_[0][i] = key;
        for (std::size_t l = 0;; ++l) {
            i /= kWidth;
            const bool root = l + 1 == levels_.size();
            std::uint64_t& up = root ? top_ : levels_[l + 1][i];
            if (key < up) {
                if (old != up) return;  // some other key is the block's largest
                key = block_max(levels_[l], i);
                if (key == up) return;
            }
            old = up;
            up = key;
            if (root) return;
        }
    }
    /// set() for many, which need not be in order: each block is gone through once, however many of its keys
    /// change.
    void set_all(std::span<const std::uint32_t> at, const std::uint64_t* keys) {
        if (at.size() <= kFew) {
            for (std::size_t i = 0; i < at.size(); ++i) set(at[i], keys[i]);
            return;
        }
        for (std::size_t i = 0; i < at.size(); ++i) {
            levels_[0][at[i]] = keys[i];
            soil(0, at[i]);
        }
        for (std::size_t l = 0; l + 1 < levels_.size(); ++l) {
            for (std::size_t w = 0; w < dirty_[l].size(); ++w) {
                for (std::uint64_t m = std::exchange(dirty_[l][w], 0); m; m &= m - 1) {
                    const std::size_t block = 64 * w + std::countr_zero(m);
                    const std::uint64_t most = block_max(levels_[l], block);
                    if (levels_[l + 1][block] == most) continue;
                    levels_[l + 1][block] = most;
                    soil(l + 1, block);
                }
            }
        }
        dirty_.back()[0] = 0;
        top_ = block_max(levels_.back(), 0);
    }
    /// Replaces all keys.
    void build(std::vector<std::uint64_t> keys) {
        size_ = keys.size();
        levels_.clear();
        levels_.push_back(std::move(keys));
        levels_[0].resize(padded(size_), 0);
        while (levels_.back().size() > kWidth) {
            const auto& below = levels_.back();
            const std::size_t blocks = below.size() / kWidth;
            std::vector<std::uint64_t> level(padded(blocks), 0);
            for (std::size_t i = 0; i < blocks; ++i) level[i] = block_max(below, i);
            levels_.push_back(std::move(level));
        }
        top_ = block_max(levels_.back(), 0);
        fit_dirty();
    }
    /// Appends empty (0) keys up to n.
    void grow(std::size_t n) {
        if (n <= size_) return;
        size_ = n;
        if (padded(n) == levels_[0].size()) return;
        levels_[0].resize(padded(n), 0);
        for (std::size_t l = 0; levels_[l].size() > kWidth; ++l) {
            const std::size_t want = padded(levels_[l].size() / kWidth);
            if (l + 1 == levels_.size()) {
                levels_.emplace_back(want, 0);
                levels_[l + 1][0] = top_;  // what was the root's block is now the first of several
            } else {
                levels_[l + 1].resize(want, 0);
            }
        }
        fit_dirty();
    }
    std::size_t bytes() const {
        std::size_t total = 0;
        for (const auto& level : levels_) total += level.capacity() * sizeof(std::uint64_t);
        return total;
    }

  private:
    static constexpr std::size_t kFew = 4;

    /// Blocks are whole: keys that do not exist are empty.
    static std::size_t padded(std::size_t n) { return std::max(kWidth, (n + kWidth - 1) / kWidth * kWidth); }
    // Four at a time, since each maximum waits for the one before it.
    static std::uint64_t block_max(const std::vector<std::uint64_t>& level, std::size_t block) {
        const std::uint64_t* const keys = level.data() + block * kWidth;
        std::uint64_t most[4] = {keys[0], keys[1], keys[2], keys[3]};
        for (std::size_t i = 4; i < kWidth; i += 4)
            for (std::size_t j = 0; j < 4; ++j) most[j] = std::max(most[j], keys[i + j]);
        return std::max(std::max(most[0], most[1]), std::max(most[2], most[3]));
    }
    void soil(std::size_t level, std::size_t i) {
        dirty_[level][i / kWidth / 64] |= std::uint64_t{1} << i / kWidth % 64;
    }
    void fit_dirty() {
        dirty_.resize(levels_.size());
        for (std::size_t l = 0; l < levels_.size(); ++l)
            dirty_[l].resize((levels_[l].size() / kWidth + 63) / 64, 0);
    }

    std::size_t size_ = 0;
    std::vector<std::vector<std::uint64_t>> levels_;
    std::vector<std::vector<std::uint64_t>> dirty_;  // by level, a bit a block
    std::uint64_t top_ = 0;
};

}  // namespace hal
