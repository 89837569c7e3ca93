#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/model/shared_content.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// Where nodes read: their nearest cache by name, or by index for a cluster that was built from columns.
struct DataLocalityConfig {
    std::shared_ptr<const SharedContent> content;
    std::unordered_map<std::string, CacheIndex> by_name;
    std::vector<CacheIndex> by_index;  // -1: none
    bool money = false;                // transfer cost instead of transfer time
};

/// Not in the registry: it needs a content map, which no text names.
ScorerPtr make_data_locality(DataLocalityConfig config);

}  // namespace hal
