#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bind_plans.h"
#include "bind_policies.h"
#include "cluster_handle.h"
#include "halcore/engine/missing.h"
#include "halcore/engine/preempt.h"
#include "job_key.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using AnyTuple = nb::typed<nb::tuple, nb::any, nb::ellipsis>;

using Amounts = std::vector<std::pair<JobKey, std::int64_t>>;
using Budget = std::tuple<std::string, std::vector<JobKey>, std::int64_t>;

PreemptPlan plan(ClusterHandle& h, const JobHandle& job, const PolicyHandle& policy, const Amounts& lost_work,
                 const Amounts& min_tasks, const std::vector<Budget>& budgets, std::int64_t effort,
                 const std::shared_ptr<const QueueTree>& queues) {
    return h.run([&](Cluster& c, Engine& engine) {
        engine.use_queues(queues);
        PreemptOptions options;
        options.effort = effort;
        for (const auto& [key, seconds] : lost_work) {
            if (seconds < 0 || seconds > kMaxQuantity) {
                throw InvalidModel("lost_work: " + std::to_string(seconds) +
                                   " is not between 0 and 2^42 seconds");
            }
            options.lost_work[running(c, "lost_work", key)] = seconds;
        }
        for (const auto& [key, least] : min_tasks) {
            if (least < 1 || least > INT32_MAX) {
                throw InvalidModel("min_tasks: " + std::to_string(least) + " is not 1 or more");
            }
            options.min_tasks[running(c, "min_tasks", key)] = static_cast<std::int32_t>(least);
        }
        for (const auto& [name, jobs, tasks] : budgets) {
            if (tasks < 0)
                throw InvalidModel("budget '" + name + "': tasks: " + std::to_string(tasks) + " is negative");
            DisruptionBudget budget{name, {}, tasks};
            for (const JobKey& key : jobs) budget.jobs.push_back(running(c, "budget '" + name + "'", key));
            options.budgets.push_back(std::move(budget));
        }
        return preempt(engine, h.request(job), policy.policy, options);
    });
}

AnyTuple missing(ClusterHandle& h, const JobHandle& job, const PolicyHandle& policy) {
    std::string node;
    std::vector<std::pair<std::string, hal::Amounts>> of_all;
    const Missing found = h.run([&](Cluster& c, Engine& engine) {
        Missing m = find_missing(engine, h.request(job), policy.policy);
        if (m.node != kNoNode) node = c.name(m.node);
        for (const auto& [n, amounts] : m.of_all) of_all.emplace_back(c.name(n), amounts);
        return m;
    });
    return nb::make_tuple(found.tasks, found.role, found.most, node, found.of_capacity, found.lack.amounts,
                          of_all, found.filter, found.filtered, found.domain);
}

nb::typed<nb::list, AnyTuple> victims(const PreemptPlan& plan) {
    nb::typed<nb::list, AnyTuple> rows;
    for (const Victim& v : plan.victims) {
        nb::list places;
        for (const TaskPlace& p : v.places) places.append(nb::make_tuple(p.node, p.devices));
        rows.append(nb::make_tuple(v.job, v.name, v.priority, v.tasks, places, v.left, v.lost));
    }
    return rows;
}

}  // namespace

void bind_preempt(nb::module_& m) {
    nb::class_<PreemptPlan>(m, "PreemptPlan", "What to stop so that a job fits.")
        .def_prop_ro("placement", [](const PreemptPlan& p) { return p.placement; })
        .def_prop_ro("victims", &victims,
                     "(id, name, priority, task indices, (node, devices) of each, tasks left, work lost)")
        .def_prop_ro(
            "cost",
            [](const PreemptPlan& p) -> AnyTuple {
                return nb::make_tuple(p.cost.jobs, p.victims.empty() ? nb::none() : nb::cast(p.cost.worst),
                                      p.cost.priorities, p.cost.lost, p.cost.tasks);
            },
            "(jobs, highest priority or None, sum of priorities, work lost, tasks)")
        .def_ro("exact", &PreemptPlan::exact)
        .def_ro("candidates", &PreemptPlan::candidates)
        .def_ro("considered", &PreemptPlan::considered)
        .def_ro("clearable", &PreemptPlan::clearable);
    m.def("preempt", &plan, "cluster"_a, "job"_a, "policy"_a, "lost_work"_a = Amounts{},
          "min_tasks"_a = Amounts{}, "budgets"_a = std::vector<Budget>{},
          "effort"_a = PreemptOptions{}.effort, "queues"_a.none() = nb::none());
    m.def("missing", &missing, "cluster"_a, "job"_a, "policy"_a,
          "What a job that does not fit lacks: (tasks with room by role, role of the next task, tasks of "
          "that role "
          "when empty, node or '', of capacity, its [(resource, amount)], [(node, [(resource, amount)])] of "
          "all "
          "tasks without room, filter, nodes filtered, domain or '').");
    m.def(
        "apply_preemption",
        [](ClusterHandle& h, PreemptPlan plan) {
            return h.run([&](Cluster&, Engine& engine) {
                apply_preemption(engine, plan);
                return plan.placement.ids[0];
            });
        },
        "cluster"_a, "plan"_a, "Stops the victims and books the job, whose id it returns.");
}

}  // namespace hal::bindings
