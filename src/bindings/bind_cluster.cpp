#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/engine/transaction.h"
#include "halcore/model/error.h"
#include "halcore/policies/devices.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

ClusterHandle* from_columns(const Column<std::int64_t>& cpu, const Column<std::int64_t>& memory,
                            const Column<std::int32_t>& gpu_count, const Column<std::int32_t>& gpu_model,
                            const Column<std::int64_t>& gpu_memory, std::vector<std::string> models,
                            std::optional<std::vector<std::string>> names,
                            const std::map<std::string, Column<std::int64_t>>& extended) {
    NodeColumns columns;
    columns.cpu = as_span(cpu);
    columns.memory = as_span(memory);
    columns.gpu_count = as_span(gpu_count);
    columns.gpu_model = as_span(gpu_model);
    columns.gpu_memory = as_span(gpu_memory);
    columns.models = std::move(models);
    if (names) columns.names = std::move(*names);
    if (names && columns.names.size() != columns.cpu.size()) {
        throw InvalidModel("names: " + std::to_string(columns.names.size()) + " entries, but cpu has " +
                           std::to_string(columns.cpu.size()));
    }
    for (const auto& [name, column] : extended) columns.extended.emplace_back(name, as_span(column));
    auto handle = std::make_unique<ClusterHandle>();
    handle->run([&](Cluster& c, Engine&) { c.add_columns(columns); });
    return handle.release();  // Python owns it
}

using TaskTuple = std::tuple<std::string, std::optional<std::uint64_t>>;

// Tasks of a job that runs already are taken, each of its own shape. Devices not named are the tightest that
// fit.
std::vector<TaskPlace> take_tasks(Cluster& c, Engine& engine, const std::string& name,
                                  const std::vector<TaskTuple>& given, const std::vector<ShapeId>& shapes,
                                  TraitsId traits) {
    if (given.empty()) throw InvalidModel("job '" + name + "': it has no task");
    std::vector<TaskPlace> tasks;
    for (std::size_t t = 0; t < given.size(); ++t) {
        const auto& [node, devices] = given[t];
        TaskPlace task{c.index_of(node), shapes[t], devices.value_or(0), traits};
        if (!devices && c.shape(task.shape).gpus && engine.matcher().fits(task.shape, task.node)) {
            task.devices = tightest_devices(c, c.shape(task.shape), task.node,
                                            engine.matcher().eligible(task.shape, task.node));
        }
        if (task.devices) task = c.settle(task);
        if (!c.fits(task)) throw InvalidModel("job '" + name + "': it does not fit on node '" + node + "'");
        c.take(task);
        tasks.push_back(task);
    }
    return tasks;
}

// A job that runs already enters the books.
JobId bind_job(ClusterHandle& self, const std::string& name, const ShapeHandle& handle,
               const std::vector<TaskTuple>& given, std::int32_t priority, const TraitsHandle* given_traits) {
    return self.run([&](Cluster& c, Engine& engine) {
        const std::vector<ShapeId> shapes(given.size(), self.intern(handle));
        const TraitsId traits = given_traits ? self.intern(*given_traits) : 0;
        Transaction all(c);
        const JobId id = c.add_job(name, priority, take_tasks(c, engine, name, given, shapes, traits));
        all.keep();
        return id;
    });
}

// Likewise a gang, with the role of each task: its tasks are of several shapes, and it stays a gang.
JobId book_gang(ClusterHandle& self, const JobHandle& handle, const std::vector<TaskTuple>& given,
                std::vector<std::uint8_t> roles) {
    return self.run([&](Cluster& c, Engine& engine) {
        const JobRequest job = self.request(handle);
        if (!job.gang) throw InvalidModel("job '" + job.name + "': it is no gang");
        if (roles.size() != given.size()) {
            throw InvalidModel("job '" + job.name + "': " + std::to_string(roles.size()) + " roles for " +
                               std::to_string(given.size()) + " tasks; give one a task");
        }
        std::vector<ShapeId> shapes;
        for (std::size_t t = 0; t < roles.size(); ++t) {
            if (roles[t] >= job.gang->roles.size() || (t && roles[t] < roles[t - 1])) {
                throw InvalidModel("job '" + job.name + "': role " + std::to_string(roles[t]) + " of task " +
                                   std::to_string(t) + " is none of its " +
                                   std::to_string(job.gang->roles.size()) + ", or comes after a later one");
            }
            shapes.push_back(job.gang->roles[roles[t]].shape);
        }
        Transaction all(c);
        auto tasks = take_tasks(c, engine, job.name, given, shapes, job.traits);
        const JobId id = c.add_job(job.name, job.priority, std::move(tasks), job.gang, std::move(roles));
        all.keep();
        return id;
    });
}

