#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <string>
#include <tuple>

#include "arrays.h"
#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/reserve/compact_model.h"
#include "halcore/reserve/list_scheduler.h"
#include "halcore/reserve/order_search.h"
#include "halcore/reserve/plan_checker.h"
#include "halcore/reserve/problem.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

using reserve::ReservePlan;
using reserve::ReserveProblem;
using Longs = NewColumn<std::int64_t>;
using Ints = NewColumn<std::int32_t>;
using LongsIn = Column<std::int64_t>;
using IntsIn = Column<std::int32_t>;
using PlanColumns = std::tuple<Longs, Longs, Ints>;
using ViolationColumns = std::tuple<Ints, Ints, Ints, Ints, Longs>;
using CompactColumns = std::tuple<Longs, Longs, Longs, Longs, Ints, Longs, Longs>;

template <class T>
std::vector<T> copy(const Column<T>& column) {
    return {column.data(), column.data() + column.shape(0)};
}

void expect_size(const char* name, std::size_t given, std::size_t wanted) {
    if (given != wanted)
        throw InvalidModel(std::string(name) + " has " + std::to_string(given) + " entries; give " +
                           std::to_string(wanted));
}

void make_problem(ReserveProblem* self, std::size_t resources, const LongsIn& capacity,
                  const LongsIn& duration, const LongsIn& release, const LongsIn& deadline,
                  const IntsIn& tasks, const Column<std::uint8_t>& whole, const IntsIn& choice,
                  const LongsIn& demand, const LongsIn& fixed_first, const IntsIn& fixed_bin,
                  const LongsIn& fixed_amount, const LongsIn& choice_first, const LongsIn& group_first,
                  const IntsIn& group_bin) {
    if (resources == 0 || capacity.shape(0) % resources != 0)
        throw InvalidModel("capacity has " + std::to_string(capacity.shape(0)) +
                           " entries; give a whole number of rows of " + std::to_string(resources));
    ReserveProblem made{resources,          copy(capacity),    copy(duration),  copy(release),
                        copy(deadline),     copy(tasks),       copy(whole),     copy(choice),
                        copy(demand),       copy(fixed_first), copy(fixed_bin), copy(fixed_amount),
                        copy(choice_first), copy(group_first), copy(group_bin)};
    made.validate();
    new (self) ReserveProblem(std::move(made));
}

void check_order(const ReserveProblem& self, std::span<const std::int32_t> order) {
    std::vector<std::uint8_t> seen(self.requests(), 0);
    for (const std::int32_t r : order) {
        if (r < 0 || static_cast<std::size_t>(r) >= self.requests() || seen[static_cast<std::size_t>(r)])
            throw InvalidModel("order: " + std::to_string(r) + " is no request, or is there twice");
        seen[static_cast<std::size_t>(r)] = 1;
    }
}

PlanColumns list_schedule(const ReserveProblem& self, const IntsIn& order, const LongsIn& not_before) {
    expect_size("not_before", not_before.shape(0), self.requests());
    for (const std::int64_t time : as_span(not_before))
        if (time < -(std::int64_t{1} << 42) || time > (std::int64_t{1} << 42))
            throw InvalidModel("not_before is " + std::to_string(time) + "; give -2**42 to 2**42");
    check_order(self, as_span(order));
    ReservePlan plan;
    {
        const nb::gil_scoped_release release;
        plan = reserve::list_schedule(self, as_span(order), as_span(not_before));
    }
    return PlanColumns(to_numpy(std::move(plan.start)), to_numpy(std::move(plan.first)),
                       to_numpy(std::move(plan.bin)));
}

