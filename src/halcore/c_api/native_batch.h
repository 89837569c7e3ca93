#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "halcore/c_api/hal_plugin.h"
#include "halcore/model/cluster.h"

namespace hal {

/// A cluster's columns as hal.h shows them, each in one piece; what changed since the last read is copied by
/// each. Cost: O(nodes changed).
class NativeColumns {
  public:
    explicit NativeColumns(const Cluster& cluster) : cluster_(cluster) {}
    const hal_columns& read();
    /// True when the largest capacities, which scores of Node scope may depend on, are no longer those read.
    bool stale() const;

  private:
    std::vector<std::int64_t> largest() const;
    void fit();
    void copy(NodeId node);

    const Cluster& cluster_;
    std::uint64_t synced_ = 0;  // the cluster's clock at the last read
    std::vector<std::int64_t> cpu_, memory_, gpu_begin_;
    std::vector<std::int32_t> gpu_count_, gpu_total_, gpu_idle_, gpu_max_;
    std::vector<std::uint32_t> tasks_;
    std::vector<std::uint8_t> present_;
    std::uint64_t structure_ = UINT64_MAX;
    std::vector<std::int64_t> largest_;  // by resource, then devices
    std::vector<const std::int64_t*> free_, capacity_;
    std::vector<const char*> names_;
    hal_columns columns_{};
};

/// Questions to a native unit about one cluster. What a shape asks for is put into C's words once.
class NativeBatch {
  public:
    explicit NativeBatch(const Cluster& cluster) : cluster_(cluster), columns_(cluster) {}
    const hal_batch& ask(ShapeId shape, std::span<const NodeId> nodes, std::span<const NodeId> placed = {});
    /// About a task that asks for nothing.
    const hal_batch& ask_nothing(std::span<const NodeId> nodes);
    bool stale() const { return columns_.stale(); }

  private:
    struct Request {
        std::vector<std::int64_t> amounts;
        std::vector<const char*> models;
        std::string profile;
        std::vector<std::string> model_names;
        hal_request request{};
    };
    const hal_request& request(std::unique_ptr<Request>& kept, const Shape& shape);

    const Cluster& cluster_;
    NativeColumns columns_;
    std::vector<std::unique_ptr<Request>> requests_;  // by shape
    std::unique_ptr<Request> nothing_;
    hal_batch batch_{};
};

}  // namespace hal
