#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "halcore/model/content_map.h"
#include "halcore/reserve/evictions.h"

namespace hal {

/// Jobs that will start: columns with one row a job, inputs of row i in [first[i], first[i + 1]).
struct StagingDemand {
    std::span<const CacheIndex> cache;    // the nearest one to where the job will run
    std::span<const std::int64_t> start;  // microseconds from now
    std::span<const std::int64_t> weight;
    std::span<const std::int64_t> first;
    std::span<const DatasetId> inputs;
};

enum class StagingValue : std::uint8_t {
    Seconds,  // Σ weight · microseconds that jobs wait less for their inputs
    Money,    // Σ micro-units that jobs pay less for their inputs, minus what the moves cost
};

struct StagingOptions {
    StagingValue value = StagingValue::Seconds;
    bool evict = false;               // copies that no job of the plan reads may make room
    std::span<const DatasetId> keep;  // but not of these
};

struct StagingMove {
    DatasetId dataset;
    CacheIndex source;
    CacheIndex target;
    std::int64_t begin;  // microseconds from now
    std::int64_t end;
    std::int64_t bytes;
    std::int64_t cost;     // micro-units
    std::int64_t benefit;  // in the plan's value, when it was chosen
};

struct StagingPlan {
    std::vector<StagingMove> moves;                     // in the order in which they were chosen
    std::vector<StagingEviction> evictions;             // by time; each before the moves that begin then
    std::vector<std::int64_t> wait_before, wait_after;  // a row a job: Σ transfer time of its inputs
    std::vector<std::int64_t> cost_before, cost_after;  // Σ transfer cost of its inputs
};

/// Plans which dataset to copy to which cache before which jobs start.
///
/// Assumes: a copy stays; a transfer occupies every link of its route, one transfer a link at a time; what a
/// job still lacks it fetches at its start from the nearest source, one input after another and beside the
/// plan.
///
/// Rule: over all (dataset, cache at or above a job that wants it), again and again take the move of most
/// benefit per byte, as early as its links are free; benefit counts the jobs at or below the target that
/// start after the move ends. Its source is what finishes first: the nearest holder, or a copy that the plan
/// has made in a cache above. Ties: lower dataset, then lower cache. A move needs room at its target: what
/// is free there, and what Evictions can free when the options allow it.
///
/// Cost: a move only makes others later and caches fuller, so benefits fall, except for a few of the same
/// dataset, which are looked at anew; a heap of old values serves (lazy greedy):
/// O((inputs · depth + moves · wants of a dataset) · log).
///
/// Source: lazy greedy after Minoux, "Accelerated greedy algorithms…" (1978).
///
/// Throws InvalidModel, naming the row, for columns that do not fit together or values out of range.
StagingPlan plan_staging(const ContentMap& content, const StagingDemand& demand,
                         const StagingOptions& options);

/// InvalidModel, naming the row, for columns that do not fit together or values out of range.
void check_staging(const ContentMap& content, const StagingDemand& demand, std::span<const DatasetId> keep);

}  // namespace hal
