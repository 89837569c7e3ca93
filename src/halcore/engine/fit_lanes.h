#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "halcore/engine/matcher.h"

namespace hal {

/// A set of lanes; a lane is one of the shapes that an index answers for.
struct LaneSet {
    static constexpr std::size_t kWords = 3;
    static constexpr std::size_t kLanes = 64 * kWords;

    std::array<std::uint64_t, kWords> words{};

    void add(std::size_t lane) { words[lane / 64] |= std::uint64_t{1} << lane % 64; }
    void remove(std::size_t lane) { words[lane / 64] &= ~(std::uint64_t{1} << lane % 64); }
    bool has(std::size_t lane) const { return words[lane / 64] >> lane % 64 & 1; }
    bool any() const { return (words[0] | words[1] | words[2]) != 0; }
    LaneSet& operator|=(const LaneSet& other) {
        for (std::size_t w = 0; w < kWords; ++w) words[w] |= other.words[w];
        return *this;
    }
    LaneSet& operator&=(const LaneSet& other) {
        for (std::size_t w = 0; w < kWords; ++w) words[w] &= other.words[w];
        return *this;
    }
    friend LaneSet operator|(LaneSet a, const LaneSet& b) { return a |= b; }
    friend LaneSet operator&(LaneSet a, const LaneSet& b) { return a &= b; }
    friend bool operator==(const LaneSet&, const LaneSet&) = default;
};

/// Which of up to LaneSet::kLanes shapes fit on a node, all at once: the shapes are sorted by what they ask
/// for of each resource, so those that a free amount serves are one precomputed set, and the answer is the
/// intersection of the sets of CPU, memory, devices and node class.
///
/// The same answer as Matcher::fits for each. Shapes that these amounts do not decide (extended resources,
/// GPU memory, instances, several shares, some devices of the node only) are asked about one by one.
/// Cost: O(log shapes) a node, and O(1) for each such shape that passes the sets.
class FitLanes {
  public:
    /// For shapes from `begin` to `end`.
    FitLanes(const Cluster& cluster, Matcher& matcher, ShapeId begin, ShapeId end);

    ShapeId begin() const { return begin_; }
    ShapeId end() const { return end_; }
    /// Precondition: the node is present.
    LaneSet of(NodeId node);

  private:
    /// Sets that grow with an amount.
    struct Ladder {
        std::vector<std::int64_t> at;  // ascending
        std::vector<LaneSet> sets;     // sets[i]: served by amounts of at[i - 1] and more, below at[i]
        // Without branches: where an amount falls cannot be foreseen, and each node is looked up on several.
        const LaneSet& served(std::int64_t amount) const {
            std::size_t low = 0;
            for (std::size_t n = at.size(); n > 0;) {
                const std::size_t half = (n + 1) / 2;
                low += half & (at[low + half - 1] <= amount ? SIZE_MAX : 0);
                n -= half;
            }
            return sets[low];
        }
    };
    /// The same for amounts up to a small limit: a table says where each falls.
    struct Table {
        Ladder ladder;
        std::vector<std::uint16_t> rung;  // by amount
        const LaneSet& served(std::int32_t amount) const { return ladder.sets[rung[amount]]; }
    };
    struct ClassLanes {
        LaneSet may, ask;  // shapes that the class admits; those of them to ask about one by one
    };
    static Table table(Ladder ladder, std::int64_t limit);
    static Ladder ladder(std::vector<std::pair<std::int64_t, std::size_t>> amounts, const LaneSet& always);
    void learn_class();
    LaneSet find(NodeId node);

    const Cluster& cluster_;
    Matcher& matcher_;
    const ShapeId begin_, end_;
    Ladder cpu_, memory_;
    Table idle_, most_;
    std::vector<ClassLanes> classes_;
    std::vector<std::optional<LaneSet>> empty_;  // by kind: what fits on an empty node
};

}  // namespace hal
