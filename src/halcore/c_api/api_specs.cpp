// Nodes and requests as a C caller writes them, as the core's own values. The core checks what they say.
#include "halcore/c_api/api_handles.h"

namespace hal::c_api {
namespace {

template <class Enum>
Enum choice(std::uint32_t value, std::uint32_t last, const char* what) {
    if (value > last) {
        throw Misuse(std::string(what) + ": " + std::to_string(value) + " is not between 0 and " +
                     std::to_string(last));
    }
    return static_cast<Enum>(value);
}

bool flag(std::uint32_t value, const char* what) {
    return choice<std::uint32_t>(value, 1, what) == 1;
}

Amounts amounts(const hal_amount* given, std::size_t count) {
    Amounts result;
    each(given, count, "extended",
         [&](const hal_amount& a) { result.emplace_back(text(a.name, "extended.name"), a.amount); });
    return result;
}

std::vector<std::string> texts(const char* const* given, std::size_t count, const char* what) {
    std::vector<std::string> result;
    if (count) c_api::given(given, what);
    for (std::size_t i = 0; i < count; ++i) result.push_back(text(given[i], what));
    return result;
}

}  // namespace

NodeSpec node_spec(const hal_node& node) {
    NodeSpec spec;
    spec.name = text(node.name, "node.name");
    spec.cpu = MilliCpu(node.cpu);
    spec.memory = MiB(node.memory);
    spec.schedulable = !flag(node.unschedulable, "node.unschedulable");
    spec.extended = amounts(node.extended, node.n_extended);
    each(node.gpus, node.n_gpus, "node.gpus", [&](const hal_gpu& gpu) {
        spec.gpus.push_back(
            {text(gpu.model, "gpu.model"), MiB(gpu.memory), gpu.domain, text_or_empty(gpu.partitions)});
    });
    each(node.labels, node.n_labels, "node.labels", [&](const hal_label& label) {
        spec.labels.emplace_back(text(label.key, "label.key"), text_or_empty(label.value));
    });
    each(node.taints, node.n_taints, "node.taints", [&](const hal_taint& taint) {
        spec.taints.push_back({text(taint.key, "taint.key"), text_or_empty(taint.value),
                               choice<Effect>(taint.effect, HAL_NO_EXECUTE, "taint.effect")});
    });
    return spec;
}

ShapeSpec shape_spec(const hal_shape_spec& shape) {
    ShapeSpec spec;
    spec.cpu = MilliCpu(shape.cpu);
    spec.memory = MiB(shape.memory);
    spec.gpus = shape.gpus;
    spec.gpu_milli = MilliGpu(shape.gpu_milli);
    spec.gpu_memory = MiB(shape.gpu_memory);
    spec.gpu_models = texts(shape.gpu_models, shape.n_gpu_models, "shape.gpu_models");
    spec.gpu_profile = text_or_empty(shape.gpu_profile);
    spec.extended = amounts(shape.extended, shape.n_extended);
    each(shape.selector, shape.n_selector, "shape.selector", [&](const hal_requirement& r) {
        spec.selector.push_back({text(r.key, "requirement.key"),
                                 choice<SelectorOp>(r.op, HAL_LT, "requirement.op"),
                                 texts(r.values, r.n_values, "requirement.values")});
    });
    each(shape.tolerations, shape.n_tolerations, "shape.tolerations", [&](const hal_toleration& t) {
        const auto effect = choice<std::uint32_t>(t.effect, HAL_ANY_EFFECT, "toleration.effect");
        const bool any = effect == HAL_ANY_EFFECT;
        spec.tolerations.push_back({text_or_empty(t.key), text_or_empty(t.value),
                                    flag(t.exists, "toleration.exists"), any,
                                    any ? Effect::NoSchedule : static_cast<Effect>(effect)});
    });
    validate(spec);
    return spec;
}

}  // namespace hal::c_api
