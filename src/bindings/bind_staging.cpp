#include <nanobind/stl/tuple.h>

#include <mutex>
#include <tuple>

#include "arrays.h"
#include "bindings.h"
#include "halcore/model/shared_content.h"
#include "halcore/reserve/staging.h"

namespace nb = nanobind;

namespace hal::bindings {

namespace {

using Longs = NewColumn<std::int64_t>;
using MoveColumns = std::tuple<NewColumn<std::int32_t>, NewColumn<std::int32_t>, NewColumn<std::int32_t>,
                               Longs, Longs, Longs, Longs, Longs>;
using PlanColumns = std::tuple<MoveColumns, Longs, Longs, Longs, Longs>;

template <class T>
NewColumn<T> column(const std::vector<StagingMove>& moves, T StagingMove::* field) {
    std::vector<T> values;
    values.reserve(moves.size());
    for (const StagingMove& move : moves) values.push_back(move.*field);
    return to_numpy(std::move(values));
}

PlanColumns plan(const SharedContent& content, const Column<std::int32_t>& cache,
                 const Column<std::int64_t>& start, const Column<std::int64_t>& weight,
                 const Column<std::int64_t>& first, const Column<std::int32_t>& inputs, bool money) {
    StagingPlan made;
    {
        const nb::gil_scoped_release release;
        const std::shared_lock lock(content.mutex);
        made = plan_staging(
            content.map, {as_span(cache), as_span(start), as_span(weight), as_span(first), as_span(inputs)},
            money ? StagingValue::Money : StagingValue::Seconds);
    }
    const std::vector<StagingMove>& moves = made.moves;
    return PlanColumns(MoveColumns(column(moves, &StagingMove::dataset), column(moves, &StagingMove::source),
                                   column(moves, &StagingMove::target), column(moves, &StagingMove::begin),
                                   column(moves, &StagingMove::end), column(moves, &StagingMove::bytes),
                                   column(moves, &StagingMove::cost), column(moves, &StagingMove::benefit)),
                       to_numpy(std::move(made.wait_before)), to_numpy(std::move(made.wait_after)),
                       to_numpy(std::move(made.cost_before)), to_numpy(std::move(made.cost_after)));
}

}  // namespace

void bind_staging(nb::module_& m) {
    m.def("plan_staging", &plan, nb::arg("content"), nb::arg("cache"), nb::arg("start"), nb::arg("weight"),
          nb::arg("first"), nb::arg("inputs"), nb::arg("money"));
}

}  // namespace hal::bindings