ViolationColumns check(const ReserveProblem& self, const LongsIn& start, const LongsIn& first,
                       const IntsIn& bin) {
    expect_size("start", start.shape(0), self.requests());
    expect_size("first", first.shape(0), self.requests() + 1);
    const ReservePlan plan{copy(start), copy(first), copy(bin)};
    for (std::size_t i = 0; i < self.requests(); ++i)
        if (plan.first[i] < 0 || plan.first[i] > plan.first[i + 1] ||
            plan.first[i + 1] > static_cast<std::int64_t>(plan.bin.size()))
            throw InvalidModel("first must rise from 0 to " + std::to_string(plan.bin.size()));
    std::vector<reserve::Violation> found;
    {
        const nb::gil_scoped_release release;
        found = reserve::check_plan(self, plan);
    }
    std::vector<std::int32_t> breach, request, where, resource;
    std::vector<std::int64_t> time;
    for (const auto& violation : found) {
        breach.push_back(static_cast<std::int32_t>(violation.breach));
        request.push_back(violation.request);
        where.push_back(violation.bin);
        resource.push_back(violation.resource);
        time.push_back(violation.time);
    }
    return ViolationColumns(to_numpy(std::move(breach)), to_numpy(std::move(request)),
                            to_numpy(std::move(where)), to_numpy(std::move(resource)),
                            to_numpy(std::move(time)));
}

CompactColumns compact(const ReserveProblem& self, const LongsIn& last) {
    expect_size("last", last.shape(0), self.requests());
    reserve::CompactModel model;
    {
        const nb::gil_scoped_release release;
        model = reserve::compact(self, as_span(last));
    }
    std::vector<std::int64_t> capacity, first{0}, group, amount;
    std::vector<std::int32_t> request;
    for (const auto& pool : model.pools) {
        capacity.push_back(pool.capacity);
        for (const auto& use : pool.uses) {
            request.push_back(use.request);
            group.push_back(use.group);
            amount.push_back(use.amount);
        }
        first.push_back(static_cast<std::int64_t>(request.size()));
    }
    return CompactColumns(to_numpy(std::move(model.earliest)), to_numpy(std::move(model.latest)),
                          to_numpy(std::move(capacity)), to_numpy(std::move(first)),
                          to_numpy(std::move(request)), to_numpy(std::move(group)),
                          to_numpy(std::move(amount)));
}

/// Starts of the best order found on the pools; none when no order seen places all requests.
Longs improve(const ReserveProblem& self, const LongsIn& last, const LongsIn& due, const LongsIn& weight,
              bool makespan, const IntsIn& order, std::int64_t passes, std::uint64_t seed) {
    expect_size("last", last.shape(0), self.requests());
    expect_size("due", due.shape(0), self.requests());
    expect_size("weight", weight.shape(0), self.requests());
    expect_size("order", order.shape(0), self.requests());
    check_order(self, as_span(order));
    std::vector<std::int64_t> starts;
    {
        const nb::gil_scoped_release release;
        const reserve::CompactModel model = reserve::compact(self, as_span(last));
        reserve::OrderSearch search(self, model, {as_span(due), as_span(weight), makespan});
        std::vector<std::int32_t> best(order.data(), order.data() + order.shape(0));
        starts = search.improve(best, passes, seed);
    }
    return to_numpy(std::move(starts));
}

}  // namespace

void bind_reserve_plan(nb::module_& m) {
    using namespace nb::literals;
    nb::class_<ReserveProblem>(m, "ReserveProblem")
        .def("__init__", &make_problem, nb::kw_only(), "resources"_a, "capacity"_a, "duration"_a, "release"_a,
             "deadline"_a, "tasks"_a, "whole"_a, "choice"_a, "demand"_a, "fixed_first"_a, "fixed_bin"_a,
             "fixed_amount"_a, "choice_first"_a, "group_first"_a, "group_bin"_a)
        .def("list_schedule", &list_schedule, "order"_a, "not_before"_a)
        .def("check", &check, "start"_a, "first"_a, "bin"_a)
        .def("compact", &compact, "last"_a)
        .def("improve", &improve, "last"_a, "due"_a, "weight"_a, "makespan"_a, "order"_a, "passes"_a,
             "seed"_a);
}

}  // namespace hal::bindings
