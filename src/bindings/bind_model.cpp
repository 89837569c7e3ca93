// Values a caller builds: node and job specs.
#include "bind_model.h"

#include <nanobind/operators.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <atomic>

#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/model/gang.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using AnyTuple = nb::typed<nb::tuple, nb::any, nb::ellipsis>;  // for the stub
using GpuTuple = std::tuple<std::string, std::int64_t, std::int32_t>;
using TaintTuple = std::tuple<std::string, std::string, std::string>;
using RequirementTuple = std::tuple<std::string, std::string, std::vector<std::string>>;
using TolerationTuple = std::tuple<std::string, std::string, std::string, std::string>;

using RuleTuple = std::tuple<std::string, std::string, std::vector<RequirementTuple>, std::int32_t, double>;

constexpr const char* kRules[] = {"affinity", "anti_affinity", "spread"};
constexpr const char* kEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
constexpr const char* kOps[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};

template <class Enum, std::size_t N>
Enum parse(const char* field, const std::string& text, const char* const (&names)[N]) {
    std::string known;
    for (std::size_t i = 0; i < N; ++i) {
        if (text == names[i]) return static_cast<Enum>(i);
        known += std::string(i ? ", " : "") + names[i];
    }
    throw InvalidModel(std::string(field) + ": '" + text + "' is none of " + known);
}

NodeSpec node_spec(std::string name, std::int64_t cpu, std::int64_t memory, const std::vector<GpuTuple>& gpus,
                   Amounts extended, std::vector<Label> labels, const std::vector<TaintTuple>& taints,
                   bool schedulable, const std::vector<std::string>& partitions) {
    NodeSpec spec;
    spec.name = std::move(name);
    spec.cpu = MilliCpu(cpu);
    spec.memory = MiB(memory);
    for (const auto& [model, gpu_memory, domain] : gpus)
        spec.gpus.push_back({model, MiB(gpu_memory), domain});
    if (!partitions.empty() && partitions.size() != gpus.size()) {
        throw InvalidModel("node '" + spec.name + "'.partitions: " + std::to_string(partitions.size()) +
                           " entries, but gpus has " + std::to_string(gpus.size()));
    }
    for (std::size_t g = 0; g < partitions.size(); ++g) spec.gpus[g].partitions = partitions[g];
    spec.extended = std::move(extended);
    spec.labels = std::move(labels);
    for (const auto& [key, value, effect] : taints) {
        spec.taints.push_back({key, value, parse<Effect>("taint.effect", effect, kEffects)});
    }
    spec.schedulable = schedulable;
    validate(spec);
    return spec;
}

ShapeSpec shape_spec(std::int64_t cpu, std::int64_t memory, std::int32_t gpus, std::int64_t gpu_milli,
                     std::int64_t gpu_memory, std::vector<std::string> gpu_models, Amounts extended,
                     const std::vector<RequirementTuple>& selector,
                     const std::vector<TolerationTuple>& tolerations, std::vector<std::string> inputs,
                     std::string gpu_profile) {
    ShapeSpec spec;
    spec.cpu = MilliCpu(cpu);
    spec.memory = MiB(memory);
    spec.gpus = gpus;
    spec.gpu_milli = MilliGpu(gpu_milli);
    spec.gpu_memory = MiB(gpu_memory);
    spec.gpu_models = std::move(gpu_models);
    spec.extended = std::move(extended);
    for (const auto& [key, op, values] : selector) {
        spec.selector.push_back({key, parse<SelectorOp>("selector.op", op, kOps), values});
    }
    for (const auto& [key, op, value, effect] : tolerations) {
        if (op != "Equal" && op != "Exists") {
            throw InvalidModel("toleration.op: '" + op + "' is none of Equal, Exists");
        }
        Toleration t{key, value, op == "Exists", effect.empty()};
        if (!effect.empty()) t.effect = parse<Effect>("toleration.effect", effect, kEffects);
        spec.tolerations.push_back(std::move(t));
    }
    spec.inputs = std::move(inputs);
    spec.gpu_profile = std::move(gpu_profile);
    validate(spec);
    return spec;
}

std::vector<RequirementTuple> selector_state(const std::vector<Requirement>& selector) {
    std::vector<RequirementTuple> out;
    for (const auto& r : selector) out.emplace_back(r.key, kOps[static_cast<int>(r.op)], r.values);
    return out;
}

