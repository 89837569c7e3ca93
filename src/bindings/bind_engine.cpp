#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <limits>

#include "arrays.h"
#include "bind_policies.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/engine/lasting.h"
#include "halcore/model/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using QueuesPtr = std::shared_ptr<const QueueTree>;

PlaceResult place(ClusterHandle& h, const std::vector<const JobHandle*>& jobs, const PolicyHandle& policy,
                  bool apply, const QueuesPtr& queues) {
    return h.run([&](Cluster&, Engine& engine) {
        engine.use_queues(queues);
        std::vector<JobRequest> requests;
        requests.reserve(jobs.size());
        for (const JobHandle* job : jobs) requests.push_back(h.request(*job));
        return engine.place(std::move(requests), policy.policy, apply);
    });
}

PlaceResult place_one(ClusterHandle& h, const JobHandle& job, const PolicyHandle& policy, bool apply) {
    return h.run([&](Cluster&, Engine& engine) {
        engine.use_queues(nullptr);
        std::vector<JobRequest> requests;
        requests.push_back(h.request(job));
        return engine.place(std::move(requests), policy.policy, apply);
    });
}

PlaceResult place_columns(ClusterHandle& h, const Column<std::int32_t>& shape,
                          const std::vector<const ShapeHandle*>& shapes,
                          const std::optional<Column<std::int32_t>>& tasks, const PolicyHandle& policy,
                          bool apply, const QueuesPtr& queues,
                          const std::optional<Column<std::int32_t>>& traits,
                          const std::vector<const TraitsHandle*>& all_traits) {
    return h.run([&](Cluster&, Engine& engine) {
        engine.use_queues(queues);
        std::vector<ShapeId> ids;
        for (const ShapeHandle* s : shapes) ids.push_back(h.intern(*s));
        std::vector<TraitsId> traits_ids, by_row;
        for (const TraitsHandle* t : all_traits) traits_ids.push_back(h.intern(*t));
        for (const std::int32_t row : traits ? as_span(*traits) : std::span<const std::int32_t>{}) {
            if (row < -1 || row >= static_cast<std::int64_t>(traits_ids.size())) {
                throw InvalidModel("traits: " + std::to_string(row) + " is no index into the traits, nor -1");
            }
            by_row.push_back(row < 0 ? 0 : traits_ids[row]);
        }
        return engine.place(as_span(shape), ids, tasks ? as_span(*tasks) : std::span<const std::int32_t>{},
                            by_row, policy.policy, apply);
    });
}

template <class T>
nb::ndarray<nb::numpy, const T, nb::ndim<1>> row(nb::handle owner, const std::vector<T>& values) {
    return {values.data(), {values.size()}, owner};
}

NewColumn<std::int64_t> job_ids(const PlaceResult& result) {
    std::vector<std::int64_t> ids;
    ids.reserve(result.ids.size());
    for (const JobId id : result.ids) ids.push_back(id == kNoJob ? -1 : static_cast<std::int64_t>(id));
    return to_numpy(std::move(ids));
}

void book_before(ClusterHandle& h, PlaceResult result, std::size_t job) {
    if (job >= result.shape.size())
        throw InvalidModel("job: " + std::to_string(job) + " of " + std::to_string(result.shape.size()));
    std::vector<ShapeId> asked{result.shape[job]};
    if (job < result.gangs.size() && result.gangs[job]) {
        asked.clear();
        for (const auto& role : result.gangs[job]->roles) asked.push_back(role.shape);
    }
    result.status.resize(job);
    result.shape.resize(job);
    if (result.gangs.size() > job) result.gangs.resize(job);
    h.run([&](Cluster& c, Engine& engine) {
        engine.apply(result);
        for (const ShapeId shape : asked) c.count_seen(shape);
    });
}

nb::typed<nb::dict, nb::str, nb::any> explain(ClusterHandle& h, const JobHandle& job,
                                              const PolicyHandle& policy, std::size_t top,
                                              const QueuesPtr& queues) {
    Explanation e;
    std::vector<std::string> names;
    h.run([&](Cluster& c, Engine& engine) {
        engine.use_queues(queues);
        e = engine.explain(h.request(job), policy.policy, top);
        for (const auto& candidate : e.top) names.push_back(c.name(candidate.node));
    });
    nb::dict result;
    result["status"] = static_cast<int>(e.status);
    result["nodes"] = e.nodes;
    result["feasible"] = e.feasible;
    result["reasons"] = e.reasons;
    result["quota"] = e.quota;
    result["block"] = nb::none();
    if (e.block) {
        result["block"] = nb::make_tuple(queues->name(e.block->queue),
                                         queues->resources().name(e.block->resource), e.block->missing());
    }
    nb::list rows;
    for (std::size_t i = 0; i < e.top.size(); ++i)
        rows.append(nb::make_tuple(names[i], e.top[i].total, e.top[i].parts));
    result["top"] = rows;
    return result;
}

