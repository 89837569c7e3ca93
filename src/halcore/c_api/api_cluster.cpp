#include "halcore/c_api/api_handles.h"
#include "halcore/model/error.h"

using namespace hal::c_api;

namespace {

std::uint64_t next_uid() {
    static std::atomic<std::uint64_t> next{1};
    return next++;
}

std::vector<std::string> names_of(const char* const* names, std::size_t count, const char* what) {
    std::vector<std::string> result;
    for (std::size_t i = 0; names && i < count; ++i) result.push_back(text(names[i], what));
    return result;
}

}  // namespace

hal_shape::hal_shape(hal::ShapeSpec valid_spec) : spec(std::move(valid_spec)), uid(next_uid()) {}

hal_cluster::hal_cluster() : engine(cluster), columns(cluster), uid(next_uid()) {}
hal_cluster::hal_cluster(const hal_cluster& other)
    : cluster(other.cluster), engine(cluster), columns(cluster), uid(next_uid()), shapes_(other.shapes_) {}

hal::ShapeId hal_cluster::intern(const hal_shape& shape) {
    const auto it = shapes_.find(shape.uid);
    if (it != shapes_.end()) return it->second;
    return shapes_[shape.uid] = cluster.intern(shape.spec);
}

int hal_cluster_new(hal_cluster** out) {
    return guarded([&] {
        given(out, "out");
        *out = new hal_cluster();
    });
}

void hal_cluster_free(hal_cluster* cluster) {
    delete cluster;
}

int hal_cluster_fork(hal_cluster* cluster, hal_cluster** out) {
    return guarded([&] {
        given(out, "out");
        given(cluster, "cluster").run([&] { *out = new hal_cluster(*cluster); });
    });
}

int hal_cluster_add_nodes(hal_cluster* cluster, const hal_node* nodes, size_t n_nodes) {
    return guarded([&] {
        std::vector<hal::NodeSpec> specs;
        each(nodes, n_nodes, "nodes", [&](const hal_node& node) { specs.push_back(node_spec(node)); });
        given(cluster, "cluster").run([&] { cluster->cluster.add_nodes(std::move(specs)); });
    });
}

int hal_cluster_add_columns(hal_cluster* cluster, const hal_node_columns* columns) {
    return guarded([&] {
        const hal_node_columns in = read(columns, "columns");
        const std::size_t n = in.n_nodes;
        if (n) given(in.cpu, "columns.cpu"), given(in.memory, "columns.memory");
        if (in.n_models) given(in.models, "columns.models");
        const std::vector<std::int32_t> none(in.gpu_count && in.gpu_model ? 0 : n, 0);
        const std::vector<std::int64_t> no_memory(in.gpu_memory ? 0 : n, 0);
        const auto narrow = [&](const std::int32_t* column) {
            return std::span(column ? column : none.data(), n);
        };
        hal::NodeColumns out;
        out.cpu = {in.cpu, n};
        out.memory = {in.memory, n};
        out.gpu_count = narrow(in.gpu_count);
        out.gpu_model = narrow(in.gpu_model);
        out.gpu_memory = std::span(in.gpu_memory ? in.gpu_memory : no_memory.data(), n);
        out.models = names_of(in.models, in.n_models, "columns.models");
        out.names = names_of(in.names, n, "columns.names");
        given(cluster, "cluster").run([&] { cluster->cluster.add_columns(out); });
    });
}

int hal_cluster_update_node(hal_cluster* cluster, const hal_node* node) {
    return guarded([&] {
        hal::NodeSpec spec = node_spec(read(node, "node"));
        given(cluster, "cluster").run([&] { cluster->cluster.update_node(std::move(spec)); });
    });
}

int hal_cluster_remove_node(hal_cluster* cluster, const char* name, int evict, size_t* n_evicted) {
    return guarded([&] {
        const std::string of = text(name, "name");
        given(cluster, "cluster").run([&] {
            const std::size_t lost = cluster->cluster.remove_node(of, evict != 0).size();
            if (n_evicted) *n_evicted = lost;
        });
    });
}

int hal_cluster_get_info(hal_cluster* cluster, hal_cluster_info* out) {
    return guarded([&] {
        given(cluster, "cluster").run([&] {
            const hal::Cluster& c = cluster->cluster;
            write(out, {0, c.node_count(), c.node_slots(), c.job_count(), c.version()}, "out");
        });
    });
}

int hal_cluster_digest(hal_cluster* cluster, uint64_t* out) {
    return guarded([&] {
        given(out, "out");
        given(cluster, "cluster").run([&] { *out = cluster->cluster.digest(); });
    });
}

int hal_cluster_find_node(hal_cluster* cluster, const char* name, uint32_t* node) {
    return guarded([&] {
        given(node, "node");
        const std::string of = text(name, "name");
        given(cluster, "cluster").run([&] { *node = cluster->cluster.index_of(of); });
    });
}

int hal_cluster_node_name(hal_cluster* cluster, uint32_t node, const char** name) {
    return guarded([&] {
        given(name, "name");
        given(cluster, "cluster").run([&] {
            if (node >= cluster->cluster.node_slots())
                throw hal::InvalidModel("node: " + std::to_string(node) + " is no node id");
            *name = cluster->cluster.name(node).c_str();
        });
    });
}

int hal_cluster_get_columns(hal_cluster* cluster, hal_columns* out) {
    return guarded(
        [&] { given(cluster, "cluster").run([&] { write(out, cluster->columns.read(), "out"); }); });
}
