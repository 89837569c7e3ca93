#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hal {

using CacheIndex = std::int32_t;

/// Limits that keep every sum and product of transfer times and costs inside 64 bits.
inline constexpr std::int64_t kMaxBytes = std::int64_t{1} << 53;      // a dataset or a cache: 8 PiB
inline constexpr std::int64_t kMinBandwidth = 1'000;                  // bytes/s
inline constexpr std::int64_t kMaxBandwidth = std::int64_t{1} << 43;  // bytes/s: 8 TiB/s
inline constexpr std::int64_t kMaxLatency = 1'000'000'000'000;        // microseconds: 11 days
inline constexpr std::int64_t kMaxEgress = 50'000'000;                // micro-units per GiB
inline constexpr std::int32_t kMaxCacheDepth = 64;                    // links from a cache to the root

/// One row a cache; row order is the cache's index, which also breaks ties.
struct CacheColumns {
    std::span<const CacheIndex> parent;       // -1 for the root
    std::span<const std::int64_t> capacity;   // bytes
    std::span<const std::int64_t> bandwidth;  // of the link to the parent, bytes/s; not read at the root
    std::span<const std::int64_t> latency;    // of the link to the parent, microseconds; not read at the root
    std::span<const std::int64_t>
        egress;  // micro-units per GiB over that link, either way; not read at the root
    std::span<const std::string> names;  // for messages; empty: indices are named
};

/// What a stream of bytes meets between two caches.
struct CachePath {
    std::int64_t latency = 0;                // sum over the links, microseconds
    std::int64_t bandwidth = kMaxBandwidth;  // of the slowest link, bytes/s
    std::int64_t egress = 0;                 // sum over the links, micro-units per GiB
    std::int32_t hops = 0;                   // links crossed

    /// The stream is cut through, not stored and forwarded: time = Σ latency + ⌈bytes / slowest link⌉;
    /// nothing to cross takes no time. Microseconds.
    std::int64_t micros(std::int64_t bytes) const;
    /// ⌈bytes · egress / GiB⌉, micro-units.
    std::int64_t cost(std::int64_t bytes) const;
};

/// ⌈bytes / bandwidth⌉ in microseconds.
inline std::int64_t stream_micros(std::int64_t bytes, std::int64_t bandwidth) {
    const std::int64_t rest = bytes % bandwidth;
    return bytes / bandwidth * 1'000'000 + (rest * 1'000'000 + bandwidth - 1) / bandwidth;
}

/// A tree of caches (node-local › rack › site › root, or any other). Immutable.
///
/// Inside, caches are renumbered in preorder ("position"), so that a subtree is a range: a climb from a
/// cache to the root meets, at each step, the holders of a dataset as one growing slice of a sorted list.
class CacheTree {
  public:
    /// Throws InvalidModel, naming the cache, on a cycle, no root or two, a parent that is not there, a
    /// figure outside its limits or a tree deeper than kMaxCacheDepth.
    explicit CacheTree(const CacheColumns& columns);

    struct Entry {
        std::int64_t bandwidth;
        std::int64_t latency;
        std::int64_t egress;
        std::int32_t parent;  // position; -1 at the root
        std::int32_t end;     // the subtree is the positions [own, end)
        std::int32_t depth;   // links to the root
        CacheIndex cache;     // the index outside
    };

    std::int32_t size() const { return static_cast<std::int32_t>(entries_.size()); }
    std::int64_t capacity(CacheIndex cache) const { return capacity_[cache]; }
    std::int64_t largest_capacity() const { return largest_; }
    std::int32_t position(CacheIndex cache) const { return position_[cache]; }
    const Entry& at(std::int32_t position) const { return entries_[position]; }
    CacheIndex parent(CacheIndex cache) const;
    std::string label(CacheIndex cache) const;
    const std::vector<std::string>& names() const { return names_; }

    /// The way between two caches over their lowest common ancestor. O(depth).
    CachePath path(CacheIndex from, CacheIndex to) const;
    /// Every cache on that way, both ends included.
    std::vector<CacheIndex> route(CacheIndex from, CacheIndex to) const;

  private:
    void check_figures(const CacheColumns& columns) const;
    void number(const CacheColumns& columns);

    std::vector<Entry> entries_;  // by position
    std::vector<std::int32_t> position_;
    std::vector<std::int64_t> capacity_;
    std::vector<std::string> names_;
    std::int64_t largest_ = 0;
};

}  // namespace hal