nb::typed<nb::tuple, nb::any, nb::any, nb::any, nb::any> survey(ClusterHandle& h, const JobHandle& job,
                                                                const PolicyHandle& policy) {
    Survey found;
    std::vector<double> score;
    std::vector<std::uint8_t> lasts;
    h.run([&](Cluster& cluster, Engine& engine) {
        const JobRequest request = h.request(job);
        found = engine.survey(request, policy.policy);
        lasts = lasting(cluster, request.shape, found);
        score.assign(found.nodes.size(), std::numeric_limits<double>::quiet_NaN());
        auto total = found.totals.begin();
        for (std::size_t i = 0; i < score.size(); ++i)
            if (found.reason[i] < 0) score[i] = *total++;
    });
    return nb::make_tuple(to_numpy(std::move(score)), to_numpy(std::move(found.reason)), found.reasons,
                          to_numpy(std::move(lasts)));
}

}  // namespace

void bind_engine(nb::module_& m) {
    nb::class_<PlaceResult>(m, "Result", "Columns of one place() call; the arrays are views of it.")
        .def_ro("version", &PlaceResult::version)
        .def_prop_ro("n_jobs", [](const PlaceResult& r) { return r.status.size(); })
        .def_prop_ro("names", [](const PlaceResult& r) { return r.names; })
        .def_prop_ro("status", [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).status); })
        .def_prop_ro("task_begin",
                     [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).task_begin); })
        .def_prop_ro("node", [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).node); })
        .def_prop_ro("gpus", [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).devices); })
        .def_prop_ro(
            "role", [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).role); },
            "By task, of its gang; empty when no job is one.")
        .def_ro("starts", &PlaceResult::starts, "(task, first memory slice) of the GPU instances.")
        .def_prop_ro("score", [](nb::handle self) { return row(self, nb::cast<PlaceResult&>(self).score); })
        .def_prop_ro("applied", [](const PlaceResult& r) { return !r.ids.empty(); })
        .def_prop_ro(
            "ids", [](const PlaceResult& r) { return nb::cast(job_ids(r)); },
            "Ids of the jobs once applied; -1 where not placed.");

    m.def("place", &place, "cluster"_a, "jobs"_a, "policy"_a, "apply"_a = false,
          "queues"_a.none() = nb::none());
    // Without annotations of its arguments nanobind's call is the shorter one: this is the hot path of one
    // job.
    m.def("place_one", &place_one,
          nb::sig("def place_one(cluster: Cluster, job: Job, policy: Policy, apply: bool) -> Result"));
    m.def("place_columns", &place_columns, "cluster"_a, "shape"_a.noconvert(), "shapes"_a,
          "tasks"_a.noconvert().none(), "policy"_a, "apply"_a = false, "queues"_a.none() = nb::none(),
          "traits"_a.noconvert().none() = nb::none(), "all_traits"_a = std::vector<const TraitsHandle*>{},
          "traits: index of each job into all_traits, -1: none.");
    m.def("apply", [](ClusterHandle& h, PlaceResult& result) {
        h.run([&](Cluster&, Engine& engine) { engine.apply(result); });
    });
    m.def("book_before", &book_before, "cluster"_a, "result"_a, "job"_a,
          "Books a copy of what was decided before the job, and that the job was asked for: for a trial.");
    m.def(
        "resize",
        [](ClusterHandle& h, const std::string& job, const std::vector<std::int32_t>& tasks,
           const PolicyHandle& policy, const QueuesPtr& queues) {
            return h.run([&](Cluster& c, Engine& engine) {
                engine.use_queues(queues);
                const JobId id = c.find_job(job);
                if (id == kNoJob) throw InvalidModel("job '" + job + "': it does not run");
                return engine.resize(id, tasks, policy.policy);
            });
        },
        "cluster"_a, "job"_a, "tasks"_a, "policy"_a, "queues"_a.none() = nb::none(),
        "Changes how many tasks of each role a running job has; False, and nothing changed, without room.");
    m.def("survey", &survey, "cluster"_a, "job"_a, "policy"_a,
          "By present node: score (NaN: does not fit) and index of the reason (-1: fits); the reasons.");
    m.def("explain", &explain, "cluster"_a, "job"_a, "policy"_a, "top"_a = 5, "queues"_a.none() = nb::none());
    m.def(
        "choose",
        [](ClusterHandle& h, const ShapeHandle& shape, const PolicyHandle& policy, bool by_scan) {
            const Choice choice = h.run([&](Cluster&, Engine& engine) {
                return engine.choose(h.intern(shape), policy.policy, by_scan);
            });
            return std::make_pair(choice.node == kNoNode ? -1 : static_cast<std::int64_t>(choice.node),
                                  choice.score);
        },
        "cluster"_a, "shape"_a, "policy"_a, "by_scan"_a,
        "Best node for one task by the index, or by a scan of all nodes: (index or -1, score).");
}

}  // namespace hal::bindings
