#include "halcore/policies/typical_source.h"

namespace hal {

TypicalSource::TypicalSource(Params& params) {
    coverage = params.number("coverage", 0.95, 0.01, 1);
    const ParamValue* value = params.find("typical");
    if (!value) return;
    if (const auto* text = std::get_if<std::string>(value)) {
        if (*text != "seen")
            params.refuse("typical", "is '" + *text + "'; give \"seen\" or counts of requests");
        return;
    }
    const auto* given = std::get_if<TaskCounts>(value);
    if (!given) params.refuse("typical", "must be \"seen\" or counts of requests");
    std::int64_t total = 0;
    for (const TaskCount& t : *given) {
        if (t.cpu < 0 || t.count < 0 || t.count > kMaxQuantity || t.gpus < 0 || t.gpus > kMaxGpusPerNode ||
            t.milli < 0 || t.milli > kWholeGpu.value()) {
            params.refuse("typical", "has a row with a negative or absurd quantity");
        }
        total += t.count;
    }
    if (total == 0) params.refuse("typical", "counts no task");
    seen = false;
    counts = *given;
}

}  // namespace hal
