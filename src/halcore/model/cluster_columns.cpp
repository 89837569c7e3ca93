// A large cluster built at once, from columns.
#include <cstdio>
#include <map>
#include <numeric>

#include "halcore/model/cluster.h"
#include "halcore/model/refuse.h"

namespace hal {
namespace {

std::string generated_name(std::size_t i) {
    char text[32];
    std::snprintf(text, sizeof text, "node-%07zu", i);
    return text;
}

}  // namespace

void Cluster::add_columns(const NodeColumns& in) {
    const std::size_t count = in.cpu.size();
    const auto check = [&](const char* field, std::size_t size) {
        if (size != count) {
            throw InvalidModel(std::string(field) + ": " + std::to_string(size) + " entries, but cpu has " +
                               std::to_string(count));
        }
    };
    check("memory", in.memory.size());
    check("gpu_count", in.gpu_count.size());
    check("gpu_model", in.gpu_model.size());
    check("gpu_memory", in.gpu_memory.size());
    if (!in.names.empty()) check("names", in.names.size());
    for (const auto& [name, column] : in.extended) check(name.c_str(), column.size());

    // Rows that look alike share one validated spec and one kind: most clusters have a handful.
    std::map<std::vector<std::int64_t>, KindId> known;
    std::vector<KindId> kinds(count);
    std::vector<std::int64_t> row;
    for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t gpus = in.gpu_count[i];
        row = {in.cpu[i], in.memory[i], gpus, gpus ? in.gpu_model[i] : 0, gpus ? in.gpu_memory[i] : 0};
        for (const auto& [name, column] : in.extended) row.push_back(column[i]);
        if (i && known.size() == 1 && known.begin()->first == row) {
            kinds[i] = known.begin()->second;
            continue;
        }
        auto it = known.find(row);
        if (it == known.end()) {
            NodeSpec spec;
            spec.name = in.names.empty() ? generated_name(i) : in.names[i];
            spec.cpu = MilliCpu(row[0]);
            spec.memory = MiB(row[1]);
            if (gpus < 0 || gpus > kMaxGpusPerNode) {
                refuse_node(spec.name, "gpu_count " + std::to_string(gpus) + " is not between 0 and 64");
            }
            if (gpus && (row[3] < 0 || static_cast<std::size_t>(row[3]) >= in.models.size())) {
                refuse_node(spec.name, "gpu_model " + std::to_string(row[3]) + " is no index into models");
            }
            for (int g = 0; g < gpus; ++g) spec.gpus.push_back({in.models[row[3]], MiB(row[4]), 0});
            for (std::size_t e = 0; e < in.extended.size(); ++e) {
                spec.extended.emplace_back(in.extended[e].first, row[5 + e]);
            }
            validate(spec);
            it = known.emplace(row, intern_kind(spec)).first;
        }
        kinds[i] = it->second;
    }

    std::unordered_map<std::string, NodeId> fresh;
    fresh.reserve(count + by_name_.size());
    std::vector<std::string> names(count);
    for (std::size_t i = 0; i < count; ++i) {
        names[i] = in.names.empty() ? generated_name(i + node_slots()) : in.names[i];
        if (names[i].empty()) throw InvalidModel("names: entry " + std::to_string(i) + " is empty");
        if (by_name_.contains(names[i]) ||
            !fresh.emplace(names[i], node_slots() + static_cast<NodeId>(i)).second) {
            refuse_node(names[i], "the name is taken; node names are unique");
        }
    }

    const NodeId first = node_slots();
    const std::size_t total = first + count;
    by_name_.merge(fresh);
    names_.insert(names_.end(), std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
    nodes_.resize(total);
    class_count_.resize(total);
    for (auto& column : free_extended_) column.resize(total, 0);
    for (auto& column : capacity_) column.resize(total, 0);
    const std::int64_t gpus = std::accumulate(in.gpu_count.begin(), in.gpu_count.end(), std::int64_t{0});
    std::size_t row_begin = gpu_free_.size();
    gpu_free_.resize(row_begin + static_cast<std::size_t>(gpus),
                     static_cast<std::int32_t>(kWholeGpu.value()));
    gpu_slices_.resize(gpu_free_.size(), 0);
    const auto whole = static_cast<std::int32_t>(kWholeGpu.value());
    for (std::size_t i = 0; i < count; ++i) {
        const NodeId n = first + static_cast<NodeId>(i);
        const auto& capacity = kinds_[kinds[i]].capacity;
        NodeState& node = nodes_[n];
        node.present = 1;
        node.kind = kinds[i];
        node.node_class = kinds_[kinds[i]].node_class;
        ++kind_size_[kinds[i]];
        for (ResourceId r = 0; r < capacity.size(); ++r) free_at(r, n) = capacity_[r][n] = capacity[r];
        node.gpu_begin = static_cast<std::int64_t>(row_begin);
        node.gpu_count = node.gpu_idle = in.gpu_count[i];
        node.gpu_total = in.gpu_count[i] * whole;
        node.gpu_max = in.gpu_count[i] ? whole : 0;
        row_begin += static_cast<std::size_t>(in.gpu_count[i]);
        changes_.add();
    }
    present_count_ += static_cast<NodeId>(count);
    for (NodeId n = first; tree_ && n < total; ++n) tree_->attach(n, names_[n]);
    ++structure_;
    changed();
    if (marked()) {
        remember([first, total](Cluster& c) {
            for (NodeId n = first; n < total; ++n) c.set_present(n, false);
            ++c.structure_;
        });
    }
}

}  // namespace hal
