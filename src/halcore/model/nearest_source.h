#pragma once

#include <cstdint>

#include "halcore/model/content_map.h"

namespace hal {

/// How a dataset reaches a cache.
struct Transfer {
    CacheIndex source = -1;    // -1: no cache holds it
    std::int64_t micros = -1;  // -1 with no source
    std::int64_t bytes = -1;   // over the links: 0 when it is there already
    std::int64_t cost = -1;    // micro-units
};

/// The holder from which a dataset reaches a cache soonest; an exact tie goes to the lower cache index.
///
/// Assumes pull-through: each cache asks its parent, and the bytes stream over the lowest common ancestor at
/// the slowest link's rate (CachePath::micros).
/// The search climbs from the cache to the root. The holders in the subtree under each step are a growing
/// slice of the sorted list, and the climb ends once no holder outside that subtree could be as fast.
/// Cost: O(log copies + copies looked at · depth); O(depth) when an ancestor holds the dataset.
Transfer nearest_source(const ContentMap& content, DatasetId dataset, CacheIndex target);

}  // namespace hal
