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

const hal_columns& NativeColumns::read() {
    const std::size_t resources = cluster_.resource_count();
    // Columns move only when nodes or resources come.
    if (structure_ == cluster_.structure_version() && largest_.size() == resources + 1) return columns_;
    largest_ = largest();
    structure_ = cluster_.structure_version();
    free_.resize(resources);
    capacity_.resize(resources);
    for (std::size_t r = names_.size(); r < resources; ++r)
        names_.push_back(cluster_.resources().name(static_cast<ResourceId>(r)).c_str());
    for (ResourceId r = 0; r < resources; ++r) {
        free_[r] = cluster_.free_column(r).data();
        capacity_[r] = cluster_.capacity_column(r).data();
    }
    columns_.size = sizeof columns_;
    columns_.n_nodes = cluster_.node_slots();
    columns_.n_resources = resources;
    columns_.resource_names = names_.data();
    columns_.free = free_.data();
    columns_.capacity = capacity_.data();
    columns_.capacity_max = largest_.data();
    columns_.gpu_count = cluster_.gpu_count_column().data();
    columns_.gpu_total_free = cluster_.gpu_total_column().data();
    columns_.gpu_idle = cluster_.gpu_idle_column().data();
    columns_.gpu_max_free = cluster_.gpu_max_column().data();
    columns_.gpu_begin = cluster_.gpu_begin_column().data();
    columns_.gpu_free = cluster_.gpu_free_rows().data();
    columns_.gpu_count_max = largest_.back();
    columns_.tasks = cluster_.task_column().data();
    columns_.present = cluster_.present_column().data();
    return columns_;
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
