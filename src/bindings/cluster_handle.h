#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "bind_model.h"
#include "halcore/engine/engine.h"
#include "halcore/model/error.h"

namespace hal::bindings {

/// A cluster with its engine, behind one lock: calls from several threads take turns.
class ClusterHandle {
  public:
    ClusterHandle() : engine_(cluster_) {}
    ClusterHandle(const ClusterHandle& other) : cluster_(other.cluster_), engine_(cluster_) {}

    /// Runs f(cluster, engine) with the lock held and the GIL released. A policy written in Python that comes
    /// back to the cluster it is asked about gets an error, not a deadlock.
    template <class F>
    auto run(F&& f) {
        nanobind::gil_scoped_release release;
        const Turn turn(*this);
        return f(cluster_, engine_);
    }
    ShapeId intern(const ShapeHandle& shape) {
        auto [it, added] = shapes_.try_emplace(shape.uid, 0);
        if (added) it->second = cluster_.intern(shape.spec);
        return it->second;
    }
    JobRequest request(const JobHandle& job) {
        std::shared_ptr<Gang> gang;
        if (job.gang) {
            gang = std::make_shared<Gang>(Gang{{}, job.gang->required, job.gang->preferred});
            for (const auto& r : job.gang->roles)
                gang->roles.push_back({intern(*r.shape), r.tasks, r.min_tasks, r.slice, r.slice_level});
        }
        return {job.name,     intern(*job.shape), job.tasks,
                job.priority, std::move(gang),    job.traits ? intern(*job.traits) : 0};
    }
    TraitsId intern(const TraitsHandle& traits) {
        auto [it, added] = traits_.try_emplace(traits.uid, 0);
        if (added) it->second = cluster_.intern(traits.spec);
        return it->second;
    }

  private:
    class Turn {
      public:
        explicit Turn(ClusterHandle& handle) : handle_(handle) {
            if (handle.owner_ == std::this_thread::get_id()) {
                throw PolicyError("a policy must not call the cluster it is deciding on");
            }
            handle.mutex_.lock();
            handle.owner_ = std::this_thread::get_id();
        }
        ~Turn() {
            handle_.owner_ = std::thread::id{};
            handle_.mutex_.unlock();
        }

      private:
        ClusterHandle& handle_;
    };
    Cluster cluster_;
    Engine engine_;
    std::mutex mutex_;
    std::atomic<std::thread::id> owner_;
    std::unordered_map<std::uint64_t, ShapeId> shapes_;   // by the handle's uid
    std::unordered_map<std::uint64_t, TraitsId> traits_;  // likewise
};

/// Read-only numpy views of a cluster's columns as they are, by name: what a policy written in Python reads.
nanobind::dict cluster_columns(const Cluster& cluster);

}  // namespace hal::bindings
