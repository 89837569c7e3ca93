// The structure of a cluster: nodes join, leave and change.
#include <algorithm>

#include "halcore/model/cluster.h"
#include "halcore/model/refuse.h"

namespace hal {
namespace {

// Whether tasks of these roles, none: all of the first, are too few for the gang to go on.
bool below_least(const Gang& gang, std::size_t tasks, const std::vector<std::uint8_t>& roles) {
    std::vector<std::int32_t> counts(gang.roles.size(), 0);
    for (std::size_t t = 0; t < tasks; ++t) ++counts[roles.empty() ? 0 : roles[t]];
    for (std::size_t r = 0; r < counts.size(); ++r) {
        if (counts[r] < gang.roles[r].min_tasks || counts[r] % gang.roles[r].slice) return true;
    }
    return false;
}

}  // namespace

Cluster::Cluster() {
    resources_.intern("cpu");
    resources_.intern("memory");
    add_resource_columns();
    traits_.intern({});
}

void Cluster::add_resource_columns() {
    while (capacity_.size() < resources_.size()) {
        if (capacity_.size() >= kInState) free_extended_.emplace_back().resize(nodes_.size(), 0);
        capacity_.emplace_back().resize(nodes_.size(), 0);
    }
}

KindId Cluster::intern_kind(const NodeSpec& spec) {
    NodeClass node_class;
    node_class.labels = spec.labels;
    node_class.taints = spec.taints;
    node_class.schedulable = spec.schedulable;
    for (const GpuSpec& gpu : spec.gpus) {
        node_class.devices.push_back(
            {models_.intern(gpu.model), gpu.memory.value(), gpu.domain,
             gpu.partitions.empty() ? kNoPartition : find_partition(gpu.partitions)});
    }
    NodeKind kind{classes_.intern(node_class), {spec.cpu.value(), spec.memory.value()}};
    for (const auto& [name, amount] : spec.extended) {
        const ResourceId r = resources_.intern(name);
        if (kind.capacity.size() <= r) kind.capacity.resize(r + 1, 0);
        kind.capacity[r] = amount;
    }
    while (!kind.capacity.empty() && kind.capacity.size() > 2 && kind.capacity.back() == 0)
        kind.capacity.pop_back();
    add_resource_columns();
    const KindId id = kinds_.intern(kind);
    kind_size_.resize(kinds_.size(), 0);
    return id;
}

void Cluster::set_present(NodeId n, bool present) {
    if (this->present(n) == present) return;
    nodes_[n].present = present;
    const int by = present ? 1 : -1;
    present_count_ += by;
    kind_size_[kind(n)] += by;
    changes_.touch(n, true);
}

NodeId Cluster::append_node(const NodeSpec& spec) {
    const NodeId n = node_slots();
    names_.push_back(spec.name);
    by_name_.emplace(spec.name, n);
    if (tree_) tree_->attach(n, spec.name);
    nodes_.push_back({});
    class_count_.push_back({});
    for (auto& column : free_extended_) column.push_back(0);
    for (auto& column : capacity_) column.push_back(0);
    changes_.add();
    return n;
}

// Sets capacity and devices; what is used stays used. The caller has checked that it still fits.
void Cluster::write_node(NodeId n, const NodeSpec& spec) {
    const KindId kind = intern_kind(spec);
    if (present(n)) {
        --kind_size_[this->kind(n)];
        ++kind_size_[kind];
    }
    NodeState& node = nodes_[n];
    node.kind = kind;
    node.node_class = kinds_[kind].node_class;
    const auto& capacity = kinds_[kind].capacity;
    for (ResourceId r = 0; r < resource_count(); ++r) {
        const std::int64_t used = capacity_[r][n] - free(r, n);
        capacity_[r][n] = r < capacity.size() ? capacity[r] : 0;
        free_at(r, n) = capacity_[r][n] - used;
    }
    const int gpus = static_cast<int>(spec.gpus.size());
    if (gpus > node.gpu_count) {  // rows of its own at the end: what is used moves there, the rest is free
        const std::int64_t from = node.gpu_begin;
        const auto to = static_cast<std::int64_t>(gpu_free_.size());
        gpu_free_.resize(gpu_free_.size() + spec.gpus.size(), static_cast<std::int32_t>(kWholeGpu.value()));
        gpu_slices_.resize(gpu_free_.size(), 0);
        std::copy_n(gpu_free_.data() + from, node.gpu_count, gpu_free_.data() + to);
        std::copy_n(gpu_slices_.data() + from, node.gpu_count, gpu_slices_.data() + to);
        node.gpu_begin = to;
    }
    node.gpu_count = gpus;
    refresh_gpu(n);
    changes_.touch(n, true);
}

void Cluster::add_nodes(std::vector<NodeSpec> specs) {
    for (NodeSpec& spec : specs) validate(spec);
    std::vector<std::string> names;
    for (const NodeSpec& spec : specs) {
        if (find(spec.name) != kNoNode) refuse_node(spec.name, "the name is taken; node names are unique");
        names.push_back(spec.name);
    }
    std::sort(names.begin(), names.end());
    if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
        refuse_node(*twice, "given twice; node names are unique");
    }
    for (const NodeSpec& spec : specs) {
        auto it = by_name_.find(spec.name);  // a node that comes back gets its old index
        const NodeId n = it != by_name_.end() ? it->second : append_node(spec);
        write_node(n, spec);
        set_present(n, true);
        ++structure_;
        changed();
        if (marked()) {
            remember([n](Cluster& c) { c.set_present(n, false), ++c.structure_; });
        }
    }
}

