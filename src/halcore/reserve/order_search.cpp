#include "halcore/reserve/order_search.h"

#include <algorithm>
#include <limits>

namespace hal::reserve {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
constexpr AvailabilityProfile::Time kBegin = -(AvailabilityProfile::Time{1} << 43);

/// SplitMix64 (Steele, Lea and Flood 2014).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t below(std::uint64_t count) {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return (z ^ (z >> 31)) % count;
    }

  private:
    std::uint64_t state_;
};

}  // namespace

OrderSearch::OrderSearch(const ReserveProblem& problem, const CompactModel& model, const OrderCost& cost)
    : problem_(problem), model_(model), cost_(cost), uses_(problem.requests()) {
    for (std::size_t p = 0; p < model.pools.size(); ++p)
        for (const PoolUse& use : model.pools[p].uses)
            uses_[static_cast<std::size_t>(use.request)].push_back({use.group, p, use.amount});
    for (std::size_t r = 0; r < problem.requests(); ++r) {
        auto& uses = uses_[r];
        // Groups that no pool forbids are as good as no group at all.
        std::int64_t named = 0;
        std::stable_sort(uses.begin(), uses.end(),
                         [](const Use& a, const Use& b) { return a.group < b.group; });
        for (std::size_t i = 0; i < uses.size(); ++i)
            named += uses[i].group >= 0 && (i == 0 || uses[i - 1].group != uses[i].group);
        if (named > 0 && named < problem.groups_end(r) - problem.groups_begin(r))
            std::erase_if(uses, [](const Use& use) { return use.group >= 0; });
    }
}

OrderSearch::Time OrderSearch::earliest(std::span<const Use> always, std::span<const Use> own, Time from,
                                        Time duration) const {
    for (bool settled = false; !settled;) {
        settled = true;
        for (const auto part : {always, own})
            for (const Use& use : part) {
                const Time found = profiles_[use.pool].earliest(from, duration, use.amount);
                if (found == AvailabilityProfile::kNever) return found;
                settled = settled && found == from;
                from = found;
            }
    }
    return from;
}

/// Cost of placing in this order, kNone when a request has no place or the cost passes `limit`.
std::int64_t OrderSearch::schedule(std::span<const std::int32_t> order, std::int64_t limit) {
    profiles_.clear();
    for (const Pool& pool : model_.pools) profiles_.emplace_back(pool.capacity, kBegin);
    std::int64_t total = 0;
    for (const std::int32_t entry : order) {
        const auto r = static_cast<std::size_t>(entry);
        const std::span<const Use> uses(uses_[r]);
        const Time duration = problem_.duration[r];
        std::size_t shared = 0;
        while (shared < uses.size() && uses[shared].group < 0) ++shared;
        const auto always = uses.first(shared);
        std::span<const Use> chosen;
        Time start = shared == uses.size() ? earliest(always, {}, model_.earliest[r], duration)
                                           : AvailabilityProfile::kNever;
        for (std::size_t i = shared; i < uses.size();) {
            std::size_t end = i;
            while (end < uses.size() && uses[end].group == uses[i].group) ++end;
            const auto own = uses.subspan(i, end - i);
            const Time found = earliest(always, own, model_.earliest[r], duration);
            if (found < start) {
                start = found;
                chosen = own;
            }
            i = end;
        }
        if (start > problem_.deadline[r] - duration) return kNone;
        for (const auto part : {always, chosen})
            for (const Use& use : part) profiles_[use.pool].add(start, start + duration, -use.amount);
        start_[r] = start;
        if (cost_.makespan) {
            paid_[r] = start + duration;
            total = std::max(total, paid_[r]);
        } else {
            paid_[r] = cost_.weight[r] * std::max<std::int64_t>(0, start + duration - cost_.due[r]);
            total += paid_[r];
        }
        if (total > limit) return kNone;
    }
    return total;
}

std::vector<OrderSearch::Time> OrderSearch::improve(std::vector<std::int32_t>& order, std::int64_t passes,
                                                    std::uint64_t seed) {
    constexpr std::size_t kHistory = 40;
    const std::size_t n = order.size();
    start_.assign(problem_.requests(), 0);
    paid_.assign(problem_.requests(), 0);
    std::int64_t current = schedule(order, kNone - 1);
    std::int64_t best = current;
    std::vector<Time> starts = current == kNone ? std::vector<Time>{} : start_;
    std::vector<std::int64_t> paid = paid_;
    std::vector<std::int64_t> history(kHistory, current);
    std::vector<std::int32_t> trial, best_order = order;
    Random random(seed);
    for (std::int64_t pass = 1; pass < passes && n > 1 && best > 0; ++pass) {
        std::size_t late = random.below(n);
        for (int tries = 0; tries < 8 && paid[static_cast<std::size_t>(order[late])] == 0; ++tries)
            late = random.below(n);
        trial = order;
        const std::size_t other = random.below(n);
        if (random.below(4) == 0) {
            std::swap(trial[late], trial[other]);
        } else if (other < late) {
            std::rotate(trial.begin() + static_cast<std::ptrdiff_t>(other),
                        trial.begin() + static_cast<std::ptrdiff_t>(late),
                        trial.begin() + static_cast<std::ptrdiff_t>(late) + 1);
        } else {
            std::rotate(trial.begin() + static_cast<std::ptrdiff_t>(late),
                        trial.begin() + static_cast<std::ptrdiff_t>(late) + 1,
                        trial.begin() + static_cast<std::ptrdiff_t>(other) + 1);
        }
        std::int64_t& past = history[static_cast<std::size_t>(pass) % kHistory];
        const std::int64_t cost = schedule(trial, std::min(std::max(past, current), kNone - 1));
        if (cost != kNone) {
            order.swap(trial);
            current = cost;
            paid = paid_;
            if (cost < best) {
                best = cost;
                starts = start_;
                best_order = order;
            }
        }
        past = std::min(past, current);
    }
    order = best_order;
    return starts;
}

}  // namespace hal::reserve
