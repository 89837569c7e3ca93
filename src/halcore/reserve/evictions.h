#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "halcore/model/content_map.h"

namespace hal {

struct StagingEviction {
    DatasetId dataset;
    CacheIndex cache;
    std::int64_t at;  // microseconds from now
    std::int64_t bytes;
};

/// What caches can give up for a plan: copies of datasets that nobody in the plan reads, never the last copy.
///
/// Of these the one first that takes least to bring back, per byte: from the nearest other holder there is
/// now, in time or in money; ties: lower dataset. Of what that takes to make the room that is asked for,
/// whatever turns out not to be needed stays, the dearest first.
/// Cost: O(contents · holders) for the first question about a cache, then O(1); O(contents) to free_up().
class Evictions {
  public:
    /// `stays`, by dataset: read by the plan, or to be kept all the same.
    Evictions(const ContentMap& content, std::vector<bool> stays, bool by_money);

    /// Bytes that a cache can free.
    std::int64_t room(CacheIndex cache);
    /// Evicts at least so many bytes, at most room(); returns how many.
    std::int64_t free_up(CacheIndex cache, std::int64_t bytes);

    /// Bytes that come to a cache at a time.
    struct Arrival {
        CacheIndex cache;
        std::int64_t at, bytes;
    };
    /// Everything evicted, each as late as the arrivals allow; by time, cache, then the order of their
    /// choice.
    std::vector<StagingEviction> timed(std::vector<Arrival> arrivals) const;

  private:
    struct Copy {
        DatasetId dataset;
        std::int64_t bytes, dear;  // to bring back
        bool gone = false;
    };
    struct Shelf {
        std::vector<Copy> copies;  // the first to go first
        std::int64_t room = 0;
    };
    Shelf& shelf(CacheIndex cache);
    void drop(Copy& copy, CacheIndex cache);
    std::int64_t& left(DatasetId dataset);  // copies of it there will be
    std::int64_t dear(DatasetId dataset, CacheIndex cache) const;

    const ContentMap& content_;
    std::vector<bool> stays_;
    bool by_money_;
    std::map<CacheIndex, Shelf> shelves_;
    std::map<DatasetId, std::int64_t> left_;
    std::set<std::pair<DatasetId, CacheIndex>> gone_;
    std::map<CacheIndex, std::vector<StagingEviction>> chosen_;  // their times are not known yet
};

}  // namespace hal
