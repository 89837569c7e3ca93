#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <tuple>

#include "arrays.h"
#include "bind_policies.h"
#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/model/shared_content.h"
#include "halcore/policies/scorers/data_locality.h"
#include "halcore/reserve/staging.h"

namespace nb = nanobind;

namespace hal::bindings {

namespace {

using Longs = NewColumn<std::int64_t>;
using MoveColumns = std::tuple<NewColumn<std::int32_t>, NewColumn<std::int32_t>, NewColumn<std::int32_t>,
                               Longs, Longs, Longs, Longs, Longs>;
using EvictionColumns = std::tuple<NewColumn<std::int32_t>, NewColumn<std::int32_t>, Longs, Longs>;
using PlanColumns = std::tuple<MoveColumns, EvictionColumns, Longs, Longs, Longs, Longs>;

template <class Row, class T>
NewColumn<T> column(const std::vector<Row>& rows, T Row::* field) {
    std::vector<T> values;
    values.reserve(rows.size());
    for (const Row& row : rows) values.push_back(row.*field);
    return to_numpy(std::move(values));
}

PlanColumns plan(const SharedContent& content, const Column<std::int32_t>& cache,
                 const Column<std::int64_t>& start, const Column<std::int64_t>& weight,
                 const Column<std::int64_t>& first, const Column<std::int32_t>& inputs, bool money,
                 bool evict, const Column<std::int32_t>& keep) {
    StagingPlan made;
    {
        const nb::gil_scoped_release release;
        const std::shared_lock lock(content.mutex);
        made = plan_staging(
            content.map, {as_span(cache), as_span(start), as_span(weight), as_span(first), as_span(inputs)},
            {money ? StagingValue::Money : StagingValue::Seconds, evict, as_span(keep)});
    }
    const std::vector<StagingMove>& moves = made.moves;
    const std::vector<StagingEviction>& evictions = made.evictions;
    return PlanColumns(
        MoveColumns(column(moves, &StagingMove::dataset), column(moves, &StagingMove::source),
                    column(moves, &StagingMove::target), column(moves, &StagingMove::begin),
                    column(moves, &StagingMove::end), column(moves, &StagingMove::bytes),
                    column(moves, &StagingMove::cost), column(moves, &StagingMove::benefit)),
        EvictionColumns(column(evictions, &StagingEviction::dataset),
                        column(evictions, &StagingEviction::cache), column(evictions, &StagingEviction::at),
                        column(evictions, &StagingEviction::bytes)),
        to_numpy(std::move(made.wait_before)), to_numpy(std::move(made.wait_after)),
        to_numpy(std::move(made.cost_before)), to_numpy(std::move(made.cost_after)));
}

ScorerHandle data_locality(std::shared_ptr<const SharedContent> content,
                           const std::vector<std::string>& names, const Column<std::int32_t>& caches,
                           bool money) {
    DataLocalityConfig config{std::move(content), {}, {}, money};
    const auto given = as_span(caches);
    if (!names.empty() && names.size() != given.size())
        throw InvalidModel("caches: must be as many as the nodes' names, or one a node of the cluster");
    for (const CacheIndex cache : given)
        if (cache < -1 || cache >= config.content->map.tree().size())
            throw InvalidModel("caches: " + std::to_string(cache) + " is no cache of the tree");
    if (names.empty()) config.by_index.assign(given.begin(), given.end());
    for (std::size_t i = 0; i < names.size(); ++i) config.by_name[names[i]] = given[i];
    return {make_data_locality(std::move(config))};
}

}  // namespace

void bind_staging(nb::module_& m) {
    m.def("data_locality", &data_locality, nb::arg("content"), nb::arg("names"), nb::arg("caches"),
          nb::arg("money"));
    m.def("plan_staging", &plan, nb::arg("content"), nb::arg("cache"), nb::arg("start"), nb::arg("weight"),
          nb::arg("first"), nb::arg("inputs"), nb::arg("money"), nb::arg("evict"), nb::arg("keep"));
}

}  // namespace hal::bindings
