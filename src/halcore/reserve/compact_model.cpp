#include "halcore/reserve/compact_model.h"

#include <algorithm>
#include <map>

#include "halcore/reserve/list_scheduler.h"

namespace hal::reserve {
namespace {

using Time = ReserveProblem::Time;
using Amount = ReserveProblem::Amount;
using Bins = std::vector<std::int32_t>;

/// u(k) of Fekete and Schepers, times 2 · 3 · k so that it is whole, for an amount of a bin that holds
/// `most`.
Amount rounded(Amount amount, Amount most, Amount k) {
    constexpr Amount kScale = 6;
    if ((k + 1) * amount % most == 0) return kScale * k * amount * (k + 1) / most / (k + 1);
    return kScale * ((k + 1) * amount / most);
}

struct Member {
    std::int32_t request;
    std::int64_t group;  // -1: the request lies inside in any case
};

class Builder {
  public:
    Builder(const ReserveProblem& problem, CompactModel& model) : problem_(problem), model_(model) {}

    void build() {
        const auto groups = static_cast<std::int64_t>(problem_.group_first.size()) - 1;
        std::map<Bins, bool> sets;  // ordered, so that pools come in the same order on any machine
        for (std::int64_t g = 0; g < groups; ++g) {
            const auto group = problem_.group(g);
            if (!group.empty()) sets[Bins(group.begin(), group.end())] = true;
        }
        for (std::size_t c = 0; c + 1 < problem_.choice_first.size(); ++c) {
            unions_.push_back(all_of(problem_.choice_first[c], problem_.choice_first[c + 1]));
            if (!unions_.back().empty()) sets[unions_.back()] = true;
        }
        std::map<std::int32_t, int> fixed;
        for (const std::int32_t bin : problem_.fixed_bin) ++fixed[bin];
        for (const auto& [bin, uses] : fixed)
            if (uses > 1) sets[{bin}] = true;
        for (const auto& [set, _] : sets) add_set(set);
    }

  private:
    Bins all_of(std::int64_t begin, std::int64_t end) const {
        Bins bins;
        for (std::int64_t g = begin; g < end; ++g) {
            const auto group = problem_.group(g);
            bins.insert(bins.end(), group.begin(), group.end());
        }
        std::sort(bins.begin(), bins.end());
        bins.erase(std::unique(bins.begin(), bins.end()), bins.end());
        return bins;
    }

    static bool inside(std::span<const std::int32_t> part, const Bins& set) {
        return !part.empty() && std::includes(set.begin(), set.end(), part.begin(), part.end());
    }

    std::vector<Member> members(const Bins& set) const {
        std::vector<std::uint8_t> union_inside, group_inside;
        for (const Bins& bins : unions_) union_inside.push_back(inside(bins, set));
        for (std::size_t g = 0; g + 1 < problem_.group_first.size(); ++g)
            group_inside.push_back(inside(problem_.group(static_cast<std::int64_t>(g)), set));
        std::vector<Member> out;
        for (std::size_t r = 0; r < problem_.requests(); ++r) {
            if (problem_.tasks[r] == 0) continue;
            if (union_inside[static_cast<std::size_t>(problem_.choice[r])]) {
                out.push_back({static_cast<std::int32_t>(r), -1});
                continue;
            }
            for (std::int64_t g = problem_.groups_begin(r); g < problem_.groups_end(r); ++g)
                if (group_inside[static_cast<std::size_t>(g)])
                    out.push_back({static_cast<std::int32_t>(r), g});
        }
        return out;
    }

    /// Least that a task of `request` takes of a bin that it may use inside the set.
    Amount least_need(const Member& member, const Bins& set, std::size_t k) const {
        const auto r = static_cast<std::size_t>(member.request);
        if (!problem_.whole[r]) return problem_.demand[r * problem_.resources + k];
        const auto& own = unions_[static_cast<std::size_t>(problem_.choice[r])];
        Amount least = AvailabilityProfile::kNever;
        for (const std::int32_t bin : own)
            if (std::binary_search(set.begin(), set.end(), bin))
                least = std::min(least, problem_.need(r, static_cast<std::size_t>(bin), k));
        return least;
    }

    void add_set(const Bins& set) {
        const std::vector<Member> inside = members(set);
        for (std::size_t k = 0; k < problem_.resources; ++k) {
            Amount most = 0, total = 0;
            for (const std::int32_t bin : set) {
                const Amount here = problem_.capacity[static_cast<std::size_t>(bin) * problem_.resources + k];
                most = std::max(most, here);
                total += here;
            }
            std::vector<Amount> needs;
            for (const Member& member : inside) needs.push_back(least_need(member, set, k));
            add_pool(set, inside, needs, k, total, [](Amount amount) { return amount; });
            if (most == 0 || std::all_of(needs.begin(), needs.end(),
                                         [&](Amount need) { return need == 0 || most % need == 0; }))
                continue;
            const auto bins = static_cast<Amount>(set.size());
            for (const Amount f : {1, 2})
                add_pool(set, inside, needs, k, 6 * f * bins,
                         [&](Amount amount) { return rounded(std::min(amount, most), most, f); });
        }
    }

    template <class Weigh>
    void add_pool(const Bins& set, const std::vector<Member>& inside, const std::vector<Amount>& needs,
                  std::size_t k, Amount capacity, Weigh weigh) {
        Pool pool{capacity, {}};
        for (std::size_t i = 0; i < inside.size(); ++i)
            if (const Amount need = weigh(needs[i]); need > 0)
                pool.uses.push_back({inside[i].request, inside[i].group,
                                     need * problem_.tasks[static_cast<std::size_t>(inside[i].request)]});
        for (std::size_t r = 0; r < problem_.requests(); ++r) {
            Amount amount = 0;
            for (auto f = static_cast<std::size_t>(problem_.fixed_first[r]);
                 f < static_cast<std::size_t>(problem_.fixed_first[r + 1]); ++f)
                if (std::binary_search(set.begin(), set.end(), problem_.fixed_bin[f]))
                    amount += weigh(problem_.fixed_amount[f * problem_.resources + k]);
            if (amount > 0) pool.uses.push_back({static_cast<std::int32_t>(r), -1, amount});
        }
        Amount sum = 0;
        for (const PoolUse& use : pool.uses) sum += use.amount;
        if (sum > capacity) model_.pools.push_back(std::move(pool));  // else it forbids nothing
    }

    const ReserveProblem& problem_;
    CompactModel& model_;
    std::vector<Bins> unions_;
};

}  // namespace

CompactModel compact(const ReserveProblem& problem, std::span<const Time> last) {
    CompactModel model;
    ListScheduler pinned(problem);
    std::vector<std::uint8_t> set(problem.requests(), 0);
    for (std::size_t r = 0; r < problem.requests(); ++r)
        if (problem.tasks[r] == 0 && problem.release[r] + problem.duration[r] == problem.deadline[r] &&
            pinned.earliest(r, problem.release[r]) == problem.release[r]) {
            pinned.take(r, problem.release[r], {});
            set[r] = 1;
        }
    for (std::size_t r = 0; r < problem.requests(); ++r) {
        const Time end = std::min(problem.deadline[r], last[r]);
        model.latest.push_back(end - problem.duration[r]);
        model.earliest.push_back(set[r] ? problem.release[r] : pinned.earliest(r, problem.release[r]));
    }
    Builder(problem, model).build();
    return model;
}

}  // namespace hal::reserve
