#include "halcore/replay/fair_share.h"

#include <cmath>

#include "halcore/model/error.h"

namespace hal::replay {

FairShare::FairShare(double half_life) : half_life_(half_life) {
    if (!std::isfinite(half_life) || half_life <= 0.0)
        throw PolicyError("fair_share order: half_life is " + std::to_string(half_life) +
                          " s; give a positive number");
}

double FairShare::average(const Use& use, Seconds now) const {
    const double kept = std::exp2(-static_cast<double>(now - use.at) / half_life_);
    return use.average * kept + static_cast<double>(use.procs) * (1.0 - kept);
}

double FairShare::key(const JobRecord& job, Seconds now) const {
    const auto found = users_.find(job.user);
    return found == users_.end() ? 0.0 : average(found->second, now);
}

void FairShare::change(std::int32_t user, Seconds now, std::int64_t procs) {
    Use& use = users_[user];
    use.average = average(use, now);
    use.at = now;
    use.procs += procs;
}

void FairShare::started(const JobRecord& job) {
    change(job.user, job.start, job.procs);
}

void FairShare::finished(const JobRecord& job) {
    change(job.user, job.end, -job.procs);
}

}  // namespace hal::replay