TraitsSpec traits_spec(std::string queue, std::vector<Label> labels, const std::vector<RuleTuple>& rules,
                       bool exclusive) {
    TraitsSpec spec{std::move(queue), std::move(labels), {}, exclusive};
    for (const auto& [kind, level, selector, max_skew, weight] : rules) {
        Rule rule{parse<RuleKind>("rule.kind", kind, kRules), level, {}, max_skew, weight};
        for (const auto& [key, op, values] : selector) {
            rule.selector.push_back({key, parse<SelectorOp>("selector.op", op, kOps), values});
        }
        spec.rules.push_back(std::move(rule));
    }
    validate(spec);
    return spec;
}

AnyTuple traits_state(const TraitsSpec& s) {
    std::vector<RuleTuple> rules;
    for (const auto& r : s.rules) {
        rules.emplace_back(kRules[static_cast<int>(r.kind)], r.level, selector_state(r.selector), r.max_skew,
                           r.weight);
    }
    return nb::make_tuple(s.queue, s.labels, rules, s.exclusive);
}

AnyTuple shape_state(const ShapeSpec& s) {
    const auto selector = selector_state(s.selector);
    std::vector<TolerationTuple> tolerations;
    for (const auto& t : s.tolerations) {
        tolerations.emplace_back(t.key, t.exists ? "Exists" : "Equal", t.value,
                                 t.any_effect ? "" : kEffects[static_cast<int>(t.effect)]);
    }
    return nb::make_tuple(s.cpu.value(), s.memory.value(), s.gpus, s.gpu_milli.value(), s.gpu_memory.value(),
                          s.gpu_models, s.extended, selector, tolerations, s.inputs, s.gpu_profile);
}

AnyTuple node_state(const NodeSpec& s) {
    std::vector<GpuTuple> gpus;
    for (const auto& g : s.gpus) gpus.emplace_back(g.model, g.memory.value(), g.domain);
    std::vector<TaintTuple> taints;
    for (const auto& t : s.taints) taints.emplace_back(t.key, t.value, kEffects[static_cast<int>(t.effect)]);
    std::vector<std::string> partitions;
    for (const auto& g : s.gpus) partitions.push_back(g.partitions);
    return nb::make_tuple(s.name, s.cpu.value(), s.memory.value(), gpus, s.extended, s.labels, taints,
                          s.schedulable, partitions);
}

}  // namespace

ShapeHandle::ShapeHandle(ShapeSpec spec) : spec(std::move(spec)) {
    static std::atomic<std::uint64_t> next{1};
    uid = next++;
}

TraitsHandle::TraitsHandle(TraitsSpec spec) : spec(std::move(spec)) {
    static std::atomic<std::uint64_t> next{1};
    uid = next++;
}

