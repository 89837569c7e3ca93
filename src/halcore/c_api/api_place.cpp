#include "halcore/c_api/api_handles.h"
#include "halcore/model/error.h"

using namespace hal::c_api;

namespace {

void check_own(const hal_cluster& cluster, const hal_placements& placements) {
    if (cluster.uid != placements.cluster)
        throw Misuse("placements: are for another cluster; place again on this one");
}

// A job's id, checked: -1 and numbers beyond 32 bits are none.
hal::JobId running(const hal::Cluster& cluster, std::int64_t id) {
    if (id < 0 || id >= hal::kNoJob || !cluster.has_job(static_cast<hal::JobId>(id)))
        throw hal::InvalidModel("ids: " + std::to_string(id) + " is no running job");
    return static_cast<hal::JobId>(id);
}

}  // namespace

void hal_placements::number() {
    ids.clear();
    for (const hal::JobId id : result.ids)
        ids.push_back(id == hal::kNoJob ? -1 : static_cast<std::int64_t>(id));
}

hal::JobRequest hal_cluster::request(const hal_job& job) {
    hal::JobRequest request;
    request.name = text_or_empty(job.name);
    request.shape = intern(given(job.shape, "job.shape"));
    request.tasks = job.tasks;
    request.priority = job.priority;
    return request;
}

int hal_shape_new(const hal_shape_spec* spec, hal_shape** out) {
    return guarded([&] {
        given(out, "out");
        *out = new hal_shape(shape_spec(read(spec, "spec")));
    });
}

void hal_shape_free(hal_shape* shape) {
    delete shape;
}

int hal_place(hal_cluster* cluster, const hal_policy* policy, const hal_job* jobs, size_t n_jobs,
              uint32_t flags, hal_placements** out) {
    return guarded([&] {
        if (flags & ~std::uint32_t{HAL_APPLY})
            throw Misuse("flags: " + std::to_string(flags) + " is unknown");
        const bool apply = flags & HAL_APPLY;
        if (!apply) given(out, "out");
        const auto fixed = given(policy, "policy").fixed();
        given(cluster, "cluster").run([&] {
            std::vector<hal::JobRequest> requests;
            each(jobs, n_jobs, "jobs",
                 [&](const hal_job& job) { requests.push_back(cluster->request(job)); });
            // Whatever may fail comes before the jobs are booked.
            auto placements = out ? std::make_unique<hal_placements>() : nullptr;
            if (out) placements->ids.reserve(n_jobs);
            hal::PlaceResult result = cluster->engine.place(std::move(requests), fixed, apply);
            if (!out) return;
            placements->result = std::move(result);
            placements->cluster = cluster->uid;
            placements->number();
            *out = placements.release();
        });
    });
}

int hal_apply(hal_cluster* cluster, hal_placements* placements) {
    return guarded([&] {
        given(placements, "placements");
        given(cluster, "cluster").run([&] {
            check_own(*cluster, *placements);
            placements->ids.reserve(placements->result.status.size());
            cluster->engine.apply(placements->result);
            placements->number();
        });
    });
}

int hal_placements_get(const hal_placements* placements, hal_placement_columns* out) {
    return guarded([&] {
        const hal::PlaceResult& r = given(placements, "placements").result;
        write(out,
              {0, r.status.size(), r.node.size(), r.status.data(), r.task_begin.data(), r.node.data(),
               r.devices.data(), r.score.data(), r.ids.empty() ? nullptr : placements->ids.data()},
              "out");
    });
}

void hal_placements_free(hal_placements* placements) {
    delete placements;
}

int hal_release(hal_cluster* cluster, const int64_t* ids, size_t n_ids) {
    return guarded([&] {
        if (n_ids) given(ids, "ids");
        given(cluster, "cluster").run([&] {
            hal::Cluster& c = cluster->cluster;
            if (n_ids == 1) return c.remove_job(running(c, *ids));
            std::vector<std::int64_t> sorted(ids, ids + n_ids);
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t i = 0; i < n_ids; ++i) {
                running(c, sorted[i]);
                if (i && sorted[i] == sorted[i - 1])
                    throw hal::InvalidModel("ids: " + std::to_string(sorted[i]) + " is given twice");
            }
            for (std::size_t i = 0; i < n_ids; ++i) c.remove_job(static_cast<hal::JobId>(ids[i]));
        });
    });
}

int hal_release_named(hal_cluster* cluster, const char* name) {
    return guarded([&] {
        const std::string of = text(name, "name");
        given(cluster, "cluster").run([&] {
            const hal::JobId id = cluster->cluster.find_job(of);
            if (id == hal::kNoJob) throw hal::InvalidModel("job '" + of + "': it is not placed");
            cluster->cluster.remove_job(id);
        });
    });
}
