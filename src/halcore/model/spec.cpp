#include "halcore/model/spec.h"

#include <algorithm>
#include <functional>

#include "halcore/model/error.h"
#include "halcore/model/partition.h"

namespace hal {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& value, const std::string& rule) {
    throw InvalidModel(field + ": " + value + " " + rule);
}

void check_amount(const std::string& field, std::int64_t value) {
    if (value < 0) refuse(field, std::to_string(value), "is negative; give 0 or more");
    if (value > kMaxQuantity) refuse(field, std::to_string(value), "is absurd; the limit is 2^42 base units");
}

template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

void check_amounts(const std::string& where, Amounts& amounts, bool drop_zero) {
    std::sort(amounts.begin(), amounts.end());
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        const auto& [name, value] = amounts[i];
        if (name.empty()) refuse(where, "''", "is no resource name");
        if (name == "cpu" || name == "memory" || name == "gpu") {
            refuse(where, "'" + name + "'", "has a field of its own; use that");
        }
        if (i && amounts[i - 1].first == name) refuse(where, "'" + name + "'", "is given twice");
        check_amount(where + "." + name, value);
    }
    if (drop_zero) std::erase_if(amounts, [](const auto& a) { return a.second == 0; });
}

class Hash {
  public:
    void add(std::size_t value) { state_ = (state_ ^ value) * 0x9E3779B97F4A7C15ULL + (state_ >> 29); }
    void add(const std::string& text) { add(std::hash<std::string>{}(text)); }
    std::size_t value() const { return state_; }

  private:
    std::size_t state_ = 0x243F6A8885A308D3ULL;
};

}  // namespace

void validate(NodeSpec& spec) {
    const std::string where = "node '" + spec.name + "'";
    if (spec.name.empty()) refuse("node.name", "''", "is empty");
    check_amount(where + ".cpu", spec.cpu.value());
    check_amount(where + ".memory", spec.memory.value());
    if (spec.gpus.size() > kMaxGpusPerNode) {
        refuse(where + ".gpus", std::to_string(spec.gpus.size()), "devices; a node has at most 64");
    }
    for (const GpuSpec& gpu : spec.gpus) {
        if (gpu.model.empty()) refuse(where + ".gpus.model", "''", "is empty");
        check_amount(where + ".gpus.memory", gpu.memory.value());
        if (!gpu.partitions.empty() && find_partition(gpu.partitions) == kNoPartition) {
            refuse(where + ".gpus.partitions", "'" + gpu.partitions + "'",
                   "is none of " + known_partitions());
        }
    }
    check_amounts(where + ".extended", spec.extended, false);
    sort_unique(spec.labels);
    for (std::size_t i = 0; i < spec.labels.size(); ++i) {
        if (spec.labels[i].first.empty()) refuse(where + ".labels", "''", "is no label key");
        if (i && spec.labels[i - 1].first == spec.labels[i].first) {
            refuse(where + ".labels", "'" + spec.labels[i].first + "'", "has two values");
        }
    }
    sort_unique(spec.taints);
}

void validate_selector(std::vector<Requirement>& selector) {
    for (Requirement& r : selector) {
        if (r.key.empty()) refuse("job.selector", "''", "is no label key");
        sort_unique(r.values);
        const bool wants = r.op == SelectorOp::In || r.op == SelectorOp::NotIn;
        const bool compares = r.op == SelectorOp::Gt || r.op == SelectorOp::Lt;
        if (wants && r.values.empty()) refuse("job.selector." + r.key, "[]", "has no value to compare with");
        if (compares) {
            const bool number = r.values.size() == 1 && !r.values[0].empty() && r.values[0].size() < 18 &&
                                std::all_of(
                                    r.values[0].begin() + (r.values[0][0] == '-'), r.values[0].end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
            if (!number) refuse("job.selector." + r.key, "Gt/Lt", "takes exactly one integer");
        }
        if (!wants && !compares) r.values.clear();
    }
    sort_unique(selector);
}

void validate(ShapeSpec& spec) {
    check_amount("job.cpu", spec.cpu.value());
    check_amount("job.memory", spec.memory.value());
    check_amount("job.gpu_memory", spec.gpu_memory.value());
    if (spec.gpus < 0 || spec.gpus > kMaxGpusPerNode) {
        refuse("job.gpus", std::to_string(spec.gpus), "is not between 0 and 64 devices for one task");
    }
    const std::int64_t milli = spec.gpu_milli.value();
    if (milli < 0 || milli > kWholeGpu.value()) {
        refuse("job.gpu_milli", std::to_string(milli), "is not between 0 and 1000 milli-GPU of one device");
    }
    if (spec.gpus == 0) {  // no device: the rest of the GPU request means nothing and must not split shapes
        if (milli > 0 || spec.gpu_memory.value() > 0) {
            refuse("job.gpus", "0", "with a share or memory of a GPU; give the number of devices too");
        }
        spec.gpu_models.clear();
        if (!spec.gpu_profile.empty()) {
            refuse("job.gpu_profile", "'" + spec.gpu_profile + "'", "with no device; give gpus 1");
        }
    } else if (!spec.gpu_profile.empty()) {
        if (find_profile(spec.gpu_profile) == kNoProfile) {
            refuse("job.gpu_profile", "'" + spec.gpu_profile + "'", "is none of " + known_profiles());
        }
        if (spec.gpus != 1 || milli > 0 || spec.gpu_memory.value() > 0) {
            refuse("job.gpu_profile", "'" + spec.gpu_profile + "'",
                   "with a number, share or memory of GPUs; a task takes one instance, more tasks take more");
        }
    } else if (milli == 0 && spec.gpu_memory.value() == 0) {
        refuse("job.gpu_milli", "0", "with gpus > 0; give a share, or gpu_memory");
    }
    sort_unique(spec.gpu_models);
    check_amounts("job.extended", spec.extended, true);
    validate_selector(spec.selector);
    sort_unique(spec.tolerations);
    sort_unique(spec.inputs);
    if (!spec.inputs.empty() && spec.inputs[0].empty()) refuse("job.inputs", "''", "is no name of a dataset");
}

std::size_t hash_value(const ShapeSpec& s) {
    Hash h;
    h.add(static_cast<std::size_t>(s.cpu.value()));
    h.add(static_cast<std::size_t>(s.memory.value()));
    h.add(static_cast<std::size_t>(s.gpus) * 4096 + static_cast<std::size_t>(s.gpu_milli.value()));
    h.add(static_cast<std::size_t>(s.gpu_memory.value()));
    for (const auto& m : s.gpu_models) h.add(m);
    h.add(s.gpu_profile);
    for (const auto& [name, amount] : s.extended) {
        h.add(name);
        h.add(static_cast<std::size_t>(amount));
    }
    for (const auto& r : s.selector) {
        h.add(r.key);
        h.add(static_cast<std::size_t>(r.op));
        for (const auto& v : r.values) h.add(v);
    }
    for (const auto& t : s.tolerations) {
        h.add(t.key);
        h.add(t.value);
        h.add(static_cast<std::size_t>(t.exists) * 8 + static_cast<std::size_t>(t.any_effect) * 4 +
              static_cast<std::size_t>(t.effect));
    }
    for (const auto& input : s.inputs) h.add(input);
    return h.value();
}

}  // namespace hal
