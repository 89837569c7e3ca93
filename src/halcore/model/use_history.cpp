#include "halcore/model/use_history.h"

#include <cmath>
#include <limits>

#include "halcore/model/error.h"

namespace hal {
namespace {

constexpr double kMostHalfLives = 512;  // between the origin and a record: 2^512 is far from overflow

}  // namespace

UseHistory::UseHistory(const QueueTree& tree, double half_life)
    : tree_(tree),
      half_life_(half_life),
      latest_(-std::numeric_limits<double>::infinity()),
      sums_(tree.at(tree.size(), 0), 0) {
    if (!std::isfinite(half_life) || half_life <= 0) {
        throw InvalidModel("half_life: " + std::to_string(half_life) +
                           " is not a positive number of seconds");
    }
}

void UseHistory::record(QueueId leaf, std::uint32_t resource, std::int64_t amount, double start, double end) {
    if (!std::isfinite(start) || !std::isfinite(end) || end < start) {
        throw InvalidModel("record: from " + std::to_string(start) + " to " + std::to_string(end) +
                           " is no period of time");
    }
    if (amount < 0) throw InvalidModel("record: an amount of " + std::to_string(amount) + " is negative");
    if (latest_ == -std::numeric_limits<double>::infinity()) origin_ = end;
    latest_ = std::max(latest_, end);
    if ((end - origin_) / half_life_ > kMostHalfLives) {
        const double fade = std::exp2((origin_ - end) / half_life_);
        for (double& sum : sums_) sum *= fade;
        origin_ = end;
    }
    const double more = static_cast<double>(amount) *
                        (std::exp2((end - origin_) / half_life_) - std::exp2((start - origin_) / half_life_));
    for (QueueId q = leaf;; q = tree_.parent(q)) {
        sums_[tree_.at(q, resource)] += more;
        if (q == 0) return;
    }
}

std::vector<double> UseHistory::at(double now) const {
    if (!std::isfinite(now) || now < latest_) {
        throw InvalidModel("now: " + std::to_string(now) +
                           " is before the latest use recorded, which ended at " + std::to_string(latest_));
    }
    std::vector<double> averages(sums_);
    const double fade = std::exp2((origin_ - now) / half_life_);
    for (double& average : averages) average *= fade;
    return averages;
}

}  // namespace hal
