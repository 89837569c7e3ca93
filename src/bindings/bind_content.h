#pragma once

#include <memory>
#include <shared_mutex>
#include <utility>

#include "halcore/model/content_map.h"

namespace hal::bindings {

/// A content map as Python sees it: events come in on one thread while others ask, all without the GIL.
struct GuardedContent {
    explicit GuardedContent(std::shared_ptr<const CacheTree> tree) : map(std::move(tree)) {}
    ContentMap map;
    mutable std::shared_mutex mutex;
};

}  // namespace hal::bindings
