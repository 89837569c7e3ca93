#include "halcore/c_api/native_batch.h"

namespace hal {

std::vector<std::int64_t> NativeColumns::largest() const {
    std::vector<std::int64_t> result;
    for (ResourceId r = 0; r < cluster_.resource_count(); ++r) result.push_back(cluster_.largest(r));
    result.push_back(cluster_.largest_gpus());
    return result;
}

bool NativeColumns::stale() const {
    return structure_ != UINT64_MAX && structure_ != cluster_.structure_version() && largest_ != largest();
}

void NativeColumns::copy(NodeId n) {
    const NodeState& node = cluster_.state()[n];
    cpu_[n] = node.free[kCpu];
    memory_[n] = node.free[kMemory];
    gpu_begin_[n] = node.gpu_begin;
    gpu_count_[n] = node.gpu_count;
    gpu_total_[n] = node.gpu_total;
    gpu_idle_[n] = node.gpu_idle;
    gpu_max_[n] = node.gpu_max;
    tasks_[n] = node.tasks;
    present_[n] = node.present;
}

const hal_columns& NativeColumns::read() {
    // Columns move only when nodes or resources come.
    if (structure_ != cluster_.structure_version() || largest_.size() != cluster_.resource_count() + 1) fit();
    const ChangeList& changes = cluster_.changes();
    changes.since(synced_, [this](NodeId n) { copy(n); });
    synced_ = changes.clock();
    return columns_;
}

void NativeColumns::fit() {
    const std::size_t resources = cluster_.resource_count();
    const auto size = [nodes = cluster_.node_slots()](auto&... columns) { (columns.resize(nodes), ...); };
    size(cpu_, memory_, gpu_begin_, gpu_count_, gpu_total_, gpu_idle_, gpu_max_, tasks_, present_);
    largest_ = largest();
    structure_ = cluster_.structure_version();
    free_.resize(resources);
    capacity_.resize(resources);
    for (std::size_t r = names_.size(); r < resources; ++r)
        names_.push_back(cluster_.resources().name(static_cast<ResourceId>(r)).c_str());
    for (ResourceId r = 0; r < resources; ++r) {
        free_[r] = r == kCpu      ? cpu_.data()
                   : r == kMemory ? memory_.data()
                                  : cluster_.free_extended_column(r).data();
        capacity_[r] = cluster_.capacity_column(r).data();
    }
    columns_.size = sizeof columns_;
    columns_.n_nodes = cluster_.node_slots();
    columns_.n_resources = resources;
    columns_.resource_names = names_.data();
    columns_.free = free_.data();
    columns_.capacity = capacity_.data();
    columns_.capacity_max = largest_.data();
    columns_.gpu_count = gpu_count_.data();
    columns_.gpu_total_free = gpu_total_.data();
    columns_.gpu_idle = gpu_idle_.data();
    columns_.gpu_max_free = gpu_max_.data();
    columns_.gpu_begin = gpu_begin_.data();
    columns_.gpu_free = cluster_.gpu_free_rows().data();
    columns_.gpu_count_max = largest_.back();
    columns_.tasks = tasks_.data();
    columns_.present = present_.data();
}

const hal_request& NativeBatch::request(std::unique_ptr<Request>& kept, const Shape& s) {
    const std::size_t resources = cluster_.resource_count();
    if (kept && kept->amounts.size() == resources) return kept->request;
    kept = std::make_unique<Request>();
    kept->amounts.assign(resources, 0);
    kept->amounts[kCpu] = s.cpu;
    kept->amounts[kMemory] = s.memory;
    for (const auto& [r, amount] : s.extended) kept->amounts[r] = amount;
    kept->model_names = s.spec.gpu_models;
    for (const std::string& model : kept->model_names) kept->models.push_back(model.c_str());
    kept->profile = s.spec.gpu_profile;
    kept->request = {
        sizeof(hal_request), kept->amounts.data(), s.gpus, s.milli, s.gpu_memory, kept->models.data(),
        kept->models.size(), kept->profile.c_str()};
    return kept->request;
}

const hal_batch& NativeBatch::ask(ShapeId shape, std::span<const NodeId> nodes,
                                  std::span<const NodeId> placed) {
    if (requests_.size() <= shape) requests_.resize(cluster_.shape_count());
    batch_ = {sizeof(hal_batch), HAL_ABI_VERSION, 0,
              nodes.size(),      nodes.data(),    &request(requests_[shape], cluster_.shape(shape)),
              &columns_.read(),  placed.data(),   placed.size()};
    return batch_;
}

const hal_batch& NativeBatch::ask_nothing(std::span<const NodeId> nodes) {
    batch_ = {sizeof(hal_batch), HAL_ABI_VERSION, 0, nodes.size(), nodes.data(), &request(nothing_, Shape{}),
              &columns_.read(),  nullptr,         0};
    return batch_;
}

}  // namespace hal
