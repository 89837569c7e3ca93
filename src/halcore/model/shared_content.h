#pragma once

#include <memory>
#include <shared_mutex>
#include <utility>

#include "halcore/model/content_map.h"

namespace hal {

/// A content map that one thread may feed while others ask: lock the mutex, shared for questions.
struct SharedContent {
    explicit SharedContent(std::shared_ptr<const CacheTree> tree) : map(std::move(tree)) {}
    ContentMap map;
    mutable std::shared_mutex mutex;
};

}  // namespace hal
