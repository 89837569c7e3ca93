#pragma once

#include <memory>
#include <span>
#include <string>

#include "halcore/model/cluster.h"

namespace hal {

/// A caller's own filter. Batched: one call for a shape over the candidate nodes.
class Filter {
  public:
    virtual ~Filter() = default;
    virtual const std::string& name() const = 0;
    /// Sets keep[i] to 0 where nodes[i] must not take a task of the shape.
    virtual void apply(const Cluster& cluster, ShapeId shape, std::span<const NodeId> nodes,
                       std::span<std::uint8_t> keep) const = 0;
};

using FilterPtr = std::shared_ptr<const Filter>;

}  // namespace hal
