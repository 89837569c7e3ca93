#pragma once

#include <memory>
#include <string>

#include "halcore/c_api/hal_plugin.h"
#include "halcore/policies/filter.h"
#include "halcore/policies/scorer.h"

namespace hal {

/// What a native unit is handed, kept for as long as anyone may call it.
using NativeData = std::shared_ptr<void>;

/// A scorer that is a C function: one call for a shape over the candidate nodes, straight on the columns. The
/// scope is a checked HAL_SCOPE_.
ScorerPtr native_scorer(std::string name, hal_score_fn score, NativeData data, std::uint32_t scope);
FilterPtr native_filter(std::string name, hal_keep_fn keep, NativeData data);

/// PolicyError unless the description is complete, and of an ABI version that is served.
void check(const hal_scorer& scorer);
void check(const hal_filter& filter);
void check_scope(const std::string& what, std::uint32_t scope);
void check_abi(const std::string& what, std::uint32_t version);

}  // namespace hal
