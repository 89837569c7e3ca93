#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace hal {

/// The largest of n keys, kept under point updates: a tree of width 16. An update that does not touch a
/// block's maximum stops at once; one that lowers it rescans 16 keys. O(1) expected, O(16 log16 n) worst.
class MaxIndex {
  public:
    static constexpr std::size_t kWidth = 16;

    MaxIndex() { build({}); }

    std::size_t size() const { return levels_[0].size(); }
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
    /// Replaces all keys.
    void build(std::vector<std::uint64_t> keys) {
        levels_.clear();
        levels_.push_back(std::move(keys));
        while (levels_.back().size() > kWidth) {
            const auto& below = levels_.back();
            std::vector<std::uint64_t> level((below.size() + kWidth - 1) / kWidth);
            for (std::size_t i = 0; i < level.size(); ++i) level[i] = block_max(below, i);
            levels_.push_back(std::move(level));
        }
        top_ = block_max(levels_.back(), 0);
    }
    /// Appends empty (0) keys up to n.
    void grow(std::size_t n) {
        if (n <= size()) return;
        levels_[0].resize(n, 0);
        for (std::size_t l = 0; levels_[l].size() > kWidth; ++l) {
            const std::size_t want = (levels_[l].size() + kWidth - 1) / kWidth;
            if (l + 1 == levels_.size()) {
                levels_.emplace_back(want, 0);
                levels_[l + 1][0] = top_;  // what was the root's block is now the first of several
            } else {
                levels_[l + 1].resize(want, 0);
            }
        }
    }
    std::size_t bytes() const {
        std::size_t total = 0;
        for (const auto& level : levels_) total += level.capacity() * sizeof(std::uint64_t);
        return total;
    }

  private:
    static std::uint64_t block_max(const std::vector<std::uint64_t>& level, std::size_t block) {
        const std::size_t begin = block * kWidth;
        const std::size_t end = std::min(begin + kWidth, level.size());
        std::uint64_t most = 0;
        for (std::size_t i = begin; i < end; ++i) most = std::max(most, level[i]);
        return most;
    }

    std::vector<std::vector<std::uint64_t>> levels_;
    std::uint64_t top_ = 0;
};

}  // namespace hal
