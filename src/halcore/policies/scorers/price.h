#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/policies/scorer.h"

namespace hal {

/// What an hour of each node is worth paying, in micro-units of a currency, by name or by index.
struct PriceConfig {
    std::unordered_map<std::string, std::int64_t> by_name;
    std::vector<std::int64_t> by_index;
};

/// Not in the registry: it needs prices.
ScorerPtr make_price(PriceConfig config);

}  // namespace hal
