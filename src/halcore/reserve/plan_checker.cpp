#include "halcore/reserve/plan_checker.h"

#include <algorithm>
#include <map>
#include <span>

namespace hal::reserve {
namespace {

using Time = ReserveProblem::Time;
using Amount = ReserveProblem::Amount;

struct Event {
    std::int32_t bin;
    Time time;
    std::int32_t request;
    bool begins;
    std::vector<Amount> amount;
};

bool in_one_group(const ReserveProblem& problem, std::size_t request, std::span<const std::int32_t> bins) {
    for (std::int64_t g = problem.groups_begin(request); g < problem.groups_end(request); ++g) {
        const auto group = problem.group(g);
        bool all = true;
        for (const std::int32_t bin : bins)
            all = all && std::find(group.begin(), group.end(), bin) != group.end();
        if (all) return true;
    }
    return false;
}

}  // namespace

std::vector<Violation> check_plan(const ReserveProblem& problem, const ReservePlan& plan) {
    std::vector<Violation> wrong;
    std::vector<Event> events;
    const std::size_t width = problem.resources;
    for (std::size_t r = 0; r < problem.requests(); ++r) {
        if (plan.start[r] == AvailabilityProfile::kNever) continue;
        const auto request = static_cast<std::int32_t>(r);
        const Time start = plan.start[r];
        const std::span<const std::int32_t> bins(plan.bin.data() + plan.first[r],
                                                 plan.bin.data() + plan.first[r + 1]);
        if (start < problem.release[r] || start > problem.deadline[r] - problem.duration[r]) {
            wrong.push_back({Breach::Window, request, -1, -1, start});
            continue;  // its times may be too large to add up
        }
        if (bins.size() != static_cast<std::size_t>(problem.tasks[r]))
            wrong.push_back({Breach::Tasks, request});
        bool known = true;
        for (const std::int32_t bin : bins)
            known = known && bin >= 0 && static_cast<std::size_t>(bin) < problem.bins();
        if (!known || (problem.tasks[r] > 0 && !in_one_group(problem, r, bins))) {
            wrong.push_back({Breach::Group, request});
            if (!known) continue;
        }
        std::map<std::int32_t, std::vector<Amount>> taken;
        const auto on = [&](std::int32_t bin) -> std::vector<Amount>& {
            return taken.try_emplace(bin, std::vector<Amount>(width, 0)).first->second;
        };
        for (const std::int32_t bin : bins) {
            auto& amount = on(bin);
            for (std::size_t k = 0; k < width; ++k)
                amount[k] += problem.need(r, static_cast<std::size_t>(bin), k);
        }
        for (auto f = static_cast<std::size_t>(problem.fixed_first[r]);
             f < static_cast<std::size_t>(problem.fixed_first[r + 1]); ++f) {
            auto& amount = on(problem.fixed_bin[f]);
            for (std::size_t k = 0; k < width; ++k) amount[k] += problem.fixed_amount[f * width + k];
        }
        for (const auto& [bin, amount] : taken) {
            events.push_back({bin, start, request, true, amount});
            events.push_back({bin, start + problem.duration[r], request, false, amount});
        }
    }
    // What ends at a time makes room for what begins then.
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
        if (a.bin != b.bin) return a.bin < b.bin;
        if (a.time != b.time) return a.time < b.time;
        if (a.begins != b.begins) return !a.begins;
        return a.request < b.request;
    });
    std::vector<Amount> used(width, 0);
    for (std::size_t i = 0; i < events.size(); ++i) {
        const Event& event = events[i];
        if (i == 0 || events[i - 1].bin != event.bin) std::fill(used.begin(), used.end(), 0);
        for (std::size_t k = 0; k < width; ++k) {
            used[k] += event.begins ? event.amount[k] : -event.amount[k];
            if (event.begins && event.amount[k] > 0 &&
                used[k] > problem.capacity[static_cast<std::size_t>(event.bin) * width + k])
                wrong.push_back(
                    {Breach::Capacity, event.request, event.bin, static_cast<std::int32_t>(k), event.time});
        }
    }
    return wrong;
}

}  // namespace hal::reserve
