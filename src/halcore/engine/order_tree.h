#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "halcore/engine/fit_lanes.h"

namespace hal {

/// Entries in the order of their keys, each with the set of lanes it serves: the first entry that serves a
/// lane is found without looking at one that does not.
///
/// A B+ tree of width 32 in which each inner entry holds the union of the sets below it, so that a descent
/// never goes wrong. Keys are distinct and less than UINT64_MAX. Cost: O(32 log32 n) for insert, erase and
/// first; in fact a descent of three or four blocks for a hundred thousand entries.
class OrderTree {
  public:
    struct Entry {
        std::uint64_t key;
        std::uint32_t id;
    };

    OrderTree() { clear(); }
    void clear();
    void insert(std::uint64_t key, std::uint32_t id, const LaneSet& lanes);
    /// Precondition: the key is there.
    void erase(std::uint64_t key);
    /// The entry of the least key that serves the lane. The way to it is remembered: erasing it is cheaper.
    std::optional<Entry> first(std::size_t lane);
    /// Calls f(entry) for each entry that serves the lane with a key below `end`, in any order. O(entries).
    template <class F>
    void each(std::size_t lane, std::uint64_t end, F&& f) const {
        if (all_.has(lane)) each(root_, height_, lane, end, f);
    }
    std::size_t bytes() const { return blocks_.capacity() * sizeof(Block); }

  private:
    static constexpr std::uint32_t kWidth = 32, kFew = 8;
    static constexpr std::size_t kDepth = 16;

    /// Entries of a leaf are in any order; those of an inner block ascend, `id` is a block and `key` the
    /// least that may be below it (of the first entry: anything).
    struct Block {
        std::uint32_t count = 0;
        std::uint32_t id[kWidth];
        std::uint64_t key[kWidth];
        std::uint64_t lanes[LaneSet::kWords][kWidth] = {};  // none from `count` on: unions are of all

        void clear(std::uint32_t i);
        void put(std::uint32_t i, std::uint64_t k, std::uint32_t to, const LaneSet& set);
        void copy(std::uint32_t i, const Block& from, std::uint32_t j);
        void insert_at(std::uint32_t i, std::uint64_t k, std::uint32_t to, const LaneSet& set);
        void remove_at(std::uint32_t i);
        std::uint32_t child(std::uint64_t k) const;
        LaneSet set(std::uint32_t i) const;
        LaneSet all() const;
        /// Entries that serve the lane, one bit each.
        std::uint32_t serving(std::size_t lane) const;
    };
    struct Step {
        std::uint32_t block, child;
    };
    /// Where an entry is: the blocks above its leaf, from the root, and its place there.
    struct Way {
        std::uint64_t key = UINT64_MAX;  // UINT64_MAX: it leads nowhere
        Step path[kDepth];
        std::uint32_t depth = 0, leaf = 0, at = 0;
    };
    void find(std::uint64_t key);
    template <class F>
    void each(std::uint32_t at, std::uint32_t level, std::size_t lane, std::uint64_t end, F& f) const {
        const Block& block = blocks_[at];
        for (std::uint32_t serving = block.serving(lane); serving; serving &= serving - 1) {
            const auto i = static_cast<std::uint32_t>(std::countr_zero(serving));
            if (level == 0) {
                if (block.key[i] < end) f(Entry{block.key[i], block.id[i]});
            } else {
                if (i > 0 && block.key[i] >= end) return;
                each(block.id[i], level - 1, lane, end, f);
            }
        }
    }
    std::uint32_t new_block();
    void split(std::uint32_t parent, std::uint32_t i, bool leaf);
    void merge_few(std::uint32_t parent, std::uint32_t i, bool leaf);

    std::vector<Block> blocks_;
    std::vector<std::uint32_t> unused_;
    std::uint32_t root_ = 0, height_ = 0;  // height 0: the root is a leaf
    LaneSet all_;
    Way way_;  // the last one; any change of the tree forgets it
};

inline std::uint32_t OrderTree::Block::serving(std::size_t lane) const {
    const std::uint64_t* const word = lanes[lane / 64];
    std::uint32_t found = 0;
#ifdef __SSE2__  // the lane's bit becomes the sign, and signs are collected
    const __m128i left = _mm_cvtsi32_si128(static_cast<int>(63 - lane % 64));
    for (std::uint32_t i = 0; i < kWidth; i += 2) {
        const __m128i pair = _mm_loadu_si128(reinterpret_cast<const __m128i*>(word + i));
        const int signs = _mm_movemask_pd(_mm_castsi128_pd(_mm_sll_epi64(pair, left)));
        found |= static_cast<std::uint32_t>(signs) << i;
    }
#else
    for (std::uint32_t i = 0; i < kWidth; ++i)
        found |= static_cast<std::uint32_t>(word[i] >> lane % 64 & 1) << i;
#endif
    return found;
}

}  // namespace hal
