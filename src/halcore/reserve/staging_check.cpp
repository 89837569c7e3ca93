#include <string>

#include "halcore/model/error.h"
#include "halcore/reserve/staging.h"

namespace hal {

namespace {
constexpr std::int64_t kMaxStart = std::int64_t{1} << 50;  // 35 years
constexpr std::int64_t kMaxWeight = 1'000'000;
}  // namespace

void check_staging(const ContentMap& content, const StagingDemand& demand, std::span<const DatasetId> keep) {
    const std::size_t jobs = demand.cache.size();
    if (demand.start.size() != jobs || demand.weight.size() != jobs || demand.first.size() != jobs + 1)
        throw InvalidModel("staging: cache, start and weight need one row a job, first one more");
    if (demand.first[0] != 0 || demand.first[jobs] != static_cast<std::int64_t>(demand.inputs.size()))
        throw InvalidModel("staging: first must run from 0 to the number of inputs");
    const auto within = [](std::size_t row, const char* field, std::int64_t value, std::int64_t high) {
        if (value < 0 || value > high)
            throw InvalidModel("staging: job " + std::to_string(row) + ": " + field + " is " +
                               std::to_string(value) + ", must be within 0 and " + std::to_string(high));
    };
    for (std::size_t job = 0; job < jobs; ++job) {
        within(job, "cache", demand.cache[job], content.tree().size() - 1);
        within(job, "start in microseconds", demand.start[job], kMaxStart);
        within(job, "weight", demand.weight[job], kMaxWeight);
        if (demand.first[job] > demand.first[job + 1])
            throw InvalidModel("staging: first must not fall at job " + std::to_string(job));
        for (std::int64_t k = demand.first[job]; k < demand.first[job + 1]; ++k)
            within(job, "input", demand.inputs[k], content.datasets() - 1);
    }
    for (const DatasetId dataset : keep)
        if (dataset < 0 || dataset >= content.datasets())
            throw InvalidModel("staging: keep: " + std::to_string(dataset) + " is no dataset");
}

}  // namespace hal