void bind_model(nb::module_& m) {
    nb::class_<NodeSpec>(m, "NodeSpec", "A node as handed to a cluster: base units, checked when built.")
        .def(nb::new_([](std::string name, std::int64_t cpu, std::int64_t memory, std::vector<GpuTuple> gpus,
                         Amounts extended, std::vector<Label> labels, std::vector<TaintTuple> taints,
                         bool schedulable, std::vector<std::string> partitions) {
                 return node_spec(std::move(name), cpu, memory, gpus, std::move(extended), std::move(labels),
                                  taints, schedulable, partitions);
             }),
             "name"_a, "cpu"_a, "memory"_a, "gpus"_a = std::vector<GpuTuple>{}, "extended"_a = Amounts{},
             "labels"_a = std::vector<Label>{}, "taints"_a = std::vector<TaintTuple>{},
             "schedulable"_a = true, "partitions"_a = std::vector<std::string>{},
             "gpus: (model, memory MiB, link domain); partitions: the table of each, or ''; taints: (key, "
             "value, effect).")
        .def_prop_ro("name", [](const NodeSpec& s) { return s.name; })
        .def("state", &node_state, "The arguments of the constructor.");

    nb::class_<ShapeHandle>(m, "Shape",
                            "What one task asks for: immutable, checked when built, of no cluster.")
        .def(nb::new_([](std::int64_t cpu, std::int64_t memory, std::int32_t gpus, std::int64_t gpu_milli,
                         std::int64_t gpu_memory, std::vector<std::string> gpu_models, Amounts extended,
                         std::vector<RequirementTuple> selector, std::vector<TolerationTuple> tolerations,
                         std::vector<std::string> inputs, std::string gpu_profile) {
                 return new ShapeHandle(shape_spec(cpu, memory, gpus, gpu_milli, gpu_memory,
                                                   std::move(gpu_models), std::move(extended), selector,
                                                   tolerations, std::move(inputs), std::move(gpu_profile)));
             }),
             "cpu"_a, "memory"_a, "gpus"_a = 0, "gpu_milli"_a = 0, "gpu_memory"_a = 0,
             "gpu_models"_a = std::vector<std::string>{}, "extended"_a = Amounts{},
             "selector"_a = std::vector<RequirementTuple>{}, "tolerations"_a = std::vector<TolerationTuple>{},
             "inputs"_a = std::vector<std::string>{}, "gpu_profile"_a = "",
             "selector: (key, op, values); tolerations: (key, op, value, effect or '').")
        .def(
            "state", [](const ShapeHandle& s) { return shape_state(s.spec); },
            "The arguments of the constructor.")
        .def("__reduce__",
             [](nb::handle self) -> AnyTuple {
                 return nb::make_tuple(self.type(), shape_state(nb::cast<const ShapeHandle&>(self).spec));
             })
        .def("__hash__", [](const ShapeHandle& s) { return hash_value(s.spec); })
        .def("__eq__", [](const ShapeHandle& a, nb::handle b) {
            return nb::isinstance<ShapeHandle>(b) && a.spec == nb::cast<const ShapeHandle&>(b).spec;
        });

    using RoleTuple =
        std::tuple<std::shared_ptr<ShapeHandle>, std::int32_t, std::int32_t, std::int32_t, std::string>;
    nb::class_<GangHandle>(m, "Gang", "Tasks placed together: roles, the job's own tasks first, and levels.")
        .def(nb::new_([](const std::vector<RoleTuple>& roles, std::string required, std::string preferred) {
                 auto gang = std::make_shared<GangHandle>();
                 Gang checked;
                 for (const auto& [shape, tasks, min_tasks, slice, level] : roles) {
                     gang->roles.push_back({shape, tasks, min_tasks, slice, level});
                     checked.roles.push_back({0, tasks, min_tasks, slice, level});
                 }
                 checked.validate();
                 gang->required = std::move(required);
                 gang->preferred = std::move(preferred);
                 return gang;
             }),
             "roles"_a, "required"_a = "", "preferred"_a = "",
             "roles: (shape, tasks, min_tasks, slice, slice level or '' for one node).");

    nb::class_<TraitsHandle>(m, "Traits", "Queue, labels and rules of jobs: immutable, checked when built.")
        .def(nb::new_([](std::string queue, std::vector<Label> labels, const std::vector<RuleTuple>& rules,
                         bool exclusive) {
                 return new TraitsHandle(traits_spec(std::move(queue), std::move(labels), rules, exclusive));
             }),
             "queue"_a = "", "labels"_a = std::vector<Label>{}, "rules"_a = std::vector<RuleTuple>{},
             "exclusive"_a = false,
             "rules: (kind, level, selector as in Shape, max_skew, weight; 0: a must).")
        .def_prop_ro("queue", [](const TraitsHandle& t) { return t.spec.queue; })
        .def("__reduce__", [](nb::handle self) -> AnyTuple {
            return nb::make_tuple(self.type(), traits_state(nb::cast<const TraitsHandle&>(self).spec));
        });

    nb::class_<JobHandle>(m, "Job", "One job as handed to place().")
        .def(nb::init<std::string, std::shared_ptr<ShapeHandle>, std::int32_t, std::int32_t,
                      std::shared_ptr<GangHandle>, std::shared_ptr<TraitsHandle>>(),
             "name"_a, "shape"_a, "tasks"_a = 1, "priority"_a = 0, "gang"_a.none() = nb::none(),
             "traits"_a.none() = nb::none())
        .def_ro("gang", &JobHandle::gang)
        .def_ro("name", &JobHandle::name)
        .def_ro("tasks", &JobHandle::tasks)
        .def_ro("priority", &JobHandle::priority)
        .def_ro("shape", &JobHandle::shape);
}

}  // namespace hal::bindings
