#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "halcore/c_api/api_support.h"
#include "halcore/c_api/native_batch.h"
#include "halcore/engine/engine.h"

// What is behind the opaque handles of hal.h.

struct hal_shape {
    explicit hal_shape(hal::ShapeSpec valid_spec);
    hal::ShapeSpec spec;
    std::uint64_t uid;  // by which clusters find its interned form without hashing it
};

struct hal_policy {
    /// Adds a part; Misuse once the policy was used.
    template <class F>
    void change(F&& f) {
        const std::lock_guard lock(mutex);
        if (built) throw hal::c_api::Misuse("policy: was used already, and is fixed; make another");
        f();
    }
    /// Fixes the policy as it is.
    std::shared_ptr<const hal::Policy> fixed() const;

    std::string name;
    std::uint64_t seed = 0, tie_seed = 0;
    std::vector<hal::Policy::Part> parts;
    std::vector<hal::FilterPtr> filters;
    mutable std::mutex mutex;
    mutable std::shared_ptr<const hal::Policy> built;
};

/// A cluster with its engine, behind one lock.
struct hal_cluster {
    hal_cluster();
    hal_cluster(const hal_cluster& other);

    /// Runs f() with the lock held. A scorer that comes back to the cluster it is asked about gets an error.
    template <class F>
    void run(F&& f) {
        const Turn turn(*this);
        f();
    }
    hal::ShapeId intern(const hal_shape& shape);
    hal::JobRequest request(const hal_job& job);

    hal::Cluster cluster;
    hal::Engine engine;
    hal::NativeColumns columns;
    std::uint64_t uid;

  private:
    class Turn {
      public:
        explicit Turn(hal_cluster& of) : of_(of) {
            if (of.owner_ == std::this_thread::get_id())
                throw hal::c_api::Misuse("cluster: a policy must not call the cluster it is deciding on");
            of.mutex_.lock();
            of.owner_ = std::this_thread::get_id();
        }
        ~Turn() {
            of_.owner_ = std::thread::id{};
            of_.mutex_.unlock();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

      private:
        hal_cluster& of_;
    };
    std::mutex mutex_;
    std::atomic<std::thread::id> owner_;
    std::unordered_map<std::uint64_t, hal::ShapeId> shapes_;  // by the shape's uid
};

struct hal_placements {
    /// Job ids as callers see them, once applied.
    void number();
    hal::PlaceResult result;
    std::vector<std::int64_t> ids;
    std::uint64_t cluster = 0;  // uid of the one that they are for
};

struct hal_explanation {
    hal::Explanation of;
    std::vector<const char*> reasons;
    std::vector<std::uint64_t> rejected;
    std::vector<std::uint32_t> top_node;
    std::vector<double> top_score;
};

namespace hal::c_api {

NodeSpec node_spec(const hal_node& node);
ShapeSpec shape_spec(const hal_shape_spec& spec);

}  // namespace hal::c_api