void Cluster::update_node(NodeSpec spec) {
    validate(spec);
    const NodeId n = index_of(spec.name);
    const auto check_used = [&](const std::string& resource, std::int64_t capacity, ResourceId r) {
        const std::int64_t used = capacity_[r][n] - free(r, n);
        if (capacity < used) {
            refuse_node(spec.name, resource + ": " + std::to_string(capacity) + " is below the " +
                                       std::to_string(used) + " in use; release or move tasks first");
        }
    };
    for (ResourceId r = 0; r < resource_count(); ++r) {
        std::int64_t capacity = r == kCpu ? spec.cpu.value() : r == kMemory ? spec.memory.value() : 0;
        for (const auto& [name, amount] : spec.extended) {
            if (resources_.find(name) == r) capacity = amount;
        }
        check_used(resources_.name(r), capacity, r);
    }
    const auto& old = node_class(n).devices;
    for (int g = 0; g < gpu_count(n); ++g) {
        const bool busy = gpu_free(n)[g] < kWholeGpu.value();
        const bool same = g < static_cast<int>(spec.gpus.size()) &&
                          models_.name(old[g].model) == spec.gpus[g].model &&
                          old[g].memory == spec.gpus[g].memory.value() &&
                          old[g].partition == find_partition(spec.gpus[g].partitions);
        if (busy && !same)
            refuse_node(spec.name, "gpus: device " + std::to_string(g) + " is in use and would change");
    }
    NodeSpec before = this->spec(n);
    write_node(n, spec);
    ++structure_;
    changed();
    if (marked()) {
        remember([n, before = std::move(before)](Cluster& c) { c.write_node(n, before), ++c.structure_; });
    }
}

std::vector<std::string> Cluster::remove_node(const std::string& name, bool evict) {
    const NodeId n = index_of(name);
    if (task_count(n) && !evict) {
        refuse_node(name,
                    std::to_string(task_count(n)) + " tasks run there; release them, or remove with evict");
    }
    std::vector<std::string> lost;
    for (JobId id = 0; task_count(n) && id < job_slots(); ++id) {
        if (!jobs_[id].live) continue;
        std::vector<TaskPlace> rest;
        std::vector<std::uint8_t> roles;
        for (std::size_t t = 0; t < jobs_[id].tasks.size(); ++t) {
            const TaskPlace& task = jobs_[id].tasks[t];
            if (task.node == n) {
                give(task);
                continue;
            }
            rest.push_back(task);
            if (!jobs_[id].roles().empty()) roles.push_back(jobs_[id].roles()[t]);
        }
        if (rest.size() == jobs_[id].tasks.size()) continue;
        lost.push_back(jobs_[id].name().empty() ? "#" + std::to_string(id) : jobs_[id].name());
        if (jobs_[id].gang() && below_least(*jobs_[id].gang(), rest.size(), roles)) {
            for (const TaskPlace& task : rest) give(task);  // what is left could not go on
            rest.clear();
        }
        if (rest.empty()) {
            drop_job(id);
        } else {
            set_tasks(id, rest, std::move(roles));
        }
    }
    set_present(n, false);
    ++structure_;
    changed();
    if (marked()) {
        remember([n](Cluster& c) { c.set_present(n, true), ++c.structure_; });
    }
    return lost;
}

NodeId Cluster::find(const std::string& name) const {
    auto it = by_name_.find(name);
    return it != by_name_.end() && present(it->second) ? it->second : kNoNode;
}

NodeId Cluster::index_of(const std::string& name) const {
    const NodeId n = find(name);
    if (n == kNoNode) refuse_node(name, "there is no such node");
    return n;
}

NodeSpec Cluster::spec(NodeId n) const {
    const NodeClass& c = node_class(n);
    NodeSpec spec;
    spec.name = names_[n];
    spec.cpu = MilliCpu(capacity_[kCpu][n]);
    spec.memory = MiB(capacity_[kMemory][n]);
    for (const Device& d : c.devices) {
        spec.gpus.push_back({models_.name(d.model), MiB(d.memory), d.domain,
                             d.partition ? partition_table(d.partition).name() : ""});
    }
    for (ResourceId r = kMemory + 1; r < resource_count(); ++r) {
        if (capacity_[r][n]) spec.extended.emplace_back(resources_.name(r), capacity_[r][n]);
    }
    spec.labels = c.labels;
    spec.taints = c.taints;
    spec.schedulable = c.schedulable;
    return spec;
}

std::int64_t Cluster::largest(ResourceId r) const {
    std::int64_t best = 0;
    for (KindId k = 0; k < kinds_.size(); ++k) {
        if (kind_size_[k] && r < kinds_[k].capacity.size()) best = std::max(best, kinds_[k].capacity[r]);
    }
    return best;
}

std::int64_t Cluster::largest_gpus() const {
    std::size_t best = 0;
    for (KindId k = 0; k < kinds_.size(); ++k) {
        if (kind_size_[k]) best = std::max(best, classes_[kinds_[k].node_class].devices.size());
    }
    return static_cast<std::int64_t>(best);
}

}  // namespace hal