void release_ids(ClusterHandle& self, const Column<std::int64_t>& ids) {
    self.run([&](Cluster& c, Engine&) {
        const auto span = as_span(ids);
        std::vector<std::int64_t> sorted(span.begin(), span.end());
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 0; i < sorted.size(); ++i) {
            if (sorted[i] < 0 || !c.has_job(static_cast<JobId>(sorted[i])) || sorted[i] > UINT32_MAX) {
                throw InvalidModel("ids: " + std::to_string(sorted[i]) + " is no running job");
            }
            if (i && sorted[i] == sorted[i - 1]) {
                throw InvalidModel("ids: " + std::to_string(sorted[i]) + " is given twice");
            }
        }
        for (const std::int64_t id : span) c.remove_job(static_cast<JobId>(id));
    });
}

nb::object column(ClusterHandle& self, const std::string& name) {
    const nb::dict all = self.run([](Cluster& c, Engine&) {
        nb::gil_scoped_acquire gil;
        return cluster_columns(c);
    });
    if (!all.contains(name.c_str())) throw InvalidModel("column: '" + name + "' is unknown");
    return all[name.c_str()];
}

}  // namespace

void bind_cluster(nb::module_& m) {
    using Handle = ClusterHandle;
    nb::class_<Handle>(m, "Cluster",
                       "Nodes and what runs on them. One call at a time; others wait their turn.")
        .def(nb::init<>())
        .def_static("from_columns", &from_columns, "cpu"_a.noconvert(), "memory"_a.noconvert(),
                    "gpu_count"_a.noconvert(), "gpu_model"_a.noconvert(), "gpu_memory"_a.noconvert(),
                    "models"_a, "names"_a.none() = nb::none(),
                    "extended"_a = std::map<std::string, Column<std::int64_t>>{})
        .def("add_nodes",
             [](Handle& h, std::vector<NodeSpec> specs) {
                 h.run([&](Cluster& c, Engine&) { c.add_nodes(std::move(specs)); });
             })
        .def("update_node",
             [](Handle& h, NodeSpec spec) {
                 h.run([&](Cluster& c, Engine&) { c.update_node(std::move(spec)); });
             })
        .def(
            "remove_node",
            [](Handle& h, const std::string& name, bool evict) {
                return h.run([&](Cluster& c, Engine&) { return c.remove_node(name, evict); });
            },
            "name"_a, "evict"_a = false)
        .def(
            "set_topology",
            [](Handle& h, std::shared_ptr<Topology> topology, std::vector<std::string> names) {
                h.run([&](Cluster& c, Engine&) { c.set_topology(std::move(topology), std::move(names)); });
            },
            "topology"_a.none(), "names"_a, "Names by topology node; None takes the topology away.")
        .def("node",
             [](Handle& h, const std::string& name) {
                 return h.run([&](Cluster& c, Engine&) { return c.spec(c.index_of(name)); });
             })
        .def("index_of",
             [](Handle& h, const std::string& name) {
                 return h.run([&](Cluster& c, Engine&) { return c.index_of(name); });
             })
        .def("name_of",
             [](Handle& h, std::int64_t n) {
                 return h.run([&](Cluster& c, Engine&) {
                     if (n < 0 || n >= c.node_slots())
                         throw InvalidModel("node: index " + std::to_string(n) + " is unknown");
                     return c.name(static_cast<NodeId>(n));
                 });
             })
        .def(
            "node_names",
            [](Handle& h) {
                return h.run([](Cluster& c, Engine&) {
                    std::vector<std::string> names;
                    for (NodeId n = 0; n < c.node_slots(); ++n) {
                        if (c.present(n)) names.push_back(c.name(n));
                    }
                    return names;
                });
            },
            "Present nodes, in index order.")
        .def_prop_ro("n_nodes",
                     [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.node_count(); }); })
        .def_prop_ro(
            "n_slots", [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.node_slots(); }); },
            "Length of the columns: present and removed nodes.")
        .def_prop_ro("n_jobs",
                     [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.job_count(); }); })
        .def_prop_ro("version",
                     [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.version(); }); })
        .def("column", &column, "Read-only live view of a column, without a copy.")
        .def("gpu_models",
             [](Handle& h, const std::string& name) {
                 return h.run([&](Cluster& c, Engine&) {
                     std::vector<std::string> models;
                     for (const Device& d : c.node_class(c.index_of(name)).devices)
                         models.push_back(c.models().name(d.model));
                     return models;
                 });
             })
        .def("bind", &bind_job, "name"_a, "shape"_a, "tasks"_a, "priority"_a = 0,
             "traits"_a.none() = nb::none(),
             "tasks: (node, device mask or None). Books a job that runs already.")
        .def("bind_gang", &book_gang, "job"_a, "tasks"_a, "roles"_a,
             "tasks as of bind; roles: position of each task's role, not falling. Books a gang that runs "
             "already.")
        .def("release",
             [](Handle& h, const std::string& name) {
                 h.run([&](Cluster& c, Engine&) {
                     const JobId id = c.find_job(name);
                     if (id == kNoJob) throw InvalidModel("job '" + name + "': it is not placed");
                     c.remove_job(id);
                 });
             })
        .def("release_ids", &release_ids, "ids"_a.noconvert())
        .def(
            "jobs",
            [](Handle& h) {
                return h.run([](Cluster& c, Engine&) {
                    std::vector<std::string> names;
                    for (JobId id = 0; id < c.job_slots(); ++id) {
                        if (c.has_job(id) && !c.job(id).name().empty()) names.push_back(c.job(id).name());
                    }
                    return names;
                });
            },
            "Names of the placed jobs, in the order of their ids.")
        .def("has_job",
             [](Handle& h, const std::string& name) {
                 return h.run([&](Cluster& c, Engine&) { return c.find_job(name) != kNoJob; });
             })
        .def(
            "job_tasks",
            [](Handle& h, const std::string& name) {
                return h.run([&](Cluster& c, Engine&) {
                    const JobId id = c.find_job(name);
                    if (id == kNoJob) throw InvalidModel("job '" + name + "': it is not placed");
                    std::vector<std::pair<NodeId, std::uint64_t>> tasks;
                    for (const TaskPlace& t : c.job(id).tasks) tasks.emplace_back(t.node, t.devices);
                    return tasks;
                });
            },
            "(node index, device mask) of each task.")
        .def("mark", [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.mark(); }); })
        .def("rollback",
             [](Handle& h, std::size_t mark) {
                 h.run([&](Cluster& c, Engine&) {
                     if (!c.marked()) throw InvalidModel("rollback: there is no mark");
                     c.rollback(mark);
                 });
             })
        .def("keep",
             [](Handle& h, std::size_t mark) {
                 h.run([&](Cluster& c, Engine&) {
                     if (!c.marked()) throw InvalidModel("keep: there is no mark");
                     c.keep(mark);
                 });
             })
        .def("fork",
             [](Handle& h) {
                 return h.run([&](Cluster& c, Engine&) {
                     if (c.marked()) throw InvalidModel("fork: not inside what_if()");
                     return new Handle(h);  // Python owns it
                 });
             })
        .def(
            "digest", [](Handle& h) { return h.run([](Cluster& c, Engine&) { return c.digest(); }); },
            "Hash of the state that decisions depend on.")
        .def("bytes",
             [](Handle& h) { return h.run([](Cluster& c, Engine& e) { return c.bytes() + e.bytes(); }); });
}

}  // namespace hal::bindings
