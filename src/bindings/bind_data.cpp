#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <mutex>
#include <tuple>

#include "arrays.h"
#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/model/nearest_source.h"
#include "halcore/model/shared_content.h"

namespace nb = nanobind;

namespace hal::bindings {

namespace {

using FaultTuple = std::tuple<int, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

std::optional<FaultTuple> as_tuple(const std::optional<ContentFault>& fault) {
    if (!fault) return std::nullopt;
    return FaultTuple(static_cast<int>(fault->kind), fault->event, fault->dataset, fault->cache, fault->got,
                      fault->limit);
}

void check(const char* what, std::int64_t value, std::int64_t count) {
    if (value < 0 || value >= count)
        throw InvalidModel(std::string(what) + " " + std::to_string(value) + " is not one of 0 … " +
                           std::to_string(count - 1));
}

std::shared_ptr<const CacheTree> make_tree(const Column<std::int32_t>& parent,
                                           const Column<std::int64_t>& capacity,
                                           const Column<std::int64_t>& bandwidth,
                                           const Column<std::int64_t>& latency,
                                           const Column<std::int64_t>& egress,
                                           const std::vector<std::string>& names) {
    const nb::gil_scoped_release release;
    return std::make_shared<const CacheTree>(CacheColumns{
        as_span(parent), as_span(capacity), as_span(bandwidth), as_span(latency), as_span(egress), names});
}

using TransferColumns = std::tuple<NewColumn<CacheIndex>, NewColumn<std::int64_t>, NewColumn<std::int64_t>,
                                   NewColumn<std::int64_t>>;

TransferColumns transfers(const SharedContent& content, const Column<std::int32_t>& datasets,
                          const Column<std::int32_t>& targets) {
    const std::size_t n = datasets.shape(0);
    if (targets.shape(0) != n) throw InvalidModel("caches: must be as many as datasets");
    std::vector<CacheIndex> source(n);
    std::vector<std::int64_t> micros(n), bytes(n), cost(n);
    {
        const nb::gil_scoped_release release;
        const std::shared_lock lock(content.mutex);
        for (std::size_t i = 0; i < n; ++i) {
            check("dataset", datasets.data()[i], content.map.datasets());
            check("cache", targets.data()[i], content.map.tree().size());
        }
        for (std::size_t i = 0; i < n; ++i) {
            if (i + 8 < n) content.map.prefetch(datasets.data()[i + 8]);
            const Transfer t = nearest_source(content.map, datasets.data()[i], targets.data()[i]);
            source[i] = t.source;
            micros[i] = t.micros;
            bytes[i] = t.bytes;
            cost[i] = t.cost;
        }
    }
    return TransferColumns(to_numpy(std::move(source)), to_numpy(std::move(micros)),
                           to_numpy(std::move(bytes)), to_numpy(std::move(cost)));
}

void bind_tree(nb::module_& m) {
    nb::class_<CacheTree>(m, "CacheTree")
        .def(nb::new_(&make_tree), nb::arg("parent"), nb::arg("capacity"), nb::arg("bandwidth"),
             nb::arg("latency"), nb::arg("egress"), nb::arg("names"))
        .def("__len__", &CacheTree::size)
        .def("parent",
             [](const CacheTree& tree, std::int64_t cache) {
                 check("cache", cache, tree.size());
                 return tree.parent(static_cast<CacheIndex>(cache));
             })
        .def("route", [](const CacheTree& tree, std::int64_t from, std::int64_t to) {
            check("cache", from, tree.size());
            check("cache", to, tree.size());
            return tree.route(static_cast<CacheIndex>(from), static_cast<CacheIndex>(to));
        });
}

void bind_content(nb::module_& m) {
    using Lock = std::unique_lock<std::shared_mutex>;
    using ReadLock = std::shared_lock<std::shared_mutex>;
    const auto unlocked = nb::call_guard<nb::gil_scoped_release>();
    nb::class_<SharedContent>(m, "ContentMap")
        .def(nb::new_([](std::shared_ptr<const CacheTree> tree) {
                 return std::make_shared<SharedContent>(std::move(tree));
             }),
             nb::arg("tree"))
        .def(
            "add_datasets",
            [](SharedContent& c, std::int32_t count) {
                const Lock lock(c.mutex);
                return c.map.add_datasets(count);
            },
            unlocked)
        .def("intern",
             [](SharedContent& c, const std::vector<std::string>& names) {
                 std::vector<DatasetId> ids;
                 ids.reserve(names.size());
                 {
                     const nb::gil_scoped_release release;
                     const Lock lock(c.mutex);
                     for (const std::string& name : names) ids.push_back(c.map.intern(name));
                 }
                 return to_numpy(std::move(ids));
             })
        .def("find",
             [](const SharedContent& c, const std::vector<std::string>& names) {
                 std::vector<DatasetId> ids;
                 ids.reserve(names.size());
                 {
                     const nb::gil_scoped_release release;
                     const ReadLock lock(c.mutex);
                     for (const std::string& name : names) ids.push_back(c.map.find(name));
                 }
                 return to_numpy(std::move(ids));
             })
        .def(
            "name",
            [](const SharedContent& c, std::int64_t dataset) {
                const ReadLock lock(c.mutex);
                check("dataset", dataset, c.map.datasets());
                return c.map.name(static_cast<DatasetId>(dataset));
            },
            unlocked)
        .def(
            "drop_datasets",
            [](SharedContent& c, std::int32_t first) {
                const Lock lock(c.mutex);
                c.map.drop_datasets(first);
            },
            unlocked)
        .def(
            "apply",
            [](SharedContent& c, const Column<std::uint8_t>& change, const Column<std::int32_t>& dataset,
               const Column<std::int32_t>& cache, const Column<std::int64_t>& bytes) {
                const Lock lock(c.mutex);
                return as_tuple(
                    c.map.apply({as_span(change), as_span(dataset), as_span(cache), as_span(bytes)}));
            },
            unlocked)
        .def(
            "replace",
            [](SharedContent& c, std::int32_t cache, const Column<std::int32_t>& datasets,
               const Column<std::int64_t>& bytes) {
                const Lock lock(c.mutex);
                return as_tuple(c.map.replace(cache, as_span(datasets), as_span(bytes)));
            },
            unlocked)
        .def(
            "bytes",
            [](const SharedContent& c, std::int64_t dataset) {
                const ReadLock lock(c.mutex);
                check("dataset", dataset, c.map.datasets());
                return c.map.bytes(static_cast<DatasetId>(dataset));
            },
            unlocked)
        .def(
            "holders",
            [](const SharedContent& c, std::int64_t dataset) {
                const ReadLock lock(c.mutex);
                check("dataset", dataset, c.map.datasets());
                std::vector<CacheIndex> caches;
                for (const Holder& h : c.map.holders(static_cast<DatasetId>(dataset)))
                    caches.push_back(c.map.tree().at(h.position).cache);
                std::sort(caches.begin(), caches.end());
                return caches;
            },
            unlocked)
        .def("contents",
             [](const SharedContent& c, std::int64_t cache) {
                 check("cache", cache, c.map.tree().size());
                 std::vector<DatasetId> ids;
                 {
                     const nb::gil_scoped_release release;
                     const ReadLock lock(c.mutex);
                     const auto view = c.map.contents(static_cast<CacheIndex>(cache));
                     ids.assign(view.begin(), view.end());
                     std::sort(ids.begin(), ids.end());
                 }
                 return to_numpy(std::move(ids));
             })
        .def("used",
             [](const SharedContent& c) {
                 std::vector<std::int64_t> used(c.map.tree().size());
                 {
                     const nb::gil_scoped_release release;
                     const ReadLock lock(c.mutex);
                     for (CacheIndex i = 0; i < c.map.tree().size(); ++i) used[i] = c.map.used(i);
                 }
                 return to_numpy(std::move(used));
             })
        .def_prop_ro(
            "datasets",
            [](const SharedContent& c) {
                const ReadLock lock(c.mutex);
                return c.map.datasets();
            },
            unlocked)
        .def_prop_ro(
            "copies",
            [](const SharedContent& c) {
                const ReadLock lock(c.mutex);
                return c.map.copies();
            },
            unlocked)
        .def_prop_ro(
            "version",
            [](const SharedContent& c) {
                const ReadLock lock(c.mutex);
                return c.map.version();
            },
            unlocked)
        .def("transfers", &transfers, nb::arg("datasets"), nb::arg("caches"));
}

}  // namespace

void bind_data(nb::module_& m) {
    bind_tree(m);
    bind_content(m);
}

}  // namespace hal::bindings
